"""The table and the comparison with budgets that `make bench-cold` prints."""

from __future__ import annotations

import platform
import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.cost_parts import snapstart
from benchmarks.cost_prices import LAMBDA_X86
from benchmarks.cost_workload import Workload
from benchmarks.events import Event, EventFactory
from benchmarks.instances import Code

BUDGETS: Final = {"create_video": 0.5, "query_videos": 0.5, "receive_callback": 0.8, "mirror_video": 0.36}
"""Import and first request together, as a share of what the naive handler costs to import (DESIGN, 7)."""
BEHIND_THE_API: Final = ("create_video", "query_videos", "receive_callback", "account")
HEAD: Final = (
    f"{'CPU ms (wall ms)':31}{'import':>12}{'first':>12}{'together':>12}{'warm':>14}{'peak MB':>9}{'files':>11}"
    f"{'of naive':>10}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A function's main path; `naive` is the module in benchmarks/naive with the same job."""

    name: str
    expected: int
    events: Callable[[EventFactory, int], Sequence[Event]]
    naive: str
    has_thumbnails: bool = False

    @property
    def built(self) -> str:
        return "".join(word.title() for word in self.name.split("_")) + "Function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line of the table."""

    job: Job
    is_naive: bool
    has_bytecode: bool
    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Medians:
    """Medians over all rounds, in milliseconds as (CPU, wall); `children` is the CPU of child processes in the first
    request."""

    imported: tuple[float, float]
    first: tuple[float, float]
    warm: tuple[float, float]
    children: float
    peak: float
    rounds: tuple[tuple[float, float], ...]
    """CPU of the import and of the first request, round by round."""

    @property
    def together(self) -> tuple[float, float]:
        return self.imported[0] + self.first[0], self.imported[1] + self.first[1]


def report(
    python: str,
    cases: Sequence[Case],
    found: dict[int, Medians],
    files: dict[int, tuple[int, int]],
    rounds: int,
    film_megabytes: float,
) -> Iterator[str]:
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    yield f"{version}, {platform.machine()}; medians of {rounds} new processes each, all cases in turns"
    yield f"PostgreSQL, the secret, SQS, the provider and the bucket over TLS; the film has {film_megabytes:.1f} MB"
    for has_bytecode in (True, False):
        yield ""
        yield f"With{'' if has_bytecode else 'out'} bytecode"
        yield HEAD if has_bytecode else HEAD.replace(f"{'warm':>14}", f"{'':14}")
        chosen = [case for case in cases if case.has_bytecode == has_bytecode]
        naive = {case.job.name: found[id(case)] for case in chosen if case.is_naive}
        for case in chosen:
            yield _line(case, found[id(case)], files.get(id(case)), naive.get(case.job.name))
    yield ""
    yield from _verdicts(cases, found)
    yield ""
    yield from _snapstart(cases, found)


def _snapstart(cases: Sequence[Case], found: dict[int, Medians]) -> Iterator[str]:
    """Yields the price of a start from a snapshot, beside the import that it spares and what importing half would save.

    Lambda bills the import (since August 2025), and runs it on a whole processor whatever the memory is.
    """
    work = Workload()
    kept, restored = snapstart(work)
    yield f"SnapStart at {work.memory_mb} MB: ${kept:.2f} a month for each kept version; dollars for a million starts"
    yield f"{'':18}{'import':>9}{'half of it':>12}{'snapshot':>10}"
    for case in cases:
        if case.has_bytecode and not case.is_naive and case.job.name in BEHIND_THE_API:
            billed = found[id(case)].imported[0] / 1000 * work.memory_mb / 1024 * LAMBDA_X86.dollars
            yield f"{case.job.name:18}{1e6 * billed:9.2f}{1e6 * billed / 2:12.2f}{1e6 * restored:10.2f}"


def _line(case: Case, medians: Medians, files: tuple[int, int] | None, naive: Medians | None) -> str:
    name = f"    naive {case.job.naive}" if case.is_naive else case.job.name
    cells = [medians.imported, medians.first, medians.together]
    texts = [f"{cpu:.0f} ({wall:.0f})" for cpu, wall in cells]
    warm = f"{medians.warm[0]:.2f} ({medians.warm[1]:.1f})" if case.has_bytecode else ""
    opened = f"{files[0]} + {files[1] - files[0]}" if files else ""
    ratio = f"{medians.together[0] / naive.together[0]:.2f}" if naive and not case.is_naive else ""
    return f"{name:31}{''.join(f'{text:>12}' for text in texts)}{warm:>14}{medians.peak:9.0f}{opened:>11}{ratio:>10}"


def _verdicts(cases: Sequence[Case], found: dict[int, Medians]) -> Iterator[str]:
    """Compares each function with its budget, without failing: one run on a shared machine proves nothing.

    Each ratio is that of two processes that ran one after the other; the median of the ratios counts.
    """
    compiled = [case for case in cases if case.has_bytecode]
    naive = {case.job.name: found[id(case)] for case in compiled if case.is_naive}
    yield "import and first request, as a share of what the naive handler costs to import"
    for case in compiled:
        budget = BUDGETS.get(case.job.name)
        if budget is None or case.is_naive:
            continue
        medians, beside = found[id(case)], naive[case.job.name]
        ratios = [sum(ours) / its[0] for ours, its in zip(medians.rounds, beside.rounds, strict=True)]
        lower, ratio, upper = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        child = f"; {medians.children:.0f} ms of it in the thumbnail worker" if case.job.has_thumbnails else ""
        yield (
            f"{'ok' if ratio <= budget else 'over':6}{case.job.name:18}{ratio:5.2f} (aim {budget}; the middle half "
            f"of the rounds {lower:.2f} to {upper:.2f}{child})"
        )
