"""Videos that come as they like: how many calls are at work at the worst moment, and how long a mirror waits.

Arrivals are Poisson, durations exponential (a long tail is what fills a queue). The same seed gives the same numbers.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from itertools import accumulate
from typing import TypeVar

Value = TypeVar("Value", int, float)

ARRIVALS = 60_000
"""Of one simulated stream: enough for a 99.9th percentile."""


def arrivals(
    rate: float, seconds: float, random_: random.Random, count: int = ARRIVALS
) -> Iterator[tuple[float, float]]:
    """`count` calls, `rate` a second: when each begins, and how long it takes (`seconds` on average)."""
    starts = accumulate(random_.expovariate(rate) for _ in range(count))
    return ((start, random_.expovariate(1 / seconds)) for start in starts)


def busiest(rate: float, seconds: float, random_: random.Random, count: int = ARRIVALS) -> int:
    """The calls at work at a time that a new one finds or exceeds in only one case of a thousand, itself included.

    The first calls, which begin in an empty world, don't count.
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
    """How long each of `count` calls waits, in order of length, when `servers` work at a time: seconds."""
    free_at = [0.0] * servers
    found = []
    for start, duration in arrivals(rate, seconds, random_, count):
        begins = max(start, free_at[0])
        heapq.heapreplace(free_at, begins + duration)
        found.append(begins - start)
    return sorted(found)


def percentile(ordered: list, share: float):
    """Of values in order."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
