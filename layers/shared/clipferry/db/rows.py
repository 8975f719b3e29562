"""The result of a statement, and text that PostgreSQL can store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

import psycopg
from psycopg import Cursor
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

Row = TypeVar("Row")
LONGEST_TEXT: Final = 500
"""The most characters that are stored of somebody else's text."""
_NAMES: Final[dict[str, list[str]]] = {}
"""The names of each statement's columns, interned: so a dataclass finds its arguments at once."""


def storable(text: str, *, limit: int = LONGEST_TEXT) -> str:
    """Returns the beginning of `text` as PostgreSQL can store it: no NUL, no half of a character."""
    return text[:limit].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


class Rows(Generic[Row]):
    """The rows of one statement. Reading them within the transaction's block costs a round trip, after it none."""

    def __init__(self, sql: str, make: Callable[[Iterable[tuple[str, Any]]], Row], fetch: Callable[[], None]) -> None:
        """`make` gets the columns of a row of `sql`, each with its name; `fetch` raises, or calls `receive`."""
        self._sql = sql
        self._make = make
        self._fetch = fetch
        self._received: tuple[list[str], list[tuple[Any, ...]]] | psycopg.Error | None = None
        self._remaining: Iterator[Row] | None = None

    def first(self) -> Row | None:
        """Returns the next row, None after the last one. Raises what `all` raises."""
        return next(self._iterator(), None)

    def all(self) -> list[Row]:
        """Returns the remaining rows. Raises psycopg.Error when the statement failed, wasn't run or has no rows."""
        return list(self._iterator())

    def receive(self, cursor: Cursor[tuple[Any, ...]]) -> None:
        """Takes the cursor's present result; an error in it is raised to whoever reads the rows."""
        try:
            self._received = _column_names(self._sql, cursor), cursor.fetchall()
        except psycopg.Error as error:
            self._received = error

    def __bool__(self) -> bool:
        raise TypeError("ask for first() or all()")

    def _iterator(self) -> Iterator[Row]:
        if self._remaining is None:
            if self._received is None:
                self._fetch()
            self._remaining = self._load()
        return self._remaining

    def _load(self) -> Iterator[Row]:
        assert self._received is not None
        if isinstance(self._received, psycopg.Error):
            raise self._received
        names, rows = self._received
        return iter([self._make(zip(names, values, strict=True)) for values in rows])


class UtcTimestampLoader(Loader):
    """`timestamp(3)` holds UTC by the original schema's convention; Postgres doesn't know it, so the loader says it.

    What reads the text is psycopg's own in C: its class in Python, from which one could inherit, takes thrice the time.
    """

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        loader = psycopg.adapters.get_loader(oid, Format.TEXT)
        assert loader is not None
        self._load = loader(oid, context).load

    def load(self, data: Buffer) -> datetime:
        return self._load(data).replace(tzinfo=UTC)


def _column_names(sql: str, cursor: Cursor[Any]) -> list[str]:
    """Returns the names, read once for each statement, and again when the number of columns has changed."""
    result = cursor.pgresult
    assert result is not None
    names = _NAMES.get(sql)
    if names is None or len(names) != result.nfields:
        names = [sys.intern((result.fname(column) or b"").decode()) for column in range(result.nfields)]
        _NAMES[sql] = names
    return names
