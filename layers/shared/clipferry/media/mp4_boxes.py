"""Parses the boxes `moov` and `moof`: a video's tracks, their size and their duration.

Source: ISO/IEC 14496-12 (the ISO base media file format), whose names for boxes are used here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

MAX_TRACKS = 64
"""A file may list a million tracks, and each would cost memory."""
_UNKNOWN = frozenset({2**32 - 1, 2**64 - 1})
_MAX_SECONDS = 2**31 - 1


@dataclass(slots=True)
class Track:
    number: int = 0
    handler: bytes = b""
    width: int = 0
    height: int = 0
    timescale: int = 0
    """Ticks per second."""
    end: int = 0
    """The end of its last sample, in ticks."""


@dataclass(slots=True)
class Movie:
    timescale: int = 0
    duration: int = 0
    tracks: dict[int, Track] = field(default_factory=dict)
    sample_durations: dict[int, int] = field(default_factory=dict)
    """The default sample duration of each track in ticks; empty unless the file is fragmented."""
    is_cut_short: bool = False
    """Whether boxes were skipped, so that the duration of a fragmented file can't be known."""

    def read(self, kind: bytes, body: memoryview) -> None:
        """Parses the body of a `moov` or a `moof`, as far as it is valid."""
        with suppress(struct.error):  # a field lies beyond the end of its box
            self._read_moov(body) if kind == b"moov" else self._read_moof(body)

    def video_track(self) -> Track | None:
        """The first video track that has a size; None for a file that has only sound."""
        videos = (track for track in self.tracks.values() if track.handler == b"vide")
        return next((track for track in videos if track.width and track.height), None)

    def seconds(self) -> int | None:
        """The duration in seconds, rounded half up and at least 1; None when the boxes don't say."""
        if self.sample_durations and self.is_cut_short:
            return None
        lengths = [(self.duration, self.timescale)]
        if self.sample_durations:
            lengths += [(track.end, track.timescale) for track in self.tracks.values()]
        seconds = [(2 * ticks + scale) // (2 * scale) for ticks, scale in lengths if ticks and scale]
        longest = max(seconds, default=0)
        return max(longest, 1) if seconds and longest <= _MAX_SECONDS else None

    def _read_moov(self, moov: memoryview) -> None:
        for kind, body in _boxes(moov):
            if kind == b"mvhd":
                self.timescale, self.duration = _timescale_and_duration(body)
            elif kind == b"trak":
                track = _read_track(body)
                if len(self.tracks) < MAX_TRACKS:
                    self.tracks.setdefault(track.number, track)
            elif kind == b"mvex":
                self._read_mvex(body)

    def _read_mvex(self, mvex: memoryview) -> None:
        for kind, body in _boxes(mvex):
            if kind == b"trex":
                number, _, duration = struct.unpack_from(">III", body, 4)
                if len(self.sample_durations) < MAX_TRACKS:
                    self.sample_durations[number] = duration
            elif kind == b"mehd":
                self.duration = _read_number(body)

    def _read_moof(self, moof: memoryview) -> None:
        for kind, body in _boxes(moof):
            if kind == b"traf":
                self._read_traf(body)

    def _read_traf(self, traf: memoryview) -> None:
        """`tfhd` comes first, and `tfdt` before any `trun`."""
        track, start, sample_duration, ticks = None, None, 0, 0
        for kind, body in _boxes(traf):
            if kind == b"tfhd":
                number, named = _read_tfhd(body)
                track = self.tracks.get(number)
                sample_duration = self.sample_durations.get(number, 0) if named is None else named
            elif kind == b"tfdt":
                start = _read_number(body)
            elif kind == b"trun":
                ticks += _run_duration(body, sample_duration)
        if track is not None:
            track.end = max(track.end, (track.end if start is None else start) + ticks)


def _boxes(parent: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yields the kind and the body of each box in `parent`, up to the first that doesn't fit."""
    start = 0
    while start + 8 <= len(parent):
        size, kind = struct.unpack_from(">I4s", parent, start)
        header = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", parent, start + 8)
            header = 16
        end = start + size if size else len(parent)
        if not start + header <= end <= len(parent):
            return
        yield kind, parent[start + header : end]
        start = end


def _version(body: memoryview) -> int:
    return struct.unpack_from(">B", body)[0]


def _read_number(body: memoryview) -> int:
    """Reads the only field of `mehd` or `tfdt`."""
    return struct.unpack_from(">Q" if _version(body) else ">I", body, 4)[0]


def _timescale_and_duration(body: memoryview) -> tuple[int, int]:
    """Reads `mvhd` or `mdhd`: ticks per second, and the duration in ticks (0 when unknown)."""
    fields = struct.unpack_from(">IQ", body, 20) if _version(body) else struct.unpack_from(">II", body, 12)
    timescale, duration = fields
    return timescale, 0 if duration in _UNKNOWN else duration


def _read_track(trak: memoryview) -> Track:
    track = Track()
    for kind, body in _boxes(trak):
        if kind == b"tkhd":
            track.number, track.width, track.height = _read_tkhd(body)
        elif kind == b"mdia":
            for inner_kind, inner in _boxes(body):
                if inner_kind == b"mdhd":
                    track.timescale, track.end = _timescale_and_duration(inner)
                elif inner_kind == b"hdlr":
                    track.handler = bytes(inner[8:12])
    return track


def _read_tkhd(body: memoryview) -> tuple[int, int, int]:
    """Returns track number, width and height; width and height are swapped when the matrix rotates by 90 degrees."""
    number_at, matrix_at = (20, 52) if _version(body) else (12, 40)
    (number,) = struct.unpack_from(">I", body, number_at)
    a, b, _, _, _, _, _, _, _, width, height = struct.unpack_from(">9i2I", body, matrix_at)
    width, height = (width + 0x8000) >> 16, (height + 0x8000) >> 16  # 16.16 fixed point
    return (number, height, width) if abs(b) > abs(a) else (number, width, height)


def _read_tfhd(body: memoryview) -> tuple[int, int | None]:
    """Returns the track number, and its default sample duration in this fragment if it has one."""
    flags, number = struct.unpack_from(">II", body)
    if not flags & 0x08:
        return number, None
    offset = 8 + (8 if flags & 0x01 else 0) + (4 if flags & 0x02 else 0)
    return number, struct.unpack_from(">I", body, offset)[0]


def _run_duration(trun: memoryview, sample_duration: int) -> int:
    """The duration of a run in ticks: the sum of the samples' own durations where the run lists them."""
    flags, count = struct.unpack_from(">II", trun)
    if not flags & 0x100:
        return count * sample_duration
    start = 8 + (4 if flags & 0x01 else 0) + (4 if flags & 0x04 else 0)
    others = 4 * (flags & 0xE00).bit_count()
    entries = trun[start : start + count * (4 + others)]
    return sum(duration for (duration,) in struct.iter_unpack(f">I{others}x", entries))
