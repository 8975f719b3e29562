"""Reads sample entries (`stsd`): a track's codec, whether it is encrypted, and its size with the pixels' aspect."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import islice
from typing import Final

from clipferry.media.mp4_boxes import find_box, read_boxes
from clipferry.media.parameter_sets import h264_pixel_aspect, hevc_pixel_aspect

PLAYABLE: Final = {
    b"avc1": "h264",
    b"avc3": "h264",
    b"dva1": "h264",
    b"dvav": "h264",
    b"hvc1": "hevc",
    b"hev1": "hevc",
    b"dvh1": "hevc",
    b"dvhe": "hevc",
    b"av01": "av1",
    b"dav1": "av1",
    b"vp08": "vp8",
    b"vp09": "vp9",
    b"mp4v": "mpeg4",
}
"""The codecs that a browser of today plays, by their sample entries (mp4ra.org/registered-types/sampleentries)."""
_ENCRYPTED: Final = frozenset({b"encv", b"enca", b"drmi", b"drms"})
"""Common Encryption (ISO/IEC 23001-7), and Apple's before it."""
_CHILDREN_AT: Final = 78
"""Where the boxes in a VisualSampleEntry begin."""
_MPEG4_VISUAL: Final = 0x20
_MOST_ENTRIES: Final = 64
"""A track may list a million, and each would cost memory."""
_MOST_STRETCHED: Final = 16
"""A pixel that is more than so many times as wide as high, or as high as wide, is a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEntry:
    """`codec` is the name in PLAYABLE, else the entry's own four letters. Sizes in pixels, 0 when unknown."""

    codec: str = ""
    is_playable: bool = False
    is_encrypted: bool = False
    width: int = 0
    height: int = 0
    pixel: tuple[int, int] = (1, 1)
    """Width and height of a pixel."""


NO_ENTRY: Final = SampleEntry()
"""What a track has whose entry is missing or can't be read."""


def read_sample_entries(stsd: memoryview, handler: bytes) -> SampleEntry:
    """Returns the first entry; it counts as encrypted when any of them is."""
    entries = list(islice(read_boxes(stsd[8:]), _MOST_ENTRIES))
    if not entries:
        return NO_ENTRY
    kind, body = entries[0]
    is_encrypted = any(kind in _ENCRYPTED for kind, _ in entries)
    if handler != b"vide" or len(body) < _CHILDREN_AT:
        return SampleEntry(codec=_letters(kind), is_encrypted=is_encrypted)
    is_playable = kind in PLAYABLE and not is_encrypted and _is_visual(kind, body)
    width, height = struct.unpack_from(">HH", body, 24)
    return SampleEntry(
        codec=PLAYABLE[kind] if is_playable else _letters(kind),
        is_playable=is_playable,
        is_encrypted=is_encrypted,
        width=width,
        height=height,
        pixel=_pixel(body[_CHILDREN_AT:]),
    )


def _letters(kind: bytes) -> str:
    return "".join(chr(byte) if 32 < byte < 127 else "?" for byte in kind)


def _pixel(boxes: memoryview) -> tuple[int, int]:
    """Returns the aspect that `pasp` says, else the one in the codec's parameter set, else that of a square."""
    found: tuple[int, int] | None = None
    for kind, body in read_boxes(boxes):
        if kind == b"pasp" and len(body) >= 8:
            across, down = struct.unpack_from(">II", body)
            if _is_possible(across, down):
                return across, down
        elif kind == b"avcC":
            found = h264_pixel_aspect(body)
        elif kind == b"hvcC":
            found = hevc_pixel_aspect(body)
    return found if found is not None and _is_possible(*found) else (1, 1)


def _is_possible(across: int, down: int) -> bool:
    return 0 < across <= _MOST_STRETCHED * down and down <= _MOST_STRETCHED * across


def _is_visual(kind: bytes, body: memoryview) -> bool:
    """Whether an `mp4v` holds MPEG-4 Visual: it may hold MPEG-2 or a JPEG, too, and its `esds` says which."""
    esds = find_box(body[_CHILDREN_AT:], b"esds") if kind == b"mp4v" else None
    return esds is None or _object_type(bytes(esds[4:64])) in (None, _MPEG4_VISUAL)


def _object_type(descriptors: bytes) -> int | None:
    """Returns the objectTypeIndication of a decoder configuration (ISO/IEC 14496-1, 7.2.6.6), the tag 4 in tag 3."""
    body = _descriptor(descriptors, 3)
    if len(body) < 3:
        return None
    flags = body[2]
    start = 3 + (2 if flags & 0x80 else 0)
    if flags & 0x40:
        start += 1 + (body[start] if start < len(body) else 0)
    configuration = _descriptor(body[start + (2 if flags & 0x20 else 0) :], 4)
    return configuration[0] if configuration else None


def _descriptor(data: bytes, tag: int) -> bytes:
    """Returns what follows the descriptor's tag and length; nothing when it isn't this descriptor."""
    if data[:1] != bytes([tag]):
        return b""
    start = 1
    while start < len(data) and data[start] & 0x80:  # seven bits of the length in each byte
        start += 1
    return data[start + 1 :]
