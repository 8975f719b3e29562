"""Reads fragments (`moof`): how many samples each track gets, how long they last, and where their bytes end."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from clipferry.media.mp4_boxes import integers, read_boxes, read_number, rows
from clipferry.media.tracks import Track

_BASE, _DESCRIPTION, _DURATION, _SIZE, _FROM_MOOF = 0x01, 0x02, 0x08, 0x10, 0x20000
"""Flags of `tfhd`: which fields it has, and that offsets count from the `moof`."""
_RUN_OFFSET, _RUN_FIRST_FLAGS, _RUN_DURATION, _RUN_SIZE, _RUN_ROWS = 0x01, 0x04, 0x100, 0x200, 0xF00
"""Flags of `trun`; _RUN_ROWS are those that give each sample a field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDefaults:
    """What holds for samples that don't say it themselves: ticks and bytes."""

    duration: int = 0
    size: int = 0


@dataclass(slots=True, kw_only=True)
class _Run:
    samples: int = 0
    ticks: int = 0
    size: int = 0
    offset: int | None = None


def read_defaults(trex: memoryview) -> tuple[int, SampleDefaults]:
    """Returns the track's number, and its defaults."""
    number, _, duration, size = struct.unpack_from(">4I", trex, 4)
    return number, SampleDefaults(duration=duration, size=size)


def read_fragment(
    moof: memoryview, start: int, *, tracks: Mapping[int, Track], defaults: Mapping[int, SampleDefaults]
) -> None:
    """Adds what the `moof` at the file's offset `start` says to its tracks."""
    position = start
    for kind, body in read_boxes(moof):
        if kind == b"traf":
            position = _read_traf(body, start, position, tracks, defaults)


def _read_traf(
    traf: memoryview,
    moof_start: int,
    position: int,
    tracks: Mapping[int, Track],
    defaults: Mapping[int, SampleDefaults],
) -> int:
    """Returns where its data ends: there the next track's begins, unless that says otherwise.

    `tfhd` comes first, and `tfdt` before any `trun`.
    """
    track, own, start, ticks, base, samples, seen = None, SampleDefaults(), None, 0, position, 0, 0
    for kind, body in read_boxes(traf):
        if kind == b"tfhd":
            number, base, own = _read_tfhd(body, moof_start, position, defaults)
            track, position = tracks.get(number), base
        elif kind == b"tfdt":
            start = read_number(body)
        elif kind == b"trun":
            run = _read_run(body, own)
            position = (position if run.offset is None else base + run.offset) + run.size
            ticks, samples, seen = ticks + run.ticks, samples + run.samples, max(seen, position)
    if track is not None:
        track.end = max(track.end, (track.end if start is None else start) + ticks)
        track.samples, track.ticks = track.samples + samples, track.ticks + ticks
        track.data_end = max(track.data_end, seen)
    return position


def _read_tfhd(
    body: memoryview, moof_start: int, position: int, defaults: Mapping[int, SampleDefaults]
) -> tuple[int, int, SampleDefaults]:
    """Returns the track's number, the offset that its runs count from, and what holds for its samples here."""
    flags, number = struct.unpack_from(">II", body)
    at = 8
    base = moof_start if flags & _FROM_MOOF else position
    if flags & _BASE:
        (base,) = struct.unpack_from(">Q", body, at)
        at += 8
    at += 4 if flags & _DESCRIPTION else 0
    usual = defaults.get(number, SampleDefaults())
    duration, size = usual.duration, usual.size
    if flags & _DURATION:
        (duration,) = struct.unpack_from(">I", body, at)
        at += 4
    if flags & _SIZE:
        (size,) = struct.unpack_from(">I", body, at)
    return number, base, SampleDefaults(duration=duration, size=size)


def _read_run(trun: memoryview, own: SampleDefaults) -> _Run:
    """The run's samples with their durations and sizes, summed up where it lists them."""
    flags, count = struct.unpack_from(">II", trun)
    at = 8
    run = _Run(samples=count, ticks=count * own.duration, size=count * own.size)
    if flags & _RUN_OFFSET:
        (run.offset,) = struct.unpack_from(">i", trun, at)
        at += 4
    at += 4 if flags & _RUN_FIRST_FLAGS else 0
    columns = (flags & _RUN_ROWS).bit_count()
    if not columns:
        return run
    listed = rows(trun, at, count, 4 * columns)
    run.samples = len(listed) // (4 * columns)
    if flags & _RUN_DURATION:
        run.ticks = _sum(listed, 0, columns)
    if flags & _RUN_SIZE:
        run.size = _sum(listed, 1 if flags & _RUN_DURATION else 0, columns)
    return run


def _sum(table: memoryview, column: int, columns: int) -> int:
    return sum(sum(block[column::columns]) for block in integers(table, columns=columns))
