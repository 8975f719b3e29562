"""One transaction as one message: statements are collected, and leave together with BEGIN and COMMIT.

psycopg's ClientCursor writes the values into the text of each statement, so PostgreSQL takes them all as one simple
query and answers once. Nothing follows it that a pooler could hand to somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, LiteralString

import psycopg
from psycopg import ClientCursor

from clipferry.db.rows import Row, Rows

_SEPARATOR: Final = "\n;\n"
"""On a line of its own: a statement may end with a comment."""


class Transaction:
    """What runs between BEGIN and COMMIT."""

    def __init__(self, cursor: ClientCursor[Any], *beginning: str) -> None:
        """`beginning` is BEGIN and the statements that belong to it. The cursor may have served other transactions."""
        self._cursor = cursor
        self._statements: list[str] = []
        self._awaited: list[tuple[int, Rows[Any]]] = []
        self._error: psycopg.Error | None = None
        self._is_over = False
        self._announced: list[Rows[dict[str, Any]]] = []
        for statement in beginning:
            self._collect(statement)

    def query(self, sql: LiteralString, parameters: Mapping[str, Any], row: type[Row]) -> Rows[Row]:
        """Adds a statement; rows come back as `row` (a dataclass whose fields are the columns)."""
        return self._expect(sql, parameters, lambda columns: row(**dict(columns)))

    def query_dicts(self, sql: LiteralString, parameters: Mapping[str, Any]) -> Rows[dict[str, Any]]:
        """Adds a statement; rows come back as dictionaries."""
        return self._expect(sql, parameters, dict)

    def execute(self, sql: LiteralString, parameters: Mapping[str, Any]) -> None:
        """Adds a statement whose rows don't matter. Raises psycopg.Error for values that can't be written into it."""
        self._collect(self._cursor.mogrify(sql, parameters))

    def announce(self, written: Rows[dict[str, Any]]) -> None:
        """Has webhooks that this transaction writes sent after it: the `delivery_id` of each row that has one."""
        self._announced.append(written)

    def deliveries(self) -> list[int]:
        """Returns the webhooks to send, after the commit."""
        rows = [row for written in self._announced for row in written.all()]
        return [row["delivery_id"] for row in rows if row["delivery_id"] is not None]

    def commit(self) -> None:
        """Sends what is left, with COMMIT. Raises the transaction's first error, if any."""
        self._collect("commit")
        self._send()

    def close(self) -> None:
        """Drops what wasn't sent: nothing is sent any more."""
        self._is_over = True

    def _collect(self, statement: str) -> None:
        self._statements.append(statement)

    def _expect(
        self, sql: LiteralString, parameters: Mapping[str, Any], make: Callable[[Iterable[tuple[str, Any]]], Row]
    ) -> Rows[Row]:
        self.execute(sql, parameters)
        rows = Rows(sql, make, self._send)
        self._awaited.append((len(self._statements) - 1, rows))
        return rows

    def _send(self) -> None:
        """Sends what was collected, and waits for the results. After an error it raises the same one again."""
        if self._error is not None:
            raise self._error
        if self._is_over:
            raise psycopg.ProgrammingError("the transaction ended without this result")
        self._is_over = True  # for good, if the wait is interrupted
        try:
            self._cursor.execute(self._message())
        except psycopg.Error as error:
            self._error = error
            raise
        self._is_over = False
        for position, rows in self._awaited:
            rows.receive(self._cursor.set_result(position))
        self._statements, self._awaited = [], []

    def _message(self) -> bytes:
        return _SEPARATOR.join(self._statements).encode()
