"""Applies `migrations/*.sql` in order, each once, one runner at a time. Forward only; an edited old file is refused."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, LiteralString, cast

import psycopg

from clipferry.errors import ConfigurationError, DatabaseBusyError, DatabaseUnavailableError

LOCK_TIMEOUT: Final = "4s"
"""A migration that waits for a lock makes everybody behind it wait: it gives up soon and tries again."""
TRIES: Final = 10
_LOCK_KEY: Final = 0x636C6970  # "clip"
_NO_TRANSACTION: Final = "-- no-transaction"

_LEDGER: Final = """
create schema if not exists clipferry;
create table if not exists clipferry.migrations (
    name text primary key, checksum text not null, applied_at timestamptz not null default now()
)
"""

# A concurrent index build that failed leaves an invalid index behind, which IF NOT EXISTS would take for the real one.
_INVALID_INDEXES: Final = """
select format('drop index concurrently if exists %I.%I', n.nspname, c.relname) as statement
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
where not i.indisvalid and (c.relname like 'clipferry%' or n.nspname = 'clipferry')
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. `checksum` is the hex SHA-256 of its text."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        return not self.sql.startswith(_NO_TRANSACTION)

    @property
    def statements(self) -> list[str]:
        """For a file without a transaction, whose statements are sent one by one; each ends a line with `;`."""
        return [part for part in re.split(r";\s*\n", self.sql) if re.sub(r"--.*", "", part).strip()]


def read(folder: Path) -> list[Migration]:
    """The files of `folder` named `NNNN_verb_noun.sql`, in order."""
    files = sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    if not files:
        raise ConfigurationError(f"no migrations in {folder}")
    return [Migration(file.name, file.read_text()) for file in files]


def apply(database_url: str, folder: Path, *, dry_run: bool = False, wait_seconds: float = 120) -> list[str]:
    """Applies what is missing and returns the names; with `dry_run` only names them. Needs a direct, unpooled URL."""
    migrations = read(folder)
    try:
        with (
            psycopg.connect(database_url, autocommit=True, application_name="clipferry-migrate") as connection,
            _only_runner(connection, wait_seconds),
        ):
            pending = _pending(connection, migrations)
            if not dry_run:
                connection.execute(_LEDGER)
                for migration in pending:
                    _apply_one(connection, migration)
            return [migration.name for migration in pending]
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError(f"{type(error).__name__}: {error}") from error
    except psycopg.Error as error:
        raise ConfigurationError(f"{type(error).__name__}: {error}") from error


@contextmanager
def _only_runner(connection: psycopg.Connection[Any], wait_seconds: float) -> Iterator[None]:
    """An advisory lock that is polled: one that is waited for deadlocks with a concurrent index build."""
    give_up = time.monotonic() + wait_seconds
    while connection.execute("select pg_try_advisory_lock(%s)", [_LOCK_KEY]).fetchone() != (True,):
        if time.monotonic() > give_up:
            raise DatabaseBusyError("another migration has been running for too long")
        time.sleep(0.25)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(%s)", [_LOCK_KEY])


def _pending(connection: psycopg.Connection[Any], migrations: list[Migration]) -> list[Migration]:
    exists = connection.execute("select to_regclass('clipferry.migrations') is not null").fetchone() == (True,)
    recorded = connection.execute("select name, checksum from clipferry.migrations").fetchall() if exists else []
    applied = dict(recorded)
    edited = [m.name for m in migrations if applied.get(m.name, m.checksum) != m.checksum]
    if edited:
        raise ConfigurationError(f"edited after they were applied: {', '.join(edited)}")
    unknown = sorted(set(applied) - {m.name for m in migrations})
    if unknown:
        raise ConfigurationError(f"the database is newer than this code; it has {', '.join(unknown)}")
    return [m for m in migrations if m.name not in applied]


def _apply_one(connection: psycopg.Connection[Any], migration: Migration) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            connection.execute(cast("LiteralString", f"set lock_timeout = '{LOCK_TIMEOUT}'"))
            if migration.in_transaction:
                _run_in_transaction(connection, migration)
            else:
                _run_one_by_one(connection, migration)
        except psycopg.errors.LockNotAvailable:
            if attempt == TRIES:
                raise
            time.sleep(min(0.2 * 2**attempt, 5))
        else:
            return


def _run_in_transaction(connection: psycopg.Connection[Any], migration: Migration) -> None:
    with connection.transaction():
        connection.execute(cast("LiteralString", migration.sql))
        _note(connection, migration)


def _run_one_by_one(connection: psycopg.Connection[Any], migration: Migration) -> None:
    for (statement,) in connection.execute(_INVALID_INDEXES).fetchall():
        connection.execute(statement)
    for statement in migration.statements:
        connection.execute(cast("LiteralString", statement))
    _note(connection, migration)


def _note(connection: psycopg.Connection[Any], migration: Migration) -> None:
    connection.execute(
        "insert into clipferry.migrations (name, checksum) values (%s, %s)",
        [migration.name, migration.checksum],
    )
