"""A small muxer: films made of boxes, whose samples hold no pictures. ISO/IEC 14496-12 names the boxes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

PLAIN: Final = (1, 0, 0, 1)
QUARTER: Final = (0, 1, -1, 0)
"""Matrices: the film as it is, and turned by a quarter."""


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def full_box(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def ftyp(brand: bytes = b"isom") -> bytes:
    return box(b"ftyp", brand, bytes(4), brand)


def pictures(kind: bytes = b"avc1", *boxes: bytes, width: int = 640, height: int = 360) -> bytes:
    """A sample entry of a track with pictures."""
    return box(kind, bytes(6), b"\0\1", bytes(16), struct.pack(">HH", width, height), bytes(50), *boxes)


def sound(kind: bytes = b"mp4a", *boxes: bytes) -> bytes:
    """A sample entry of a track with sound."""
    return box(kind, bytes(6), b"\0\1", bytes(20), *boxes)


def pasp(across: int, down: int) -> bytes:
    return box(b"pasp", struct.pack(">II", across, down))


def esds(object_type: int) -> bytes:
    """Says what an `mp4v` holds: 0x20 is MPEG-4 Visual, 0x6c a JPEG."""
    configuration = bytes([4, 0x80, 0x80, 0x80, 13, object_type]) + bytes(12)
    return full_box(b"esds", bytes([3, 0x80, 0x80, 0x80, 3 + len(configuration)]), bytes(3), configuration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """`ticks` is how long each sample lasts; `length` is what `mdhd` says, None for what is true."""

    entry: bytes = pictures()
    handler: bytes = b"vide"
    samples: int = 48
    sample_bytes: int = 100
    timescale: int = 24
    ticks: int = 1
    length: int | None = None
    is_enabled: bool = True
    header_size: tuple[int, int] = (640, 360)
    matrix: tuple[int, int, int, int] = PLAIN

    @property
    def size(self) -> int:
        return self.samples * self.sample_bytes


FILM: Final = Track()
SOUND: Final = Track(entry=sound(), handler=b"soun", samples=94, sample_bytes=20, timescale=48_000, ticks=1024)


def film(
    *tracks: Track,
    brand: bytes | None = b"isom",
    is_front: bool = True,
    length: int | None = 2000,
    before: bytes = b"",
    rows: bool = True,
    more: bytes = b"",
) -> bytes:
    """A film with `moov` in front of `mdat`, or behind it. `length` is the movie's in ms, None for all ones.

    Without `rows` the size of the samples is said once for all of them. `more` comes last in `moov`.
    """
    tracks = tracks or (FILM,)
    start = (ftyp(brand) if brand is not None else b"") + before
    media = box(b"mdat", *(bytes(track.size) for track in tracks))
    header_bytes = len(_moov(tracks, 0, length, rows, more)) if is_front else 0
    moov = _moov(tracks, len(start) + header_bytes + 8, length, rows, more)
    return start + (moov + media if is_front else media + moov)


def fragmented(
    *tracks: Track, fragments: int = 4, has_times: bool = True, length: int = 0, total: int | None = None
) -> bytes:
    """A film in fragments, each with a share of every track's samples; `total` is `mehd`, in ms."""
    tracks = tracks or (FILM,)
    return init_segment(*tracks, length=length, total=total) + b"".join(
        segment(*tracks, number=number, fragments=fragments, has_times=has_times) for number in range(fragments)
    )


def init_segment(*tracks: Track, length: int = 0, total: int | None = None) -> bytes:
    tracks = tracks or (FILM,)
    defaults = (full_box(b"trex", struct.pack(">5I", n, 1, t.ticks, t.sample_bytes, 0)) for n, t in _numbered(tracks))
    extends = box(b"mvex", *([full_box(b"mehd", struct.pack(">I", total))] if total else []), *defaults)
    empty = [replace(track, samples=0) for track in tracks]
    return ftyp(b"iso5") + _moov(empty, 0, length, rows=True, more=extends)


def segment(*tracks: Track, number: int = 0, fragments: int = 4, has_times: bool = True) -> bytes:
    """One `moof` with its `mdat`; every second one lists its samples, the others rely on the defaults."""
    tracks = tracks or (FILM,)
    header = _moof(tracks, number, fragments, has_times, header_bytes=0)
    shares = (bytes(track.size // fragments) for track in tracks)
    return _moof(tracks, number, fragments, has_times, header_bytes=len(header)) + box(b"mdat", *shares)


def _moof(tracks: Sequence[Track], number: int, fragments: int, has_times: bool, header_bytes: int) -> bytes:
    position, found = header_bytes + 8, []
    for track_number, track in _numbered(tracks):
        count = track.samples // fragments
        time = full_box(b"tfdt", struct.pack(">Q", number * count * track.ticks), version=1)
        row = struct.pack(">II", track.ticks, track.sample_bytes) if number % 2 else b""
        flags = 0x301 if number % 2 else 0x001
        found.append(
            box(
                b"traf",
                full_box(b"tfhd", struct.pack(">I", track_number), flags=0x20000),
                time if has_times else b"",
                full_box(b"trun", struct.pack(">Ii", count, position), row * count, flags=flags),
            )
        )
        position += count * track.sample_bytes
    return box(b"moof", full_box(b"mfhd", struct.pack(">I", number + 1)), *found)


def _numbered(tracks: Sequence[Track]) -> list[tuple[int, Track]]:
    return list(enumerate(tracks, 1))


def _moov(tracks: Sequence[Track], media_start: int, length: int | None, rows: bool, more: bytes = b"") -> bytes:
    position, found = media_start, []
    for number, track in _numbered(tracks):
        found.append(trak(track, number=number, offset=position, rows=rows))
        position += track.size
    ticks = 2**32 - 1 if length is None else length
    return box(b"moov", full_box(b"mvhd", bytes(8), struct.pack(">II", 1000, ticks), bytes(80)), *found, more)


def trak(track: Track, *, number: int = 1, offset: int = 0, rows: bool = True) -> bytes:
    a, b, c, d = (value << 16 for value in track.matrix)
    width, height = track.header_size
    shown = struct.pack(">9i2I", a, b, 0, c, d, 0, 0, 0, 1 << 30, width << 16, height << 16)
    length = track.samples * track.ticks if track.length is None else track.length
    return box(
        b"trak",
        full_box(b"tkhd", bytes(8), struct.pack(">I", number), bytes(24), shown, flags=7 if track.is_enabled else 6),
        box(
            b"mdia",
            full_box(b"mdhd", bytes(8), struct.pack(">II", track.timescale, length), bytes(4)),
            full_box(b"hdlr", bytes(4), track.handler, bytes(13)),
            box(b"minf", _sample_table(track, offset, rows)),
        ),
    )


def _sample_table(track: Track, offset: int, rows: bool) -> bytes:
    count = track.samples
    sizes = struct.pack(">II", 0 if rows else track.sample_bytes, count)
    return box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), track.entry),
        full_box(b"stts", struct.pack(">III", 1, count, track.ticks) if count else bytes(4)),
        full_box(b"stsc", struct.pack(">IIII", 1, 1, count, 1) if count else bytes(4)),
        full_box(b"stsz", sizes, struct.pack(">I", track.sample_bytes) * count if rows else b""),
        full_box(b"stco", struct.pack(">II", 1, offset) if count else bytes(4)),
    )
