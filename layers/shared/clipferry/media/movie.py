"""What `moov` and all `moof` boxes together say of a film."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from clipferry.media.fragments import SampleDefaults, read_defaults, read_fragment
from clipferry.media.mp4_boxes import read_boxes, read_number, timescale_and_duration
from clipferry.media.tracks import Track, read_track
from clipferry.models import MediaInfo

MAX_TRACKS: Final = 64
"""A file may list a million tracks, and each would cost memory."""
_MAX_SECONDS: Final = 2**31 - 1
_MAX_FRAME_RATE: Final = 1000


@dataclass(slots=True)
class Movie:
    has_header: bool = False
    """Whether there was a `moov`."""
    timescale: int = 0
    duration: int = 0
    tracks: dict[int, Track] = field(default_factory=dict)
    defaults: dict[int, SampleDefaults] = field(default_factory=dict)
    """What the fragments' samples have by default, by track; empty unless the file is fragmented."""
    is_incomplete: bool = False
    """Whether boxes were skipped, so that the samples of a fragmented file can't be counted."""

    def read(self, kind: bytes, body: memoryview, start: int) -> None:
        """Parses the body of a `moov` or a `moof`, as far as it is valid. The box begins at the offset `start`."""
        with suppress(struct.error):  # a field lies beyond the end of its box
            if kind == b"moov":
                self.has_header = True
                self._read_moov(body)
            else:
                read_fragment(body, start, tracks=self.tracks, defaults=self.defaults)

    def picture_track(self) -> Track | None:
        """The track with pictures that a player shows: one with samples that it can play, enabled ones first."""
        tracks = [track for track in self.tracks.values() if track.has_pictures]
        return max(tracks, key=_suitability, default=None)

    def sound_tracks(self) -> list[Track]:
        return [track for track in self.tracks.values() if track.has_sound and track.samples]

    def info(self) -> MediaInfo:
        """All that is known, as far as it can be believed."""
        track, milliseconds = self.picture_track(), self._milliseconds()
        if track is None:
            return MediaInfo(duration_ms=milliseconds, has_audio=self._has_audio())
        width, height = track.size if all(track.size) else (None, None)
        rate = None if self._is_uncounted() else track.frame_rate
        return MediaInfo(
            duration_ms=milliseconds,
            width=width,
            height=height,
            codec=track.entry.codec or None,
            has_audio=self._has_audio(),
            frame_rate=round(rate, 3) if rate is not None and rate <= _MAX_FRAME_RATE else None,
        )

    def _has_audio(self) -> bool | None:
        if self.sound_tracks():
            return True
        return None if self._is_uncounted() or not self.tracks else False

    def _is_uncounted(self) -> bool:
        return bool(self.defaults) and self.is_incomplete

    def _milliseconds(self) -> int | None:
        """The movie's own duration, or the longest track's where it is longer, or the movie's isn't known."""
        if self._is_uncounted():
            return None
        lengths = [(self.duration, self.timescale)]
        if self.defaults or not (self.duration and self.timescale):
            lengths += [(t.end, t.timescale) for t in self.tracks.values() if t.has_pictures or t.has_sound]
        found = [(2000 * ticks + scale) // (2 * scale) for ticks, scale in lengths if ticks and scale]
        longest = max(found, default=0)
        return longest if 0 < longest <= 1000 * _MAX_SECONDS else None

    def _read_moov(self, moov: memoryview) -> None:
        for kind, body in read_boxes(moov):
            if kind == b"mvhd":
                self.timescale, self.duration = timescale_and_duration(body)
            elif kind == b"trak" and len(self.tracks) < MAX_TRACKS:
                track = read_track(body)
                self.tracks.setdefault(track.number, track)
            elif kind == b"mvex":
                self._read_mvex(body)

    def _read_mvex(self, mvex: memoryview) -> None:
        for kind, body in read_boxes(mvex):
            if kind == b"trex" and len(self.defaults) < MAX_TRACKS:
                number, defaults = read_defaults(body)
                self.defaults[number] = defaults
            elif kind == b"mehd":
                self.duration = read_number(body)


def _suitability(track: Track) -> tuple[bool, bool, bool, bool]:
    has_samples = track.samples > 0
    return has_samples and track.entry.is_playable, track.is_enabled, has_samples, all(track.size)
