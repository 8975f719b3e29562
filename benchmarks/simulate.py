"""`make simulate`: the first limit that 1, 10, 100 and 1,000 videos a second reach, and how to raise it."""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Final

from benchmarks.cost_workload import Workload, demands
from benchmarks.simulate_arrivals import busiest, percentile, waits
from benchmarks.simulate_limits import Ceilings, Limit, ceilings, limits

RATES: Final = (1.0, 10.0, 100.0, 1000.0)
_ASSUMED: Final = ("video_mb", "seconds", "polls", "callbacks", "provider_seconds", "mirror_mb_per_second")
_FUNCTIONS: Final = ("create_video", "receive_callback", "query_videos", "mirror_video")


def main(arguments: Sequence[str] | None = None) -> None:
    rates, work, has, seed = _read(arguments)
    for line in (*by_rate(rates, work, has, seed), "", *by_limit(work, has)):
        print(line)


def by_rate(rates: Sequence[float], work: Workload, has: Ceilings, seed: int) -> Iterator[str]:
    """Yields a Markdown table: for each rate the instances at the busiest moment, and the first limit reached."""
    yield "| videos/s | create | callback | query | mirror | together | up after | mirror waits | first limit met |"
    yield "|--:|--:|--:|--:|--:|--:|--:|--:|---|"
    for rate in rates:
        random_ = random.Random(seed)
        asked = demands(work)
        busy = {name: busiest(rate * ask.calls, ask.seconds, random_) for name, ask in asked.items()}
        calls = sum(ask.calls for ask in asked.values())
        together = busiest(rate * calls, sum(ask.busy_seconds for ask in asked.values()) / calls, random_)
        wait = mirror_wait(rate, work, has, random_)
        cells = " | ".join(f"{busy[name]:,}" for name in _FUNCTIONS)
        ramp = max(busy.values()) / has.scaling
        met = _exceeded(rate, together, limits(work, has))
        yield f"| {rate:,g} | {cells} | {together:,} | {_seconds(ramp)} | {_seconds(wait)} | {met} |"


def by_limit(work: Workload, has: Ceilings) -> Iterator[str]:
    """Yields a Markdown table of every limit, the first to be reached first."""
    yield "| limit | there is | reached at, videos a second | then raise |"
    yield "|---|--:|--:|---|"
    for limit in limits(work, has):
        late = " (past it, videos come later)" if limit.is_soft else ""
        yield f"| {limit.name} | {_number(limit.ceiling)} | {_number(limit.rate)} | {limit.remedy}{late} |"


def mirror_wait(rate: float, work: Workload, has: Ceilings, random_: random.Random) -> float:
    """The 99th percentile of seconds that a video waits for its mirror; infinite when too many videos come."""
    ask = demands(work)["mirror_video"]
    if rate * ask.busy_seconds >= has.mirror_concurrency:
        return math.inf
    return percentile(waits(rate, ask.seconds, int(has.mirror_concurrency), random_), 0.99)


def _exceeded(rate: float, instances: int, found: Sequence[Limit]) -> str:
    """Names the limits that are exceeded by `rate` on average, or by `instances` at the busiest moment."""
    met = [limit for limit in found if limit.rate < rate or (limit.is_instances and limit.ceiling < instances)]
    if not met:
        return "none"
    more = f", and {len(met) - 1} more" if len(met) > 1 else ""
    return f"{met[0].name}{more}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _seconds(value: float) -> str:
    if math.isinf(value):
        return "ever longer"
    return f"{value:.0f} s" if value >= 10 else f"{value:.1f} s"


def _read(arguments: Sequence[str] | None) -> tuple[list[float], Workload, Ceilings, int]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulate", description=__doc__)
    parser.add_argument("rates", nargs="*", type=float, default=list(RATES), help="videos a second")
    parser.add_argument("--seed", type=int, default=1)
    for name in _ASSUMED:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(Workload(), name))
    default = ceilings()
    known = [field.name for field in fields(Ceilings)]
    for name in known:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(default, name))
    chosen = vars(parser.parse_args(arguments))
    if min(chosen["rates"]) <= 0:
        parser.error("a rate must be greater than 0")
    work = Workload(**{name: chosen[name] for name in _ASSUMED})
    return chosen["rates"], work, Ceilings(**{name: chosen[name] for name in known}), chosen["seed"]


if __name__ == "__main__":
    main()
