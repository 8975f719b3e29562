"""Small files, one of each kind that a provider may send, and what has to be recorded of each."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from clipferry.media.no_film import NoFilmReason
from clipferry.models import MediaInfo
from tests import films
from tests.boxes import (
    FILM,
    QUARTER,
    SOUND,
    Track,
    box,
    esds,
    film,
    fragmented,
    ftyp,
    full_box,
    init_segment,
    pasp,
    pictures,
    segment,
    sound,
)

FACTS: Final = MediaInfo(duration_ms=2000, width=640, height=360, codec="h264", has_audio=False, frame_rate=24.0)
"""What `tests.boxes.film()` is."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A film, its facts, and the names that go with its size."""

    content: bytes
    facts: MediaInfo = FACTS
    resolution: str = "360p"
    aspect_ratio: str = "16:9"


def facts(**changes: Any) -> MediaInfo:
    return replace(FACTS, **changes)


def sized(width: int, height: int, *boxes: bytes, **track: Any) -> bytes:
    return film(Track(entry=pictures(b"avc1", *boxes, width=width, height=height), **track))


@cache
def drawn(codec: str, pixel: tuple[int, int] = (4, 3)) -> bytes:
    """A film with real pictures that says the aspect of its pixels in the codec's parameter set, and nowhere else."""
    with TemporaryDirectory() as folder:
        made = films.film(
            Path(folder) / "film.mp4", codec=codec, width=144, height=108, frames=24, pixel=Fraction(*pixel)
        )
    assert made.count(b"pasp") == 1
    at = made.index(b"tkhd") + 4 + 76  # its size says the aspect, too
    return (made[:at] + struct.pack(">II", 144 << 16, 108 << 16) + made[at + 8 :]).replace(b"pasp", b"free")


SIZES: Final = {
    (1920, 1080): ("1080p", "16:9"),
    (1920, 1088): ("1080p", "16:9"),
    (1088, 1920): ("1080p", "9:16"),
    (1440, 1440): ("1080p", "1:1"),
    (2176, 928): ("1080p", "21:9"),
    (1664, 1248): ("1080p", "4:3"),
    (736, 544): ("480p", "4:3"),
    (640, 640): ("480p", "1:1"),
    (640, 480): ("480p", "4:3"),
    (864, 480): ("480p", "16:9"),
    (1280, 720): ("720p", "16:9"),
    (1248, 704): ("720p", "16:9"),
    (1120, 832): ("720p", "4:3"),
    (1080, 720): ("720p", "3:2"),
    (720, 1080): ("720p", "2:3"),
    (3840, 2160): ("2160p", "16:9"),
}
"""Sizes that providers make, and the order that each of them answers."""

STAMPED: Final = box(b"uuid", bytes(3 << 20))
"""A C2PA manifest is as large."""
WITH_SOUND: Final = film(FILM, SOUND)
FRAGMENTED: Final = fragmented(FILM, replace(SOUND, samples=96))
ENCRYPTION: Final = box(b"sinf", box(b"frma", b"avc1"), box(b"schm", bytes(4), b"cenc", bytes(4)))
PREVIEW: Final = Track(entry=pictures(width=320, height=180), is_enabled=False)
LARGE: Final = Track(entry=pictures(width=1920, height=1080))
CMAF: Final = fragmented(replace(FILM, entry=pictures(width=1280, height=720), header_size=(0, 0)))
LIVE: Final = fragmented(replace(FILM, length=48), has_times=False)
AS_720P: Final = {"facts": facts(width=1280, height=720), "resolution": "720p"}


def codec(kind: bytes, *boxes: bytes) -> bytes:
    return film(Track(entry=pictures(kind, *boxes)))


TAKEN: Final[Mapping[str, Taken]] = {
    "moov in front": Taken(film()),
    "moov at the end": Taken(film(is_front=False)),
    "one size for all samples": Taken(film(rows=False)),
    "with sound": Taken(WITH_SOUND, facts(has_audio=True)),
    "sound first": Taken(film(SOUND, FILM), facts(has_audio=True)),
    "fragmented": Taken(FRAGMENTED, facts(has_audio=True, duration_ms=2048)),
    "fragmented, its length declared": Taken(fragmented(total=2000)),
    "without ftyp": Taken(film(brand=None)),
    "mdat first": Taken(film(brand=None, is_front=False)),
    "free first": Taken(film(brand=None, before=box(b"free", bytes(40)))),
    "skip first": Taken(film(brand=None, before=box(b"skip", bytes(40)))),
    "wide first": Taken(film(brand=None, before=box(b"wide"), is_front=False)),
    "QuickTime with H.264": Taken(film(brand=b"qt  ")),
    "HEVC": Taken(codec(b"hvc1"), facts(codec="hevc")),
    "Dolby Vision": Taken(codec(b"dvh1"), facts(codec="hevc")),
    "AV1": Taken(codec(b"av01"), facts(codec="av1")),
    "VP9": Taken(codec(b"vp09"), facts(codec="vp9")),
    "MPEG-4 Visual": Taken(codec(b"mp4v", esds(0x20)), facts(codec="mpeg4")),
    "turned by a quarter": Taken(
        film(replace(FILM, matrix=QUARTER)), facts(width=360, height=640), aspect_ratio="9:16"
    ),
    "tkhd of 0 by 0": Taken(CMAF, **AS_720P),  # type: ignore[arg-type]
    "tkhd with a ratio": Taken(film(replace(FILM, header_size=(16, 9)))),
    "no size in the sample entry": Taken(film(Track(entry=pictures(width=0, height=0)))),
    "pasp": Taken(sized(1440, 1080, pasp(4, 3)), facts(width=1920, height=1080), "1080p"),
    "pasp of 0": Taken(sized(640, 360, pasp(0, 0))),
    "an impossible pasp": Taken(sized(640, 360, pasp(2**32 - 1, 1))),
    "the aspect only in H.264": Taken(drawn("libx264"), facts(duration_ms=1000, width=192, height=108), "144p"),
    "the aspect only in HEVC": Taken(
        drawn("libx265"), facts(duration_ms=1000, width=192, height=108, codec="hevc"), "144p"
    ),
    "a disabled preview first": Taken(film(PREVIEW, LARGE), facts(width=1920, height=1080), "1080p"),
    "all tracks disabled": Taken(film(replace(FILM, is_enabled=False))),
    "a track that can't be played beside one that can": Taken(film(Track(entry=pictures(b"lvc1")), FILM)),
    "the movie's length is 0": Taken(film(length=0)),
    "the movie's length is all ones": Taken(film(length=None)),
    "no length but in the samples": Taken(film(replace(FILM, length=0), length=0)),
    "fragments without times": Taken(LIVE),
    "the last box a few bytes longer than the file": Taken(film()[:-9]),
    "moov a few bytes longer than the file": Taken(film(is_front=False, more=box(b"udta", bytes(40)))[:-9]),
    "a large uuid before moov": Taken(film(before=STAMPED)),
    "bytes after the last box": Taken(film() + b"\0\0\0"),
    "mdat to the end of the file": Taken(
        film().replace(struct.pack(">I4s", FILM.size + 8, b"mdat"), bytes(4) + b"mdat")
    ),
    "the sound's end is missing": Taken(WITH_SOUND[:-200], facts(has_audio=True)),
    **{
        f"{width} by {height}": Taken(sized(width, height), facts(width=width, height=height), *names)
        for (width, height), names in SIZES.items()
    },
}


@dataclass(frozen=True, slots=True)
class Refused:
    """A file that begins as an MP4 does, and is no film."""

    content: bytes
    reason: NoFilmReason


def heif(brand: bytes) -> bytes:
    items = full_box(b"meta", full_box(b"hdlr", bytes(4), b"pict", bytes(13)))
    return ftyp(brand) + items + box(b"mdat", bytes(2000))


HALF: Final = len(film()) // 2

REFUSED: Final[Mapping[str, Refused]] = {
    "the encoder died before moov": Refused(ftyp() + box(b"free") + box(b"mdat", bytes(5000)), NoFilmReason.NO_MOOV),
    "the encoder died with mdat open": Refused(ftyp() + bytes(4) + b"mdat" + bytes(5000), NoFilmReason.NO_MOOV),
    "mdat alone": Refused(box(b"mdat", bytes(5000)), NoFilmReason.NO_MOOV),
    "ftyp alone": Refused(ftyp(), NoFilmReason.NO_MOOV),
    "a HEIC still": Refused(heif(b"heic"), NoFilmReason.STILL),
    "an AVIF still": Refused(heif(b"avif"), NoFilmReason.STILL),
    "a sequence of stills": Refused(film(replace(FILM, handler=b"pict")), NoFilmReason.NO_PICTURES),
    "sound only": Refused(film(SOUND, brand=b"M4A "), NoFilmReason.NO_PICTURES),
    "sound with a cover": Refused(
        film(SOUND, Track(entry=pictures(b"mp4v", esds(0x6C)), samples=1)), NoFilmReason.UNPLAYABLE
    ),
    "an init segment": Refused(init_segment(), NoFilmReason.NO_SAMPLES),
    "a media segment": Refused(box(b"styp", b"msdh", bytes(4)) + segment(), NoFilmReason.NO_MOOV),
    "no samples": Refused(film(replace(FILM, samples=0)), NoFilmReason.NO_SAMPLES),
    "half a film": Refused(film(SOUND, FILM)[: len(film(SOUND, FILM)) // 2], NoFilmReason.CUT_SHORT),
    "half a film of one sample size": Refused(film(rows=False)[:HALF], NoFilmReason.CUT_SHORT),
    "moov cut in the middle": Refused(film()[:300], NoFilmReason.CUT_SHORT),
    "half of a fragment": Refused(FRAGMENTED[:-700], NoFilmReason.CUT_SHORT),
    "a fragment's header cut off": Refused(FRAGMENTED + segment(FILM, number=1)[:100], NoFilmReason.CUT_SHORT),
    "encrypted": Refused(codec(b"encv", ENCRYPTION), NoFilmReason.ENCRYPTED),
    "encrypted in fragments": Refused(fragmented(Track(entry=pictures(b"encv", ENCRYPTION))), NoFilmReason.ENCRYPTED),
    "encrypted sound": Refused(film(FILM, replace(SOUND, entry=sound(b"enca", ENCRYPTION))), NoFilmReason.ENCRYPTED),
    "Apple's encryption": Refused(codec(b"drmi", ENCRYPTION), NoFilmReason.ENCRYPTED),
    "clear at first, then encrypted": Refused(
        film(Track(entry=pictures() + pictures(b"encv", ENCRYPTION))), NoFilmReason.ENCRYPTED
    ),
    "ProRes": Refused(film(Track(entry=pictures(b"apch")), brand=b"qt  "), NoFilmReason.UNPLAYABLE),
    "DV": Refused(film(Track(entry=pictures(b"dvc ")), brand=b"qt  "), NoFilmReason.UNPLAYABLE),
    "Motion JPEG": Refused(film(Track(entry=pictures(b"jpeg")), brand=b"qt  "), NoFilmReason.UNPLAYABLE),
    "XDCAM": Refused(
        film(Track(entry=pictures(b"xdv3", pasp(4, 3), width=1440, height=1080)), brand=b"qt  "),
        NoFilmReason.UNPLAYABLE,
    ),
    "MPEG-2 in mp4v": Refused(codec(b"mp4v", esds(0x61)), NoFilmReason.UNPLAYABLE),
    "H.266": Refused(codec(b"vvc1"), NoFilmReason.UNPLAYABLE),
}

PACKET: Final = b"\x47" + bytes(187)

WRONG_KINDS: Final[Mapping[str, tuple[bytes, str]]] = {
    "WebM": (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x84webm" + bytes(400), "WebM"),
    "Matroska": (b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska" + bytes(400), "Matroska"),
    "GIF": (b"GIF89a" + bytes(400), "GIF"),
    "a transport stream": (PACKET * 4, "MPEG transport stream"),
    "M2TS": ((bytes(4) + PACKET) * 4, "MPEG transport stream"),
    "a ZIP": (b"PK\3\4" + bytes(400), "ZIP"),
    "a PNG": (b"\x89PNG\r\n\x1a\n" + bytes(400), "PNG"),
    "a JPEG": (b"\xff\xd8\xff\xe0" + bytes(400), "JPEG"),
    "an AVI": (b"RIFF\0\1\0\0AVI LIST" + bytes(400), "AVI"),
    "an MP3": (b"ID3\4" + bytes(400), "MP3"),
}
"""Files of other kinds, and the kind that the operator's log names."""

UNKNOWN: Final = {
    "a page": b"<!DOCTYPE html><html>Sorry</html>",
    "JSON": b'{"error": "expired"}',
    "nothing but zeros": bytes(4000),
    "a text that begins with G": b"Gone. " * 200,
}
"""A CDN's bad minute: tried again."""
