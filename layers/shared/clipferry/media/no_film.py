"""Says why a file is no film: COMPLETED means that pictures are there which a browser plays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from clipferry.media.movie import Movie
from clipferry.media.tracks import Track

SLACK_BYTES: Final = 64
"""A file that ends so few bytes too early still plays."""


class NoFilmReason(StrEnum):
    """Why a file is no film: the first word of the operator's log."""

    NO_MOOV = "no_moov"
    STILL = "still"
    NO_PICTURES = "no_pictures"
    NO_SAMPLES = "no_samples"
    CUT_SHORT = "cut_short"
    ENCRYPTED = "encrypted"
    UNPLAYABLE = "unplayable"


_SENTENCES: Final = {
    NoFilmReason.NO_MOOV: "there is no moov: whoever wrote the file didn't finish",
    NoFilmReason.STILL: "a still picture, such as HEIC or AVIF",
    NoFilmReason.NO_PICTURES: "no track has pictures; is it sound?",
    NoFilmReason.NO_SAMPLES: "the track with the pictures is empty, as in an init segment",
    NoFilmReason.CUT_SHORT: "the file ends before its pictures do",
    NoFilmReason.ENCRYPTED: "it is encrypted",
    NoFilmReason.UNPLAYABLE: "no browser plays its codec",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEnd:
    """How a file ends. Sizes in bytes."""

    size: int
    missing: int = 0
    """How many bytes the last box is longer than the file."""
    last_box: bytes = b""
    has_items: bool = False
    """Whether it has a `meta` of its own: where HEIF keeps pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoFilm:
    reason: NoFilmReason
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {_SENTENCES[self.reason]}{self.detail and ', '}{self.detail}"


def why_no_film(movie: Movie, end: FileEnd) -> NoFilm | None:
    """Returns None for a film. Where a limit of ours has boxes skipped, what wasn't seen is no reason."""
    track = movie.picture_track()
    if track is None or not track.samples:
        return _without_samples(movie, track, end)
    if track.entry.is_encrypted or any(sound.entry.is_encrypted for sound in movie.sound_tracks()):
        return NoFilm(reason=NoFilmReason.ENCRYPTED)
    if not track.entry.is_playable:
        return NoFilm(reason=NoFilmReason.UNPLAYABLE, detail=track.entry.codec or "no sample entry")
    missing = track.data_end - end.size
    if movie.defaults and end.last_box in (b"moof", b"mdat"):  # in the middle of a fragment, be it one of sound
        missing = max(missing, end.missing)
    if missing > SLACK_BYTES:
        return NoFilm(reason=NoFilmReason.CUT_SHORT, detail=f"{missing} bytes are missing after {end.size}")
    return None


def _without_samples(movie: Movie, track: Track | None, end: FileEnd) -> NoFilm | None:
    if end.last_box == b"moov" and end.missing and not movie.has_header:
        return NoFilm(reason=NoFilmReason.CUT_SHORT, detail=f"{end.missing} bytes of its moov are missing")
    if movie.is_incomplete:
        return None
    if not movie.has_header:
        return NoFilm(reason=NoFilmReason.STILL if end.has_items else NoFilmReason.NO_MOOV)
    if track is not None and track.entry.is_encrypted:
        return NoFilm(reason=NoFilmReason.ENCRYPTED)
    return NoFilm(reason=NoFilmReason.NO_PICTURES if track is None else NoFilmReason.NO_SAMPLES)


def oddities(movie: Movie, end: FileEnd) -> list[str]:
    """What an operator may want to know of a film that plays all the same."""
    found = []
    if end.missing:
        found.append(f"the last box, {end.last_box.decode('latin-1')}, is {end.missing} bytes longer than the file")
    found += [
        f"the sound's last {sound.data_end - end.size} bytes are missing"
        for sound in movie.sound_tracks()
        if sound.data_end > end.size
    ]
    return found
