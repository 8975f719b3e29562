"""`make bench-http`: the cost of a request, in the built handlers and in bare ones with the same job.

One instance on one processor handles one event after the other, as in Lambda; everything that it calls is in other
processes and behind TLS. Both kinds are measured in turns. Then a CPU profile shows each layer's share.
With --instructions, valgrind counts instead what a request executes outside the kernel, which a busy machine doesn't
change: so two versions are compared, each in its own checkout.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import instances
from benchmarks.deployment import Deployment, deployment
from benchmarks.events import Event, EventFactory
from benchmarks.instances import BUILT, Code, UnmeasurableError
from local.logs import quiet_logs

WARM_UPS: Final = 30
AIM: Final = 1.5
"""The largest aimed-at ratio to the bare route's CPU time."""
LAYERS: Final = ("database", "HTTP to the provider", "router", "log and metrics", "validation", "Clipferry's own")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    name: str
    function: str
    expected: int
    events: Callable[[EventFactory, int], Sequence[Event]]


ROUTES: Final = (
    Route(name="generate", function="CreateVideoFunction", expected=202, events=EventFactory.generate),
    Route(name="status", function="QueryVideosFunction", expected=200, events=EventFactory.status),
    Route(name="list, 20 rows", function="QueryVideosFunction", expected=200, events=EventFactory.list_page),
    Route(name="callback", function="ReceiveCallbackFunction", expected=200, events=EventFactory.callback),
)


def main() -> int:
    arguments = _arguments()
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) > 1:
        os.sched_setaffinity(0, processors[1:])  # and all that is started from here on, but for the instances
    with ExitStack() as scope, quiet_logs():
        folder = Path(scope.enter_context(tempfile.TemporaryDirectory()))
        try:
            runner = _Runner(instances.find_python(), folder, processors[0])
            authorities = BUILT / "SharedLayer/python/botocore/cacert.pem"
            deployed = scope.enter_context(deployment(folder, authorities=authorities))
            if arguments.instructions:
                report = _counts({route.name: runner.instructions(deployed, route) for route in ROUTES})
            else:
                found = runner.measure(deployed, arguments.rounds, arguments.requests)
                shares = {route.name: runner.shares(deployed, route, 4 * arguments.requests) for route in ROUTES}
                report = _report(runner.python, found, shares, arguments)
        except UnmeasurableError as error:
            print(error, file=sys.stderr)
            return 1
    for line in report:
        print(line)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http_routes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="new instances of each handler")
    parser.add_argument("--requests", type=int, default=200, help="requests to each, after warming up")
    parser.add_argument("--instructions", action="store_true", help="count instructions by valgrind, measure no time")
    return parser.parse_args()


class _Runner:
    def __init__(self, python: str, folder: Path, cpu: int) -> None:
        self.python = python
        self._cpu = cpu
        self._log = folder / "valgrind.log"
        bare = folder / "bare"
        bare.mkdir()
        (bare / "app.py").write_text(Path(__file__).with_name("bare_routes").joinpath("app.py").read_text())
        self._layer = BUILT / "SharedLayer/python"
        self._bare = Code(module="app", path=(self._layer, bare))

    def measure(
        self, deployed: Deployment, rounds: int, requests: int
    ) -> dict[tuple[str, bool], list[dict[str, float]]]:
        """CPU and wall milliseconds of every request, by the route and whether it is the bare one."""
        found: dict[tuple[str, bool], list[dict[str, float]]] = {}
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for route in ROUTES:
                for is_bare in (False, True):
                    result = self._run(deployed, route, requests, is_bare=is_bare)
                    found.setdefault((route.name, is_bare), []).extend(result["requests"][WARM_UPS:])
        return found

    def shares(self, deployed: Deployment, route: Route, requests: int) -> Counter[str]:
        return Counter(self._run(deployed, route, requests, profile=True)["shares"])

    def instructions(self, deployed: Deployment, route: Route) -> tuple[float, float]:
        """Thousands a request, ours and bare: what more requests execute than fewer, so no import and no first one."""
        fewer, more = 10, 110
        ours, bare = (
            (self._count(deployed, route, more, is_bare) - self._count(deployed, route, fewer, is_bare))
            / (more - fewer)
            for is_bare in (False, True)
        )
        return ours / 1000, bare / 1000

    def _count(self, deployed: Deployment, route: Route, requests: int, is_bare: bool) -> int:
        tool = ("--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", f"--log-file={self._log}")
        self._run(deployed, route, requests, is_bare=is_bare, under=("valgrind", *tool))
        counted = re.search(r"I *refs: *([\d,]+)", self._log.read_text())
        assert counted is not None
        return int(counted[1].replace(",", ""))

    def _run(
        self,
        deployed: Deployment,
        route: Route,
        requests: int,
        *,
        is_bare: bool = False,
        profile: bool = False,
        under: Sequence[str] = (),
    ) -> dict[str, Any]:
        ours = Code(module="app", path=(self._layer, BUILT / route.function))
        return instances.run(
            self.python,
            self._bare if is_bare else ours,
            environment={**deployed.environment, **(deployed.secrets if is_bare else {})},
            events=route.events(deployed.events, WARM_UPS + requests),
            expected=route.expected,
            skip=WARM_UPS,
            profile=profile,
            cpu=self._cpu,
            under=under,
        )


def _report(
    python: str,
    found: dict[tuple[str, bool], list[dict[str, float]]],
    shares: dict[str, Counter[str]],
    arguments: argparse.Namespace,
) -> Iterator[str]:
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    yield f"{version}, {platform.machine()}, one processor for the handler, {os.cpu_count()} in all"
    yield (
        f"{arguments.rounds} instances of each, in turns, with {arguments.requests} requests after {WARM_UPS}; "
        "PostgreSQL, the provider and SQS over TLS"
    )
    yield ""
    yield f"{'':28}{'CPU ms':>9}{'p50 ms':>9}{'p99 ms':>9}{'a second':>10}{'x bare':>8}"
    for route in ROUTES:
        ours, bare = found[route.name, False], found[route.name, True]
        ratio = _median(ours, "cpu") / _median(bare, "cpu")
        yield f"{_line(route.name, ours)}{ratio:8.2f}{'' if ratio <= AIM else f'   (aim {AIM})'}"
        yield _line("    bare", bare)
    yield ""
    yield f"{'share of the CPU, %':28}{''.join(f'{layer:>22}' for layer in LAYERS)}"
    for name, counted in shares.items():
        yield f"{name:28}{''.join(f'{100 * counted[layer] / max(1, counted.total()):22.0f}' for layer in LAYERS)}"


def _counts(counted: dict[str, tuple[float, float]]) -> Iterator[str]:
    yield f"{'thousands of instructions':28}{'ours':>9}{'bare':>9}{'x bare':>8}"
    for name, (ours, bare) in counted.items():
        yield f"{name:28}{ours:9.0f}{bare:9.0f}{ours / bare:8.2f}"


def _line(name: str, found: Sequence[dict[str, float]]) -> str:
    wall = [one["wall"] for one in found]
    p99, rate = statistics.quantiles(wall, n=100)[98], 1000 / statistics.fmean(wall)
    return f"{name:28}{_median(found, 'cpu'):9.2f}{statistics.median(wall):9.2f}{p99:9.2f}{rate:10.0f}"


def _median(found: Sequence[dict[str, float]], what: str) -> float:
    return statistics.median(one[what] for one in found)


if __name__ == "__main__":
    sys.exit(main())
