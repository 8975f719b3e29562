"""Connects to the database that the operator works on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from cli import local_stack
from cli.output import stop
from clipferry.db.connection import Database

CONNECT_TIMEOUT = "DATABASE_CONNECT_TIMEOUT_SECONDS"
STATEMENT_TIMEOUT_SECONDS = 300
"""The time-out of an operator's statements, which may take longer than a request's."""


def url() -> str:
    """The URL in DATABASE_DIRECT_URL, in DATABASE_URL, in the secret that SECRETS_ARN names, or `make dev`'s.

    The first of them that there is. Without any of them the command ends with exit status 2.
    """
    local_stack.use()
    found = os.environ.get("DATABASE_DIRECT_URL") or os.environ.get("DATABASE_URL")
    if not found and os.environ.get("SECRETS_ARN"):
        return _from_secret()
    if not found:
        stop("Set DATABASE_URL to the database to work on, or start a local stack with `make dev`.")
    return found


def connect_timeout() -> int:
    """Seconds. The command ends with exit status 2 when DATABASE_CONNECT_TIMEOUT_SECONDS isn't a number of them."""
    text = os.environ.get(CONNECT_TIMEOUT) or "5"
    if not text.isdecimal() or int(text) < 1:
        stop(f"{CONNECT_TIMEOUT} must be a number of seconds.")
    return int(text)


def _from_secret() -> str:
    from clipferry import runtime

    try:
        return runtime.dependencies().settings.migration_url
    finally:
        runtime.reset()


@contextmanager
def connect() -> Iterator[Database]:
    """The database, closed after the block."""
    database = Database(url(), connect_timeout=connect_timeout(), statement_timeout=STATEMENT_TIMEOUT_SECONDS)
    try:
        yield database
    finally:
        database.close()
