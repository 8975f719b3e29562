"""Checks of query plans and round trips, which have to hold on every machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from benchmarks.growth import BalanceCost
from benchmarks.product import PAGE
from benchmarks.rounds import Operation, PlanBook

MOST_BY_SCAN: Final = 5000
"""Rows up to which PostgreSQL may read a whole table, because that is the cheapest way."""
PAGES: Final = {
    Operation.LIST: "videos._LIST_OWN",
    Operation.LIST_DEEP: "videos._LIST_OWN",
    Operation.LIST_AFTER: "videos_after._NEWEST_FIRST",
    Operation.LIST_AFTER_OLDEST: "videos_after._OLDEST_FIRST",
    Operation.LIST_STATUS: "videos._LIST_OWN",
    Operation.HISTORY: "ledger._HISTORY",
    Operation.HISTORY_TYPE: "ledger._HISTORY",
}
"""The statement that reads each page."""
MOST_FOR_A_PAGE: Final = 3 * (PAGE + 1)
"""Rows that a page may read: its own, their jobs, and one that shows whether more follow; and as many dead rows."""


def faults(
    book: PlanBook, trips: Mapping[Operation, list[int]], growth: tuple[BalanceCost, BalanceCost], breaches: int
) -> Iterator[tuple[str, list[str]]]:
    """Yields each check with its faults, an empty list if it holds."""
    yield "no large table is read from end to end", list(scans(book))
    slow = [f"{name} takes up to {max(trips[name])}" for name in Operation if max(trips[name]) != 1]
    yield "every operation is one round trip", slow
    yield "a page reads no rows but its own, wherever it is", list(greedy_pages(book))
    before, after = growth
    longer = [] if after.rows_read == before.rows_read else [f"{before.rows_read} rows, then {after.rows_read}"]
    yield "the balance reads the same rows, however long the ledger", longer
    yield "the credits add up after all this", [f"{breaches} breaches"] if breaches else []


def scans(book: PlanBook) -> Iterator[str]:
    for name, tables in book.rows_scanned.items():
        for table, rows in tables.items():
            if rows > MOST_BY_SCAN:
                yield f"{name} reads {rows:,} rows of {table}"


def greedy_pages(book: PlanBook) -> Iterator[str]:
    for name, statement in PAGES.items():
        plan = book.plan(name, statement)
        if plan.rows_read > MOST_FOR_A_PAGE:
            yield f"{name} reads {plan.rows_read:,} rows ({plan.outline})"
