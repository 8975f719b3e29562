"""The connection that changes the schema: one runner at a time, and patience with locks."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, LiteralString, TypeVar, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict

from clipferry.db import server_certificates
from clipferry.errors import ConfigurationError, DatabaseBusyError, DatabaseUnavailableError

Connection = psycopg.Connection[Any]
Result = TypeVar("Result")

CONNECT_TIMEOUT_SECONDS: Final = 5
"""For each address of the host; DATABASE_CONNECT_TIMEOUT_SECONDS changes it."""
WAIT_SECONDS: Final = 120.0
"""How long a runner waits for another one."""
LOCK_TIMEOUT: Final = "4s"
"""A statement that waits for a lock makes everybody behind it wait: it gives up soon and tries again."""
TRIES: Final = 10
_LOCK_KEY: Final = 0x636C6970  # "clip"


@contextmanager
def only_runner(database_url: str, *, wait_seconds: float, connect_timeout: int) -> Iterator[Connection]:
    """Yields a connection in autocommit mode that holds the advisory lock. Needs a direct, unpooled URL.

    Raises DatabaseUnavailableError with the server's address, and ConfigurationError for what the server refuses.
    """
    address = _address(database_url)
    with _connect(database_url, address, connect_timeout) as connection:
        try:
            with _locked(connection, wait_seconds):
                yield connection
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError(f"{address}: {type(error).__name__}: {error}") from error
        except psycopg.Error as error:
            raise ConfigurationError(f"{type(error).__name__}: {error}") from error


def run_patiently(connection: Connection, work: Callable[[], Result]) -> Result:
    """Does the work with a short lock time-out, again when it met a lock that somebody held for longer."""
    for attempt in range(1, TRIES + 1):
        try:
            connection.execute(cast("LiteralString", f"set lock_timeout = '{LOCK_TIMEOUT}'"))
            return work()
        except psycopg.errors.LockNotAvailable:
            if attempt == TRIES:
                raise
            time.sleep(min(0.2 * 2**attempt, 5))
    raise AssertionError("the last try returns or raises")


def _address(database_url: str) -> str:
    """Host and port of a connection URL.

    Raises ConfigurationError for one that libpq reads otherwise than it was meant. A password whose `@`, `/` or `#`
    isn't percent-encoded ends too early, so that the rest of it stands where host and port do, which aren't secret.
    """
    try:
        parts = conninfo_to_dict(database_url)
    except psycopg.ProgrammingError:
        parts = {"port": "unreadable"}
    host, port = (str(parts.get(name) or "") for name in ("host", "port"))
    if "@" in host or not re.fullmatch(r"[\d,]*", port):
        raise ConfigurationError(
            "the database's URL can't be read: is a special character of its password not percent-encoded?"
        )
    return f"{host or parts.get('hostaddr') or 'localhost'}:{port or 5432}"


def _connect(database_url: str, address: str, connect_timeout: int) -> Connection:
    """Its error has no cause: libpq's words name the server and the user, and are fit to be shown."""
    try:
        return psycopg.connect(
            database_url,
            autocommit=True,
            connect_timeout=connect_timeout,
            application_name="clipferry-migrate",
            **server_certificates.parameters(database_url),
        )
    except psycopg.OperationalError as error:
        said = " ".join(str(error).split())
        raise DatabaseUnavailableError(f"can't connect to {address}: {type(error).__name__}: {said}") from None
    except psycopg.Error as error:
        raise ConfigurationError(f"can't connect to {address}: {type(error).__name__}") from None


@contextmanager
def _locked(connection: Connection, wait_seconds: float) -> Iterator[None]:
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
