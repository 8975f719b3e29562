"""Reads boxes, and the tables of integers in them, without copying more than a block at a time.

Source: ISO/IEC 14496-12 (the ISO base media file format), whose names for boxes are used here.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator
from typing import Final

_UNKNOWN: Final = frozenset({2**32 - 1, 2**64 - 1})
_BLOCK: Final = 16 * 1024
"""Integers that are converted at a time: a table of 32 MiB mustn't be in memory twice."""


def read_boxes(parent: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yields the kind and the body of each box in `parent`, up to the first that doesn't fit."""
    start = 0
    while start + 8 <= len(parent):
        size, kind = struct.unpack_from(">I4s", parent, start)
        header = 8
        if size == 1:
            if start + 16 > len(parent):
                return
            (size,) = struct.unpack_from(">Q", parent, start + 8)
            header = 16
        end = start + size if size else len(parent)
        if not start + header <= end <= len(parent):
            return
        yield kind, parent[start + header : end]
        start = end


def find_box(parent: memoryview, kind: bytes) -> memoryview | None:
    """Returns the body of the first box of this kind."""
    return next((body for found, body in read_boxes(parent) if found == kind), None)


def is_64_bit(body: memoryview) -> bool:
    """Whether the box's version says that its times have 64 bits."""
    return struct.unpack_from(">B", body)[0] != 0


def read_number(body: memoryview) -> int:
    """Reads the only field of `mehd` or `tfdt`."""
    return struct.unpack_from(">Q" if is_64_bit(body) else ">I", body, 4)[0]


def timescale_and_duration(body: memoryview) -> tuple[int, int]:
    """Reads `mvhd` or `mdhd`: ticks per second, and the duration in ticks (0 when unknown)."""
    fields = struct.unpack_from(">IQ", body, 20) if is_64_bit(body) else struct.unpack_from(">II", body, 12)
    timescale, duration = fields
    return timescale, 0 if duration in _UNKNOWN else duration


def rows(body: memoryview, start: int, count: int, row_bytes: int) -> memoryview:
    """Returns the part of `body` that holds `count` rows from `start` on: whole ones, as many as there are."""
    there = max(len(body) - start, 0) // row_bytes
    return body[start : start + min(count, there) * row_bytes]


def integers(table: memoryview, *, size: int = 4, columns: int = 1) -> Iterator[array[int]]:
    """Yields a table of big-endian integers of `size` bytes (4 or 8), block by block; a block holds whole rows."""
    step = _BLOCK // columns * columns * size
    for start in range(0, len(table), step):
        block = array("I" if size == 4 else "Q", bytes(table[start : start + step]))
        if sys.byteorder == "little":
            block.byteswap()
        yield block
