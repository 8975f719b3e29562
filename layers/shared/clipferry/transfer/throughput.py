"""Measures how fast a source is, and whether the processor or the network is the limit: before anything is written.

A moment that came out of a buffer, or that began a connection, says nothing: the median of four does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from clipferry.transfer.bottleneck import BUSY, waited_seconds

WINDOWS: Final = 4
WINDOWS_PER_PART: Final = 128
"""A window is 64 KiB, four are 256: a 300th of what seven workers hold."""


class Throughput(NamedTuple):
    """What one connection moves. `speed` is in bytes a second."""

    speed: float
    network_is_the_limit: bool


def measure_throughput(read: Callable[[int], memoryview], part_size: int, cpus: float) -> Throughput:
    """Reads four windows of a part; `cpus` is `bottleneck.owned_cpus`."""
    window_bytes = max(part_size // WINDOWS_PER_PART, 1)
    measured: list[tuple[float, float, int]] = []
    for _ in range(WINDOWS):
        begun, used, waited = time.monotonic(), time.process_time(), waited_seconds()
        count = len(read(window_bytes))
        elapsed = time.monotonic() - begun - (waited_seconds() - waited)
        measured.append((elapsed, time.process_time() - used, count))
    elapsed, used, count = sorted(measured)[WINDOWS // 2]
    return Throughput(count / max(elapsed, 1e-9), used < BUSY * cpus * elapsed)
