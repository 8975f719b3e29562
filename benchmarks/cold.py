"""`make bench-cold`: the cost of a cold start, of each built function and of a naive function with the same job.

Each measurement is a new process of Lambda's Python: import, then the first request (secret, database connection,
reply), then warm ones. The cases are measured in turns. It prints medians of CPU time and of wall time.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks import instances
from benchmarks.cold_report import Case, Job, Medians, report
from benchmarks.deployment import Deployment, deployment
from benchmarks.events import EventFactory
from benchmarks.instances import Code, UnmeasurableError
from local.logs import quiet_logs

WARM_UPS: Final = 2
WARM: Final = 10

JOBS: Final = (
    Job(name="create_video", expected=202, events=EventFactory.generate, naive="create_video"),
    Job(name="query_videos", expected=200, events=EventFactory.list_page, naive="query_videos"),
    Job(name="receive_callback", expected=200, events=EventFactory.callback, naive="receive_callback"),
    Job(name="mirror_video", expected=200, events=EventFactory.mirror, naive="mirror_video", has_thumbnails=True),
    Job(name="account", expected=200, events=EventFactory.balance, naive="query_videos"),
    Job(name="reconcile", expected=200, events=EventFactory.schedule, naive="reconcile"),
    Job(name="deliver_webhooks", expected=200, events=EventFactory.schedule, naive="reconcile"),
    Job(name="housekeep", expected=200, events=EventFactory.schedule, naive="housekeep"),
    Job(name="migrate", expected=200, events=EventFactory.empty, naive="migrate"),
)


def main() -> int:
    arguments = _arguments()
    with ExitStack() as scope, quiet_logs():
        folder = Path(scope.enter_context(tempfile.TemporaryDirectory()))
        try:
            python = instances.find_python()
            cases = list(_cases(folder, arguments.only))
            deployed = scope.enter_context(deployment(folder, authorities=_authorities()))
            found = _measure(python, cases, deployed, arguments.rounds)
            files = {id(case): _files(python, case, deployed) for case in cases if case.has_bytecode}
        except UnmeasurableError as error:
            print(error, file=sys.stderr)
            return 1
    for line in report(python, cases, found, files, arguments.rounds, deployed.events.film_megabytes):
        print(line)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="new processes of each case")
    parser.add_argument("--only", nargs="*", default=[job.name for job in JOBS], help="functions to measure")
    return parser.parse_args()


def _authorities() -> Path:
    """A file with about as many certificate authorities as an operating system trusts."""
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
        for has_bytecode in (True, False):  # cases that are compared run one after the other
            for is_naive, code in codes:
                taken = code if has_bytecode else instances.without_bytecode(code, folder / "sources")
                yield Case(job=job, is_naive=is_naive, has_bytecode=has_bytecode, code=taken)


def _measure(python: str, cases: Sequence[Case], deployed: Deployment, rounds: int) -> dict[int, Medians]:
    results: dict[int, list[dict[str, Any]]] = {id(case): [] for case in cases}
    for number in range(rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr)
        for case in cases:
            events = case.job.events(deployed.events, 1 + WARM_UPS + WARM if case.has_bytecode else 1)
            found = instances.run(
                python, case.code, environment=deployed.environment, events=events, expected=case.job.expected
            )
            if number:  # the first round brings the files into memory
                results[id(case)].append(found)
    return {key: _medians(found) for key, found in results.items()}


def _files(python: str, case: Case, deployed: Deployment) -> tuple[int, int]:
    """The number of files opened by the end of the import, and by the end of the first request."""
    found = instances.run(
        python,
        case.code,
        environment=deployed.environment,
        events=case.job.events(deployed.events, 1),
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


if __name__ == "__main__":
    sys.exit(main())
