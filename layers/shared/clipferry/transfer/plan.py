"""Decides how a file goes out: in one PUT or in parts, and in how large ones.

For that it measures how fast the source is, and whether the processor or the network is the limit, before anything is
written. A moment that came out of a buffer, or that began a connection, says nothing: the median of four does.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from clipferry.transfer.bottleneck import BUSY, waited_seconds
from clipferry.transfer.interface import LONGEST_SINGLE, SMALLEST_PART, TransferConfig
from clipferry.transfer.ordered_hash import Part
from clipferry.transfer.ranged_source import RangedSource

WINDOWS: Final = 4
WINDOWS_PER_PART: Final = 128
"""A window is 64 KiB, four are 256: a 300th of what seven workers hold."""


class Throughput(NamedTuple):
    """What one connection moves. `speed` is in bytes a second."""

    speed: float
    network_is_the_limit: bool


def measure_throughput(read: Callable[[int], memoryview], config: TransferConfig) -> Throughput:
    """Reads four windows of a part."""
    window_bytes = max(config.part_size // WINDOWS_PER_PART, 1)
    measured: list[tuple[float, float, int]] = []
    for _ in range(WINDOWS):
        begun, used, waited = time.monotonic(), time.process_time(), waited_seconds()
        count = len(read(window_bytes))
        elapsed = time.monotonic() - begun - (waited_seconds() - waited)
        measured.append((elapsed, time.process_time() - used, count))
    elapsed, used, count = sorted(measured)[WINDOWS // 2]
    return Throughput(count / max(elapsed, 1e-9), used < BUSY * config.cpus * elapsed)


def goes_in_one_put(source: RangedSource, throughput: Throughput, config: TransferConfig) -> bool:
    """Whether parts would take longer. For another try of one PUT the source must be able to repeat itself."""
    if source.etag is None or config.content_md5:
        return False
    return source.size <= min(config.part_size + throughput.speed * config.single_seconds, LONGEST_SINGLE)


def balanced_length(part: Part, size: int, workers: int) -> int:
    """Returns the length of parts of which each worker gets one, where those are shorter than `part`, the first."""
    length = min(max(-(-size // workers), SMALLEST_PART), part.length)
    return length if part.filled <= length else part.length
