"""`make bench-cold`: what a cold start costs, of each built function and of a naive one with the same job.

Each measurement is a new process of Lambda's Python: import, then the first request (secret, database connection,
reply), then warm ones. All cases take turns; printed are medians of CPU time, and of wall time beside it.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import instances
from benchmarks.instances import Code, UnmeasurableError
from benchmarks.world import Event, World, world
from local.logs import quiet_logs

WARM_UPS: Final = 2
WARM: Final = 10
BUDGETS: Final = {"create_video": 0.5, "query_videos": 0.5, "receive_callback": 0.8, "mirror_video": 0.36}
"""Import and first request together, as a share of what the naive handler costs to import (DESIGN, 7)."""
HEAD: Final = (
    f"{'CPU ms (wall ms)':31}{'import':>12}{'first':>12}{'together':>12}{'warm':>14}{'peak MB':>9}{'files':>11}"
    f"{'of naive':>10}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A function's main path; `naive` is the module in benchmarks/naive with the same job."""

    name: str
    expected: int
    events: Callable[[World, int], Sequence[Event]]
    naive: str
    has_thumbnails: bool = False

    @property
    def built(self) -> str:
        return "".join(word.title() for word in self.name.split("_")) + "Function"


JOBS: Final = (
    Job(name="create_video", expected=202, events=World.generate, naive="create_video"),
    Job(name="query_videos", expected=200, events=World.list_page, naive="query_videos"),
    Job(name="receive_callback", expected=200, events=World.callback, naive="receive_callback"),
    Job(name="mirror_video", expected=200, events=World.mirror, naive="mirror_video", has_thumbnails=True),
    Job(name="account", expected=200, events=World.balance, naive="query_videos"),
    Job(name="reconcile", expected=200, events=World.schedule, naive="reconcile"),
    Job(name="housekeep", expected=200, events=World.schedule, naive="housekeep"),
    Job(name="migrate", expected=200, events=World.schedule, naive="migrate"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One line of the table."""

    job: Job
    is_naive: bool
    has_bytecode: bool
    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Medians:
    """Of all rounds: milliseconds as (CPU, wall), `children` the CPU that a child process had in the first request."""

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


def main() -> int:
    arguments = _arguments()
    with ExitStack() as scope, quiet_logs():
        folder = Path(scope.enter_context(tempfile.TemporaryDirectory()))
        try:
            python = instances.find_python()
            cases = list(_cases(folder, arguments.only))
            around = scope.enter_context(world(folder, authorities=_authorities()))
            found = _measure(python, cases, around, arguments.rounds)
            files = {id(case): _files(python, case, around) for case in cases if case.has_bytecode}
        except UnmeasurableError as error:
            print(error, file=sys.stderr)
            return 1
    for line in _report(python, cases, found, files, arguments.rounds, around.film_megabytes):
        print(line)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="new processes of each case")
    parser.add_argument("--only", nargs="*", default=[job.name for job in JOBS], help="functions to measure")
    return parser.parse_args()


def _authorities() -> Path:
    """As many as a system has."""
    return instances.BUILT / "SharedLayer/python/botocore/cacert.pem"


def _cases(folder: Path, only: Sequence[str]) -> Iterator[Case]:
    naive_task = folder / "naive"
    shutil.copytree(Path(__file__).with_name("naive"), naive_task, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([instances.COMPILE, naive_task, "/var/task"], check=True, capture_output=True)
    shared, thumbnails = (instances.BUILT / f"{layer}Layer/python" for layer in ("Shared", "Thumbnail"))
    for job in (job for job in JOBS if job.name in only):
        layers = (shared, thumbnails) if job.has_thumbnails else (shared,)
        codes = [
            (False, Code(module="app", path=(*layers, instances.BUILT / job.built))),
            (True, Code(module=job.naive, path=(instances.NAIVE_LAYER, naive_task))),
        ]
        for has_bytecode in (True, False):  # who is compared with whom comes right behind
            for is_naive, code in codes:
                taken = code if has_bytecode else instances.without_bytecode(code, folder / "sources")
                yield Case(job=job, is_naive=is_naive, has_bytecode=has_bytecode, code=taken)


def _measure(python: str, cases: Sequence[Case], around: World, rounds: int) -> dict[int, Medians]:
    results: dict[int, list[dict[str, Any]]] = {id(case): [] for case in cases}
    for number in range(rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr)
        for case in cases:
            events = case.job.events(around, 1 + WARM_UPS + WARM if case.has_bytecode else 1)
            found = instances.run(
                python, case.code, environment=around.environment, events=events, expected=case.job.expected
            )
            if number:  # the first round brings the files into memory
                results[id(case)].append(found)
    return {key: _medians(found) for key, found in results.items()}


def _files(python: str, case: Case, around: World) -> tuple[int, int]:
    """How many are opened by the import, and by the end of the first request."""
    found = instances.run(
        python,
        case.code,
        environment=around.environment,
        events=case.job.events(around, 1),
        expected=case.job.expected,
        count_files=True,
    )
    return tuple(found["files"])


def _medians(results: Sequence[dict[str, Any]]) -> Medians:
    firsts = [result["requests"][0] for result in results]
    warm = [request for result in results for request in result["requests"][1 + WARM_UPS :]] or firsts
    return Medians(
        imported=_pair([result["import"] for result in results]),
        first=_pair(firsts),
        warm=_pair(warm),
        children=statistics.median(first["children"] for first in firsts),
        peak=statistics.median(result["peak"] for result in results),
        rounds=tuple((result["import"]["cpu"], first["cpu"]) for result, first in zip(results, firsts, strict=True)),
    )


def _pair(found: Sequence[dict[str, float]]) -> tuple[float, float]:
    return statistics.median(one["cpu"] for one in found), statistics.median(one["wall"] for one in found)


def _report(
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


def _line(case: Case, medians: Medians, files: tuple[int, int] | None, naive: Medians | None) -> str:
    name = f"    naive {case.job.naive}" if case.is_naive else case.job.name
    cells = [medians.imported, medians.first, medians.together]
    texts = [f"{cpu:.0f} ({wall:.0f})" for cpu, wall in cells]
    warm = f"{medians.warm[0]:.2f} ({medians.warm[1]:.1f})" if case.has_bytecode else ""
    opened = f"{files[0]} + {files[1] - files[0]}" if files else ""
    ratio = f"{medians.together[0] / naive.together[0]:.2f}" if naive and not case.is_naive else ""
    return f"{name:31}{''.join(f'{text:>12}' for text in texts)}{warm:>14}{medians.peak:9.0f}{opened:>11}{ratio:>10}"


def _verdicts(cases: Sequence[Case], found: dict[int, Medians]) -> Iterator[str]:
    """Told and not judged: a machine that others use, too, says nothing about a budget by one run. A ratio is that of
    two processes one behind the other, and the median of these."""
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
        child = f"; {medians.children:.0f} ms of it in the thumbnail's process" if case.job.has_thumbnails else ""
        yield (
            f"{'ok' if ratio <= budget else 'over':6}{case.job.name:18}{ratio:5.2f} (aim {budget}; the middle half "
            f"of the rounds {lower:.2f} to {upper:.2f}{child})"
        )


if __name__ == "__main__":
    sys.exit(main())
