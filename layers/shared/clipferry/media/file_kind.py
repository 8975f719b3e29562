"""Tells from a file's first bytes what it is, where that is no film that we take."""

from __future__ import annotations

from typing import Final

ISO_KINDS: Final = frozenset(
    {
        b"ftyp",
        b"free",
        b"skip",
        b"wide",
        b"moov",
        b"mdat",
        b"moof",
        b"styp",
        b"sidx",
        b"emsg",
        b"uuid",
        b"pdin",
        b"meta",
        b"pnot",
    }
)
"""The boxes that an ISO or a QuickTime file may begin with; what the boxes hold is judged when all have been seen."""
_BEGINNINGS: Final = (
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"PK\3\4", "ZIP"),
    (b"PK\5\6", "ZIP"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"FLV\1", "FLV"),
    (b"OggS", "Ogg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "ASF or WMV"),
    (b"\0\0\1\xba", "MPEG program stream"),
    (b"ID3", "MP3"),
    (b"%PDF-", "PDF"),
    (b"\x1f\x8b\x08", "gzip"),
)
_EBML: Final = b"\x1a\x45\xdf\xa3"
_TS_PACKET: Final = 188
_RIFF: Final = {b"AVI ": "AVI", b"WEBP": "WebP", b"WAVE": "WAV"}


def begins_as_iso(start: bytes) -> bool:
    """Whether a file of at least 8 bytes begins with a box, as ISO/IEC 14496-12 says."""
    return start[4:8] in ISO_KINDS


def other_kind(start: bytes) -> str | None:
    """Returns the name of another kind of file; None for ISO files and for what isn't known, such as a page."""
    if begins_as_iso(start):
        return None
    if start.startswith(_EBML):
        return "WebM" if b"webm" in start[:64] else "Matroska"
    if start.startswith(b"RIFF"):
        return _RIFF.get(start[8:12], "RIFF")
    if _is_transport_stream(start):
        return "MPEG transport stream"
    return next((name for beginning, name in _BEGINNINGS if start.startswith(beginning)), None)


def _is_transport_stream(start: bytes) -> bool:
    """Packets of 188 bytes that begin with 0x47 (ISO/IEC 13818-1); in M2TS with four bytes before each."""
    return any(
        len(start) > first + 2 * step and all(start[first + n * step] == 0x47 for n in range(3))
        for first, step in ((0, _TS_PACKET), (4, _TS_PACKET + 4))
    )
