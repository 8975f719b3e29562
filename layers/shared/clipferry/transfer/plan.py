"""Decides how a file goes out: in one PUT or in parts, and in how large ones."""

from __future__ import annotations

from clipferry.transfer.interface import LONGEST_SINGLE, SMALLEST_PART, TransferConfig
from clipferry.transfer.ordered_hash import Part
from clipferry.transfer.ranged_source import RangedSource
from clipferry.transfer.throughput import Throughput


def goes_in_one_put(source: RangedSource, throughput: Throughput, config: TransferConfig) -> bool:
    """Whether parts would take longer. For another try of one PUT the source must be able to repeat itself."""
    if source.etag is None or config.content_md5:
        return False
    return source.size <= min(config.part_size + throughput.speed * config.single_seconds, LONGEST_SINGLE)


def balanced_length(part: Part, size: int, workers: int) -> int:
    """Returns the length of parts of which each worker gets one, where those are shorter than `part`, the first."""
    length = min(max(-(-size // workers), SMALLEST_PART), part.length)
    return length if part.filled <= length else part.length
