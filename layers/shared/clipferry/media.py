"""What an MP4 says of itself, read while its bytes pass by: the boxes that describe it are kept, never the film.

Source: ISO/IEC 14496-12 (the ISO base media file format), whose names for boxes are used here.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from clipferry.models import MediaInfo

MAX_KEPT_BYTES = 32 * 1024 * 1024
"""A larger box is passed over; an hour of film has a `moov` of about 2 MiB."""
_TO_THE_END = 1 << 64
_LARGE_SIZE = b"\0\0\0\1"
_UNKNOWN = frozenset({2**32 - 1, 2**64 - 1})
_MAX_SECONDS = 2**31 - 1
_RATIOS = {"16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1, "4:3": 4 / 3, "3:4": 3 / 4, "21:9": 21 / 9}


def resolution_name(info: MediaInfo) -> str | None:
    """By the short side: `720p`."""
    return f"{min(info.width, info.height)}p" if info.width and info.height else None


def aspect_ratio_name(info: MediaInfo) -> str | None:
    """The nearest of the ratios that have a name."""
    if not info.width or not info.height:
        return None
    shape = math.log(info.width / info.height)
    return min(_RATIOS, key=lambda name: abs(math.log(_RATIOS[name]) - shape))


class MediaScanner:
    """Takes a file in order, in pieces of any size. What isn't an MP4 gives an empty MediaInfo, never an error."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._left = 0  # bytes of the open box still to come
        self._kept: bytearray | None = None
        self._kind = b""
        self._movie = _Movie()

    def feed(self, chunk: bytes) -> None:
        """The file's next bytes."""
        rest = memoryview(chunk)
        while rest:
            rest = self._feed_body(rest) if self._left else self._feed_header(rest)

    def result(self) -> MediaInfo:
        """Whole seconds, rounded half up and at least 1; pixels as displayed. For when the file has ended."""
        if self._left > MAX_KEPT_BYTES:
            self._read_kept()  # a box that lasts to the end of the file
        return self._movie.info()

    def _feed_header(self, rest: memoryview) -> memoryview:
        missing = self._header_length() - len(self._header)
        self._header += rest[:missing]
        if len(self._header) == self._header_length():
            self._open_box()
        return rest[missing:]

    def _header_length(self) -> int:
        return 16 if self._header.startswith(_LARGE_SIZE) else 8

    def _open_box(self) -> None:
        self._kind = bytes(self._header[4:8])
        size = int.from_bytes(self._header[8:] or self._header[:4])
        left = size - len(self._header)
        self._left = left if left >= 0 else _TO_THE_END  # 0 means just that; after nonsense nothing can be found
        worthy = self._kind in (b"moov", b"moof") and (left <= MAX_KEPT_BYTES)
        self._kept = bytearray() if worthy else None
        self._header.clear()

    def _feed_body(self, rest: memoryview) -> memoryview:
        piece = rest[: self._left]
        self._left -= len(piece)
        if self._kept is not None:
            self._kept += piece
            if len(self._kept) > MAX_KEPT_BYTES:
                self._kept = None
        if not self._left:
            self._read_kept()
        return rest[len(piece) :]

    def _read_kept(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            read = self._movie.read_moov if self._kind == b"moov" else self._movie.read_moof
            with suppress(struct.error):  # a field beyond the end of its box
                read(memoryview(kept))


@dataclass(slots=True)
class _Track:
    number: int = 0
    handler: bytes = b""
    width: int = 0
    height: int = 0
    timescale: int = 0
    """Ticks per second."""
    end: int = 0
    """Where its last sample ends, in ticks."""


@dataclass(slots=True)
class _Movie:
    timescale: int = 0
    duration: int = 0
    tracks: dict[int, _Track] = field(default_factory=dict)
    sample_durations: dict[int, int] = field(default_factory=dict)
    """A fragmented film's default for each track, in its ticks; empty for one that isn't fragmented."""

    def info(self) -> MediaInfo:
        films = (track for track in self.tracks.values() if track.handler == b"vide")
        picture = next((track for track in films if track.width and track.height), None)
        if picture is None:
            return MediaInfo(duration=self._seconds())
        return MediaInfo(duration=self._seconds(), width=picture.width, height=picture.height)

    def _seconds(self) -> int | None:
        lengths = [(self.duration, self.timescale)]
        if self.sample_durations:
            lengths += [(track.end, track.timescale) for track in self.tracks.values()]
        seconds = [(2 * ticks + scale) // (2 * scale) for ticks, scale in lengths if ticks and scale]
        longest = max(seconds, default=0)
        return max(longest, 1) if seconds and longest <= _MAX_SECONDS else None

    def read_moov(self, moov: memoryview) -> None:
        for kind, body in _boxes(moov):
            if kind == b"mvhd":
                self.timescale, self.duration = _timescale_and_duration(body)
            elif kind == b"trak":
                track = _read_track(body)
                self.tracks.setdefault(track.number, track)
            elif kind == b"mvex":
                self._read_mvex(body)

    def _read_mvex(self, mvex: memoryview) -> None:
        for kind, body in _boxes(mvex):
            if kind == b"trex":
                number, _, duration = struct.unpack_from(">III", body, 4)
                self.sample_durations[number] = duration
            elif kind == b"mehd":
                self.duration = _read_number(body)

    def read_moof(self, moof: memoryview) -> None:
        for kind, body in _boxes(moof):
            if kind == b"traf":
                self._read_traf(list(_boxes(body)))

    def _read_traf(self, boxes: list[tuple[bytes, memoryview]]) -> None:
        named = dict(boxes)
        number, sample_duration = _read_tfhd(named.get(b"tfhd", memoryview(b"")))
        track = self.tracks.get(number)
        if track is None:
            return
        if sample_duration is None:
            sample_duration = self.sample_durations.get(number, 0)
        start = _read_number(named[b"tfdt"]) if b"tfdt" in named else track.end
        ticks = sum(_run_duration(body, sample_duration) for kind, body in boxes if kind == b"trun")
        track.end = max(track.end, start + ticks)


def _boxes(parent: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The boxes within, each with its body; ends at the first that doesn't fit."""
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
    """Of `mehd` and `tfdt`: their only field."""
    return struct.unpack_from(">Q" if _version(body) else ">I", body, 4)[0]


def _timescale_and_duration(body: memoryview) -> tuple[int, int]:
    """Of `mvhd` and `mdhd`: ticks per second, and ticks (0 when not known)."""
    fields = struct.unpack_from(">IQ", body, 20) if _version(body) else struct.unpack_from(">II", body, 12)
    timescale, duration = fields
    return timescale, 0 if duration in _UNKNOWN else duration


def _read_track(trak: memoryview) -> _Track:
    track = _Track()
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
    """Track number, width and height; these two swapped when the matrix turns the picture by a quarter."""
    number_at, matrix_at = (20, 52) if _version(body) else (12, 40)
    (number,) = struct.unpack_from(">I", body, number_at)
    a, b, _, _, _, _, _, _, _, width, height = struct.unpack_from(">9i2I", body, matrix_at)
    width, height = (width + 0x8000) >> 16, (height + 0x8000) >> 16  # 16.16 fixed point
    return (number, height, width) if abs(b) > abs(a) else (number, width, height)


def _read_tfhd(body: memoryview) -> tuple[int, int | None]:
    """Track number, and its default sample duration in this fragment when it names one."""
    flags, number = struct.unpack_from(">II", body)
    if not flags & 0x08:
        return number, None
    offset = 8 + (8 if flags & 0x01 else 0) + (4 if flags & 0x02 else 0)
    return number, struct.unpack_from(">I", body, offset)[0]


def _run_duration(trun: memoryview, sample_duration: int) -> int:
    """Ticks: each sample's own, where the run names them."""
    flags, count = struct.unpack_from(">II", trun)
    if not flags & 0x100:
        return count * sample_duration
    start = 8 + (4 if flags & 0x01 else 0) + (4 if flags & 0x04 else 0)
    others = 4 * (flags & 0xE00).bit_count()
    entries = trun[start : start + count * (4 + others)]
    return sum(duration for (duration,) in struct.iter_unpack(f">I{others}x", entries))
