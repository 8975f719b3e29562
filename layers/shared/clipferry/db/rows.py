"""A statement's result, turned into objects when it is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

import psycopg
from psycopg.abc import Transformer
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

Row = TypeVar("Row")
LONGEST_TEXT: Final = 500
"""Characters that are kept of what somebody else said."""


def storable(text: str, *, limit: int = LONGEST_TEXT) -> str:
    """The beginning of `text` as PostgreSQL's text takes it: no NUL, no half of a character."""
    return text[:limit].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


class Rows(Generic[Row]):
    """Asked for within the transaction's block it costs a round trip, behind it none."""

    def __init__(self, make: Callable[[Iterable[tuple[str, Any]]], Row], fetch: Callable[[], None]) -> None:
        """`make` gets a row's columns, each with its name; `fetch` has the result brought to `arrive`."""
        self._make = make
        self._fetch = fetch
        self._arrived: tuple[PGresult, Transformer] | None = None
        self._left: Iterator[Row] | None = None

    def first(self) -> Row | None:
        """The next row, None behind the last one. Raises what `all` raises."""
        return next(self._rows(), None)

    def all(self) -> list[Row]:
        """The rows that are left. Raises psycopg.Error when the statement failed, was never run, or returns no rows."""
        return list(self._rows())

    def arrive(self, result: PGresult, transformer: Transformer) -> None:
        """What is read later needs no connection."""
        transformer.set_pgresult(result)  # makes the loaders, some of which ask the connection
        self._arrived = result, transformer

    def __bool__(self) -> bool:
        raise TypeError("ask for first() or all()")

    def _rows(self) -> Iterator[Row]:
        if self._left is None:
            if self._arrived is None:
                self._fetch()
            self._left = iter(self._load())
        return self._left

    def _load(self) -> list[Row]:
        if self._arrived is None:
            raise psycopg.ProgrammingError("the transaction ended without this result")
        result, transformer = self._arrived
        if result.status != ExecStatus.TUPLES_OK:
            raise psycopg.ProgrammingError("the statement returns no rows")
        names, make = _column_names(result), self._make
        transformer.set_pgresult(result)
        return transformer.load_rows(0, result.ntuples, lambda values: make(zip(names, values, strict=True)))


def _column_names(result: PGresult) -> list[str]:
    """Interned: a dataclass of 26 fields takes them by name in half the time."""
    return [sys.intern((result.fname(number) or b"").decode()) for number in range(result.nfields)]
