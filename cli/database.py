"""The database that the operator works on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from clipferry.db.connection import Database

PATIENCE_SECONDS = 300
"""An operator's statement may take longer than a request's."""


def url() -> str:
    """DATABASE_DIRECT_URL if set, else DATABASE_URL, else what the secret says that SECRETS_ARN names."""
    found = os.environ.get("DATABASE_DIRECT_URL") or os.environ.get("DATABASE_URL")
    if not found and os.environ.get("SECRETS_ARN"):
        return _from_secret()
    if not found:
        typer.echo("Set DATABASE_URL to the database to work on.", err=True)
        raise typer.Exit(2)
    return found


def _from_secret() -> str:
    from clipferry import runtime

    try:
        return runtime.dependencies().migration_url
    finally:
        runtime.reset()


@contextmanager
def opened() -> Iterator[Database]:
    database = Database(url(), statement_timeout=PATIENCE_SECONDS)
    try:
        yield database
    finally:
        database.close()
