"""Reads a track (`trak`): what it holds, how it is displayed, how long it lasts, and where its bytes end."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass

from clipferry.media.geometry import displayed_size
from clipferry.media.mp4_boxes import find_box, is_64_bit, read_boxes, timescale_and_duration
from clipferry.media.sample_entries import NO_ENTRY, SampleEntry, read_sample_entries
from clipferry.media.sample_table import read_sample_table

_PICTURES = b"vide"
_SOUND = b"soun"


@dataclass(slots=True, kw_only=True)
class Track:
    """Times are in ticks of the track's own `timescale`, which counts ticks per second."""

    number: int = 0
    is_enabled: bool = False
    handler: bytes = b""
    header_size: tuple[int, int] = (0, 0)
    """Width and height in `tkhd`, which sometimes holds a ratio, or nothing."""
    is_turned: bool = False
    """Whether it is displayed turned by a quarter."""
    timescale: int = 0
    entry: SampleEntry = NO_ENTRY
    samples: int = 0
    ticks: int = 0
    """The duration of all samples together."""
    end: int = 0
    """The end of its last sample, as the presentation's time counts."""
    data_end: int = 0
    """The file's offset behind the last of its bytes, as far as it is known."""

    @property
    def has_pictures(self) -> bool:
        return self.handler == _PICTURES

    @property
    def has_sound(self) -> bool:
        return self.handler == _SOUND

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels as displayed; 0 when unknown."""
        coded, pixel = (self.entry.width, self.entry.height), self.entry.pixel
        if not all(coded):
            coded, pixel = self.header_size, (1, 1)
        return displayed_size(coded, pixel=pixel, is_turned=self.is_turned)

    @property
    def frame_rate(self) -> float | None:
        """Samples per second, on average."""
        return self.samples * self.timescale / self.ticks if self.samples and self.ticks and self.timescale else None


def read_track(trak: memoryview) -> Track:
    """Returns what can be read of it; raises struct.error when its header ends too early."""
    track = Track()
    for kind, body in read_boxes(trak):
        if kind == b"tkhd":
            _read_header(track, body)
        elif kind == b"mdia":
            _read_media(track, body)
    return track


def _read_header(track: Track, tkhd: memoryview) -> None:
    number_at, matrix_at = (20, 52) if is_64_bit(tkhd) else (12, 40)
    (flags,), (number,) = struct.unpack_from(">I", tkhd), struct.unpack_from(">I", tkhd, number_at)
    a, b, _, _, _, _, _, _, _, width, height = struct.unpack_from(">9i2I", tkhd, matrix_at)
    track.number, track.is_enabled, track.is_turned = number, bool(flags & 1), abs(b) > abs(a)
    track.header_size = ((width + 0x8000) >> 16, (height + 0x8000) >> 16)  # 16.16 fixed point


def _read_media(track: Track, mdia: memoryview) -> None:
    duration, stbl = 0, None
    for kind, body in read_boxes(mdia):
        if kind == b"mdhd":
            track.timescale, duration = timescale_and_duration(body)
        elif kind == b"hdlr":
            track.handler = bytes(body[8:12])
        elif kind == b"minf":
            stbl = find_box(body, b"stbl")
    if stbl is None:
        return
    with suppress(struct.error):
        stsd = find_box(stbl, b"stsd")
        track.entry = read_sample_entries(stsd, track.handler) if stsd is not None else NO_ENTRY
        track.samples, track.ticks, track.data_end = read_sample_table(stbl)
        if track.samples:  # else it ends at 0, whatever its header says: its fragments are counted from there
            track.end = duration or track.ticks
