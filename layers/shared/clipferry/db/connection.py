"""One warm connection, and transactions that travel in one round trip.

Every transaction is a libpq pipeline: its statements leave together with BEGIN and COMMIT, and a result that is read
after the block costs no round trip of its own. A result that is read inside the block costs one. No session state is
left behind and nothing is prepared, so PgBouncer, RDS Proxy, Neon and Supabase poolers work.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader, Transformer
from psycopg.pq import Format, PipelineStatus, TransactionStatus

from clipferry.db.pipeline import Pipeline
from clipferry.db.rows import Row, Rows
from clipferry.errors import ClipferryError, DatabaseBusyError, DatabaseUnavailableError, InvalidRequestError

__all__ = ["Database", "Rows", "Transaction"]

PING_AFTER_SECONDS = 60
"""A connection that was idle for longer may have been dropped silently (a frozen Lambda, a NAT): ask before use."""


class Transaction:
    """What runs between BEGIN and COMMIT."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def run(self, sql: LiteralString, parameters: Mapping[str, Any], row: type[Row]) -> Rows[Row]:
        """Sends one statement; rows come back as `row` (a dataclass whose fields are the columns)."""
        return self._rows(sql, parameters, lambda columns: row(**dict(columns)))

    def records(self, sql: LiteralString, parameters: Mapping[str, Any]) -> Rows[dict[str, Any]]:
        """Sends one statement; rows come back as dictionaries."""
        return self._rows(sql, parameters, dict)

    def send(self, sql: LiteralString, parameters: Mapping[str, Any]) -> None:
        """Sends one statement whose rows don't matter."""
        self._pipeline.send(sql, parameters)

    def _rows(
        self, sql: str, parameters: Mapping[str, Any], make: Callable[[Iterable[tuple[str, Any]]], Row]
    ) -> Rows[Row]:
        rows = Rows(make, self._pipeline.fetch)
        self._pipeline.send(sql, parameters, rows)
        return rows


class Database:
    """One connection that stays open between invocations and is replaced when it has died. For one thread at a time."""

    def __init__(
        self,
        url: str,
        *,
        connect_timeout: int = 5,
        statement_timeout: int = 10,
        lock_timeout: int = 8,
        new_url: Callable[[str], str | None] | None = None,
    ) -> None:
        """All three in seconds. `url` is libpq's; its TLS parameters pass through.

        `new_url` is asked, with the old one, when the server or a pooler refuses it: for what has replaced it, if
        anything has.
        """
        self._url = url
        self._new_url = new_url
        self._connect_timeout = connect_timeout
        self._set_timeouts = (
            f"select set_config('statement_timeout', '{statement_timeout:d}s', true), "
            f"set_config('lock_timeout', '{lock_timeout:d}s', true)"
        ).encode()
        self._connection: psycopg.Connection[Any] | None = None
        self._transformer = Transformer()
        """The connection's. It keeps what it has learned about types, which psycopg's cursors forget."""
        self._used_at = 0.0

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commits when the block ends, rolls back when it raises; psycopg's errors come out as ours."""
        try:
            connection = self._living_connection()
            try:
                with Pipeline(connection, self._transformer) as pipeline:
                    pipeline.send_bare(b"begin")
                    pipeline.send_bare(self._set_timeouts)
                    yield Transaction(pipeline)
                    pipeline.send_bare(b"commit")
            finally:
                self._settle(connection)
        except psycopg.Error as error:
            raise _translated(error) from error
        except UnicodeEncodeError as error:
            raise InvalidRequestError("text with half a surrogate pair, which PostgreSQL can't store") from error

    def connect(self) -> None:
        """Opens the connection ahead of its first use."""
        try:
            self._living_connection()
        except psycopg.Error as error:
            raise _translated(error) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _living_connection(self) -> psycopg.Connection[Any]:
        if self._connection is not None and not self._is_alive(self._connection):
            self.close()
        if self._connection is None:
            self._connection = self._open()
            self._used_at = time.monotonic()
        return self._connection

    def _is_alive(self, connection: psycopg.Connection[Any]) -> bool:
        """Without a round trip, unless it was idle for long: a server that hung up has left an end of file to read."""
        if not _is_idle(connection):
            return False
        poller = select.poll()
        poller.register(connection.fileno(), select.POLLIN)
        try:
            if poller.poll(0):  # nobody speaks to an idle connection but to say farewell
                return False
            if time.monotonic() - self._used_at > PING_AFTER_SECONDS:
                connection.execute("select 1")
        except psycopg.Error:
            return False
        return not connection.closed

    def _open(self) -> psycopg.Connection[Any]:
        """Whoever refuses a password says so in words of its own, and libpq gives no code: every refusal counts."""
        try:
            return self._connect()
        except psycopg.errors.ConnectionTimeout:
            raise
        except psycopg.OperationalError:
            replaced = self._new_url(self._url) if self._new_url else None
            if replaced is None:
                raise
            self._url = replaced
            return self._connect()

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=self._connect_timeout,
            application_name="clipferry",
            keepalives_idle=30,
            tcp_user_timeout=15_000,
        )
        connection.adapters.register_loader("timestamp", _UtcTimestampLoader)
        self._transformer = Transformer(connection)
        return connection

    def _settle(self, connection: psycopg.Connection[Any]) -> None:
        """Leaves the connection idle, or closed when it can't be: what waits for results can't be rolled back."""
        self._used_at = time.monotonic()
        if _is_idle(connection):
            return
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()


def _is_idle(connection: psycopg.Connection[Any]) -> bool:
    """Ready for a transaction: open, in none, and no pipeline was left half-way."""
    pgconn = connection.pgconn
    return pgconn.transaction_status == TransactionStatus.IDLE and pgconn.pipeline_status == PipelineStatus.OFF


class _UtcTimestampLoader(Loader):
    """`timestamp(3)` holds UTC by the original schema's convention; Postgres doesn't know it, so it is said here.

    What reads the text is psycopg's own in C: its class in Python, from which one could inherit, takes thrice the time.
    """

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        loader = psycopg.adapters.get_loader(oid, Format.TEXT)
        assert loader is not None
        self._load = loader(oid, context).load

    def load(self, data: Buffer) -> datetime:
        return self._load(data).replace(tzinfo=UTC)


def _translated(error: psycopg.Error) -> ClipferryError:
    busy = (
        psycopg.errors.LockNotAvailable,
        psycopg.errors.QueryCanceled,
        psycopg.errors.DeadlockDetected,
        psycopg.errors.SerializationFailure,
        psycopg.errors.TooManyConnections,
    )
    if isinstance(error, busy):
        return DatabaseBusyError(type(error).__name__)
    if isinstance(error, psycopg.DataError) and error.sqlstate is None:  # refused before it was sent: NUL in a text
        return InvalidRequestError(str(error))
    if isinstance(error, psycopg.errors.NumericValueOutOfRange):
        return InvalidRequestError("a number is larger than its column takes")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return DatabaseUnavailableError(type(error).__name__)
    return ClipferryError(f"{type(error).__name__}: {error}")
