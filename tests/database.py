"""The tests' databases: where the migrations lie, how tables are emptied, and how a test gets a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, LiteralString, cast
from uuid import uuid4

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from clipferry.db import migrations
from clipferry.db.migration_session import CONNECT_TIMEOUT_SECONDS, WAIT_SECONDS, only_runner

MIGRATIONS = Path(__file__).parents[1] / "migrations"
CONTRACT = Path(__file__).parent / "contract"
PRISMA = CONTRACT / "schema-prisma.sql"
"""What `prisma db push` makes of the founding models."""

_EMPTY = """
truncate public."user", public.session, public.account, public.verification, public.videos, public.credit_packages,
    public.credit_holds, public.credit_transactions, clipferry.jobs, clipferry.video_events, clipferry.callback_inbox,
    clipferry.idempotency_keys, clipferry.order_numbers, clipferry.api_keys, clipferry.rate_windows,
    clipferry.mirrored_files, clipferry.opening_balances, clipferry.deletions, clipferry.provider_circuits,
    clipferry.webhook_events, clipferry.webhook_deliveries, clipferry.webhook_endpoints, clipferry.low_credits,
    clipferry.metadata_pairs
    restart identity
"""


def empty_tables(url: str) -> None:
    """Leaves nothing in a migrated database, and begins every sequence anew."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_EMPTY)


def apply_migrations(
    url: str,
    folder: Path = MIGRATIONS,
    *,
    dry_run: bool = False,
    wait_seconds: float = WAIT_SECONDS,
    connect_timeout: int = CONNECT_TIMEOUT_SECONDS,
) -> list[str]:
    """The files of `schema.bring_up_to_date` alone: in a folder of the test's own there is nothing else to bring."""
    with only_runner(url, wait_seconds=wait_seconds, connect_timeout=connect_timeout) as connection:
        return migrations.apply_files(connection, migrations.read(folder), dry_run=dry_run)


def run(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(cast("LiteralString", sql))


def column(url: str, query: str) -> list[Any]:
    """The first column of what the query finds."""
    with psycopg.connect(url, autocommit=True) as connection:
        return [row[0] for row in connection.execute(cast("LiteralString", query)).fetchall()]


@contextmanager
def new_database(server_url: str, *, template: str = "template0") -> Iterator[str]:
    """A database of its own on the tests' server; `template` is the name of one that nobody is connected to."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(SQL("create database {} template {}").format(Identifier(name), Identifier(template)))
        try:
            yield make_conninfo(server_url, dbname=name)
        finally:
            connection.execute(SQL("drop database {} with (force)").format(Identifier(name)))


def copy_of(server_url: str, url: str) -> AbstractContextManager[str]:
    """A copy of a database that nobody is connected to."""
    return new_database(server_url, template=str(conninfo_to_dict(url)["dbname"]))
