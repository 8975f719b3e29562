"""One warm connection, and transactions that travel in one round trip.

The statements of a transaction leave together with BEGIN and COMMIT, and a result that is read after the block costs no
round trip of its own. A result that is read inside the block costs one. No session state is left behind and nothing is
prepared, so PgBouncer, Neon's and Supabase's poolers work. RDS Proxy works, but pins each connection to one of the
database's at `set_config`, even for a transaction: it saves none.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec

import psycopg
from psycopg import ClientCursor
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn

from clipferry.db import server_certificates
from clipferry.db.rows import Row, Rows, UtcTimestampLoader
from clipferry.db.transaction import Transaction
from clipferry.errors import ClipferryError, DatabaseBusyError, DatabaseUnavailableError, InvalidRequestError

__all__ = ["Database", "Rows", "Transaction"]

Parameters = ParamSpec("Parameters")

PING_AFTER_SECONDS = 60
"""A connection that was idle for longer may have been dropped silently (a frozen Lambda, a NAT): ask before use."""
PING_SECONDS = 2.0
"""How long the server may take to answer then: a peer that is gone without a word never would."""


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
        announce: Callable[[list[int]], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Takes time-outs in seconds. `url` is libpq's; its TLS parameters pass through.

        `new_url` is asked, with the old one, when the server or a pooler refuses it: for what has replaced it, if
        anything has. `announce` asks for the webhooks (ids of deliveries) that a transaction has written, after its
        commit; without it the schedule finds them. `clock` is the wall clock: the monotonic one may stand still while a
        Lambda is frozen.
        """
        self._url = url
        self._new_url = new_url
        self._announce = announce
        self._connect_timeout = connect_timeout
        self._clock = clock
        self._settings = (  # in UTC a column of either kind of timestamp may be compared with either
            f"select set_config('statement_timeout', '{statement_timeout:d}s', true), "
            f"set_config('lock_timeout', '{lock_timeout:d}s', true), set_config('timezone', 'UTC', true)"
        )
        self._cursor: ClientCursor[Any] | None = None
        """The connection's. It serves one transaction after another: making one takes a tenth of a short one's time."""
        self._poller = select.poll()
        self._used_at = 0.0

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commits when the block ends, rolls back when it raises; psycopg's errors come out as ours."""
        try:
            cursor = self._open_cursor()
            transaction = Transaction(cursor, "begin", self._settings)
            try:
                yield transaction
                transaction.commit()
            finally:
                transaction.close()
                self._make_idle(cursor.connection)
        except psycopg.Error as error:
            raise _translate(error) from error
        except UnicodeEncodeError as error:
            raise InvalidRequestError("text with half a surrogate pair, which PostgreSQL can't store") from error
        if self._announce and (written := transaction.deliveries()):
            self._announce(written)

    def run(
        self,
        statement: Callable[Concatenate[Transaction, Parameters], Rows[Row]],
        *parameters: Parameters.args,
        **named: Parameters.kwargs,
    ) -> Rows[Row]:
        """Runs one statement, such as `videos.get`, as a transaction of its own."""
        with self.transaction() as tx:
            return statement(tx, *parameters, **named)

    def connect(self) -> None:
        """Opens the connection ahead of its first use."""
        try:
            self._open_cursor()
        except psycopg.Error as error:
            raise _translate(error) from error

    def close(self) -> None:
        if self._cursor is not None:
            self._cursor.connection.close()
            self._cursor = None

    def _open_cursor(self) -> ClientCursor[Any]:
        if self._cursor is not None and not self._is_alive(self._cursor.connection):
            self.close()
        if self._cursor is None:
            connection = self._open()
            self._cursor = ClientCursor(connection)
            self._poller = select.poll()
            self._poller.register(connection.fileno(), select.POLLIN)
            self._used_at = self._clock()
        return self._cursor

    def _is_alive(self, connection: psycopg.Connection[Any]) -> bool:
        """Asks the server only after a long idle time: one that hung up before has left an end of file to read."""
        if not _is_idle(connection):
            return False
        try:
            if self._poller.poll(0):  # on an idle connection the server only says that it ends
                return False
            if abs(self._clock() - self._used_at) > PING_AFTER_SECONDS:
                return self._answers(connection.pgconn)
        except psycopg.Error:
            return False
        return not connection.closed

    def _answers(self, pgconn: PGconn) -> bool:
        """Whether the server answers within PING_SECONDS; psycopg's own wait for a result has no end."""
        deadline = time.monotonic() + PING_SECONDS
        pgconn.send_query(b"select 1")
        pgconn.flush()
        status = None
        while True:
            while pgconn.is_busy():
                if not self._poller.poll(max(deadline - time.monotonic(), 0) * 1000):
                    return False
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:
                return status == ExecStatus.TUPLES_OK
            status = result.status

    def _open(self) -> psycopg.Connection[Any]:
        """Connects, with the new URL after any refusal: a refused password has no code of its own."""
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
            client_encoding="UTF8",  # values are written into the text of the statements: both must be in one encoding
            connect_timeout=self._connect_timeout,
            application_name="clipferry",
            keepalives_idle=30,
            tcp_user_timeout=15_000,
            **server_certificates.parameters(self._url),
        )
        connection.adapters.register_loader("timestamp", UtcTimestampLoader)
        return connection

    def _make_idle(self, connection: psycopg.Connection[Any]) -> None:
        """Rolls back what wasn't committed. Closes a connection that still waits for results: it can't roll back."""
        self._used_at = self._clock()
        if _is_idle(connection):
            return
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()


def _is_idle(connection: psycopg.Connection[Any]) -> bool:
    """Says whether the connection is open and in no transaction."""
    return connection.pgconn.transaction_status == TransactionStatus.IDLE


def _translate(error: psycopg.Error) -> ClipferryError:
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
