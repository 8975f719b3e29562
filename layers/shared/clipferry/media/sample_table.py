"""Reads a track's sample table (`stbl`): how many samples it has, how long they last, and where their bytes end."""

from __future__ import annotations

import struct
from operator import mul
from typing import Final

from clipferry.media.mp4_boxes import integers, read_boxes, rows

_KINDS: Final = frozenset({b"stsz", b"stz2", b"stsc", b"stco", b"co64", b"stts"})
_NOTHING: Final = memoryview(bytes(12))
"""A table of any kind that has no rows."""


def read_sample_table(stbl: memoryview) -> tuple[int, int, int]:
    """Returns the number of samples, their duration in ticks, and the file's offset behind the last one's bytes.

    Raises struct.error when a field lies beyond the end of its box.
    """
    tables = {kind: body for kind, body in read_boxes(stbl) if kind in _KINDS}
    samples = _sample_count(tables)
    offset, chunk = _last_chunk(tables)
    if not samples or chunk is None:
        return 0, 0, 0
    first, count = _samples_of_chunk(tables.get(b"stsc", _NOTHING), chunk)
    data_end = offset + _bytes_of_samples(tables.get(b"stsz", _NOTHING), first, count)
    return samples, _ticks(tables.get(b"stts", _NOTHING)), data_end


def _sample_count(tables: dict[bytes, memoryview]) -> int:
    """Returns how many samples `stsz` or `stz2` lists; a row that isn't there doesn't count."""
    if b"stsz" not in tables:
        return struct.unpack_from(">I", tables.get(b"stz2", _NOTHING), 8)[0]
    size, count = struct.unpack_from(">II", tables[b"stsz"], 4)
    return count if size else len(rows(tables[b"stsz"], 12, count, 4)) // 4


def _last_chunk(tables: dict[bytes, memoryview]) -> tuple[int, int | None]:
    """Returns the greatest offset of a chunk, and which chunk that is, from 0; None when there is none."""
    wide = b"co64" in tables
    body, size = tables.get(b"co64" if wide else b"stco", _NOTHING), 8 if wide else 4
    (count,) = struct.unpack_from(">I", body, 4)
    greatest, chunk, seen = -1, None, 0
    for block in integers(rows(body, 8, count, size), size=size):
        largest = max(block)
        if largest > greatest:
            greatest, chunk = largest, seen + block.index(largest)
        seen += len(block)
    return greatest, chunk


def _samples_of_chunk(stsc: memoryview, chunk: int) -> tuple[int, int]:
    """Returns the chunk's first sample, from 0, and its number of samples.

    A row of `stsc` holds for all chunks up to that of the next row, whose number counts from 1.
    """
    (count,) = struct.unpack_from(">I", stsc, 4)
    first_sample, since, samples = 0, 1, 0
    for block in integers(rows(stsc, 8, count, 12), columns=3):
        for first_chunk, samples_each in zip(block[0::3], block[1::3], strict=True):
            if first_chunk > chunk + 1:
                return first_sample + (chunk + 1 - since) * samples, samples
            first_sample += (first_chunk - since) * samples
            since, samples = first_chunk, samples_each
    return first_sample + (chunk + 1 - since) * samples, samples


def _bytes_of_samples(stsz: memoryview, first: int, count: int) -> int:
    size, _ = struct.unpack_from(">II", stsz, 4)
    if size:
        return size * count
    return sum(sum(block) for block in integers(rows(stsz, 12 + 4 * max(first, 0), count, 4)))


def _ticks(stts: memoryview) -> int:
    (count,) = struct.unpack_from(">I", stts, 4)
    return sum(sum(map(mul, block[0::2], block[1::2])) for block in integers(rows(stts, 8, count, 8), columns=2))
