"""One transaction as a libpq pipeline: its statements leave together, and nothing follows its Sync.

psycopg's own pipeline costs 60 to 80 µs of Python a statement, and on leaving it sends Flush behind Sync. Sync ends the
transaction, so PgBouncer takes the server's connection back; a Flush that comes after that is given another one, which
nothing ever gives back. So the pipeline is our own, over `psycopg.pq`; psycopg connects, waits (and cancels on Ctrl-C),
turns values into parameters and results into values, and names the errors.

Of that `Connection.wait`, `errors.error_from_result`, `psycopg.waiting` and the Transformer's methods have public names
but no page in psycopg's documentation; a change of theirs would fail every test with a database in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.abc import PQGen, Transformer
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.waiting import Ready, Wait

from clipferry.db.placeholders import numbered
from clipferry.db.rows import Rows

_DONE: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.EMPTY_QUERY)
_FAILED: Final = (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED)


class Pipeline:
    """From the first statement to the Sync. Leaving its block waits for all results; the first error is raised then.

    An error that is on its way out of the block already is not replaced. Statements stay in libpq's buffer (up to some
    kilobytes) until a result is asked for or the block ends.
    """

    def __init__(self, connection: psycopg.Connection[Any], transformer: Transformer) -> None:
        """`transformer` is the connection's, and lives as long: what it has learned about types is used again."""
        self._connection = connection
        self._pgconn = connection.pgconn
        self._transformer = transformer
        self._awaited: deque[Rows[Any] | None] = deque()
        self._error: psycopg.Error | None = None
        self._is_over = False

    def __enter__(self) -> Pipeline:
        self._pgconn.enter_pipeline_mode()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self._pgconn.pipeline_sync()
            self._awaited.append(None)
            self._receive()
        except psycopg.Error:
            if error is None:
                raise
        finally:
            self._leave()

    def send(self, sql: str, parameters: Mapping[str, Any], rows: Rows[Any] | None = None) -> None:
        """Puts one statement on its way; its result goes into `rows`. Raises psycopg.Error for what can't be sent."""
        statement, transformer = numbered(sql), self._transformer
        values = transformer.dump_sequence(statement.values(parameters), statement.formats)
        self._pgconn.send_query_params(statement.text, values, transformer.types, transformer.formats)
        self._awaited.append(rows)

    def send_bare(self, text: bytes) -> None:
        """Puts a statement without parameters or rows on its way."""
        self._pgconn.send_query_params(text, None)
        self._awaited.append(None)

    def fetch(self) -> None:
        """Asks for all results that are missing, and waits for them; raises the first error of a statement."""
        if not self._is_over:
            self._pgconn.send_flush_request()
            self._receive()

    def _receive(self) -> None:
        """Raises the pipeline's first error, again and again: what follows it was skipped by the server."""
        try:
            self._connection.wait(self._results())
        except psycopg.Error as error:
            self._error = self._error or error
        if self._error is not None:
            raise self._error

    def _results(self) -> PQGen[None]:
        """Sends what libpq still has, reading meanwhile so that both ends never wait; then takes all results."""
        pgconn, awaited = self._pgconn, self._awaited
        while pgconn.flush():
            if (yield Wait.RW) & Ready.R:
                pgconn.consume_input()
        answered = False
        while awaited:
            while pgconn.is_busy():
                if (yield Wait.R):
                    pgconn.consume_input()
            result = pgconn.get_result()
            if result is not None:
                answered = self._take(result)
            elif answered:
                awaited.popleft()
                answered = False
            else:
                raise psycopg.OperationalError("fewer results than statements")

    def _take(self, result: PGresult) -> bool:
        """Says whether a None will follow, which ends a statement's results."""
        status, rows = result.status, self._awaited[0]
        if status == ExecStatus.PIPELINE_SYNC:
            self._awaited.popleft()
        elif status in _DONE:
            if rows is not None:
                rows.arrive(result, self._transformer)
        elif status in _FAILED:
            self._error = self._error or self._named(result)
        else:  # COPY, of which libpq would speak for ever
            raise psycopg.NotSupportedError(f"a result of the kind {ExecStatus(status).name}")
        return status != ExecStatus.PIPELINE_SYNC

    def _named(self, result: PGresult) -> psycopg.Error:
        error = errors.error_from_result(result)
        lost = error.sqlstate is None and self._pgconn.status == ConnStatus.BAD
        return psycopg.OperationalError(str(error)) if lost else error

    def _leave(self) -> None:
        self._is_over = True
        with suppress(psycopg.OperationalError):  # results are missing: whoever looks after the connection closes it
            self._pgconn.exit_pipeline_mode()
