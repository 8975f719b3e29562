"""Formats the results of bench-db: each operation's times beside the bare ones, its plans, and the comparisons."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.growth import BalanceCost
from benchmarks.rounds import Operation, PlanBook, Stopwatch

BESIDE: Final = {
    Operation.CREATE: "BEGIN, 6 statements one by one, COMMIT",
    Operation.SETTLE: "BEGIN, 5 statements one by one, COMMIT",
    Operation.LIST: "session, then LIMIT",
    Operation.LIST_DEEP: "session, then OFFSET",
    Operation.STATUS: "session, then the row",
    Operation.BALANCE: "session, then the sum of the ledger",
}
_HEAD: Final = f"{'median and p99 in ms':42}{'median':>9}{'p99':>9}{'20 ms away':>13}{'round trips':>13}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Stopwatches: `near` is beside the server, `far` is 20 ms away."""

    near: Stopwatch
    far: Stopwatch
    bare_near: Stopwatch
    bare_far: Stopwatch


def times(measured: Measured, page: int) -> Iterator[str]:
    """Yields a line for each operation, and one for its bare counterpart; `page` is the number of the deep page."""
    yield _HEAD
    for name in measured.near.seconds:
        label = f"list, page {page:,}" if name == Operation.LIST_DEEP else name
        yield _line(label, measured.near, measured.far, name)
        if name in BESIDE:
            yield _line(f"    {BESIDE[name]}", measured.bare_near, measured.bare_far, name) + _ratios(name, measured)


def _line(label: str, near: Stopwatch, far: Stopwatch, name: Operation) -> str:
    p99 = statistics.quantiles(near.seconds[name], n=100)[98] * 1000
    return (
        f"{label:42}{_median(near, name):9.2f}{p99:9.2f}{_median(far, name):13.1f}{statistics.mode(far.trips[name]):13}"
    )


def _ratios(name: Operation, measured: Measured) -> str:
    near = _median(measured.bare_near, name) / _median(measured.near, name)
    far = _median(measured.bare_far, name) / _median(measured.far, name)
    return f"   x {near:.1f}, away x {far:.1f}"


def _median(watch: Stopwatch, name: Operation) -> float:
    return statistics.median(watch.seconds[name]) * 1000


def plans(book: PlanBook) -> Iterator[str]:
    """Yields a line for each statement, each plan once."""
    told: set[str] = set()
    for name, of_name in book.plans.items():
        yield f"{name}: {book.rows_read(name)} rows read"
        for plan in of_name:
            line = f"    {plan.statement} ({plan.rows_read}): {plan.outline}"
            if line not in told:
                yield line
            told.add(line)


def growth(before: BalanceCost, after: BalanceCost) -> str:
    return (
        f"balance with {before.ledger_rows} ledger rows {before.median * 1000:.2f} ms, with {after.ledger_rows:,} "
        f"{after.median * 1000:.2f} ms: x {after.median / before.median:.2f}"
    )


def deep_page(measured: Measured, page: int) -> str:
    deep, first = _median(measured.near, Operation.LIST_DEEP), _median(measured.near, Operation.LIST)
    return f"page {page:,} of the list costs {deep / first:.2f} x page 1 (the aim is 1.5 at most)"
