"""Simulates videos that arrive at random: the calls in progress at the busiest moment, and a mirror's waiting time.

Arrivals are a Poisson process and durations exponential, because a long tail is what fills a queue. The same seed gives
the same numbers.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from itertools import accumulate
from typing import TypeVar

Value = TypeVar("Value", int, float)

ARRIVALS = 60_000
"""The number of arrivals in a simulation: enough for a 99.9th percentile."""


def arrivals(
    rate: float, seconds: float, random_: random.Random, count: int = ARRIVALS
) -> Iterator[tuple[float, float]]:
    """Yields `count` calls, `rate` a second: the start and the duration of each (`seconds` on average)."""
    starts = accumulate(random_.expovariate(rate) for _ in range(count))
    return ((start, random_.expovariate(1 / seconds)) for start in starts)


def busiest(rate: float, seconds: float, random_: random.Random, count: int = ARRIVALS) -> int:
    """The 99.9th percentile of the number of calls in progress when a new one starts, which counts, too.

    The first calls are ignored, because they start in an empty system.
    """
    running: list[float] = []
    found: list[int] = []
    settled = min(10 * seconds, count / rate / 2)
    for start, duration in arrivals(rate, seconds, random_, count):
        while running and running[0] <= start:
            heapq.heappop(running)
        heapq.heappush(running, start + duration)
        if start > settled:
            found.append(len(running))
    return percentile(sorted(found), 0.999)


def waits(rate: float, seconds: float, servers: int, random_: random.Random, count: int = ARRIVALS) -> list[float]:
    """The waiting times of `count` calls in seconds, sorted, when `servers` calls can run at a time."""
    free_at = [0.0] * servers
    found = []
    for start, duration in arrivals(rate, seconds, random_, count):
        begins = max(start, free_at[0])
        heapq.heapreplace(free_at, begins + duration)
        found.append(begins - start)
    return sorted(found)


def percentile(ordered: list[Value], share: float) -> Value:
    """The percentile `share` (0 to 1) of values that are sorted."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
