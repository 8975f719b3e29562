"""Reads an MP4 as its bytes pass by: whether it is a film, its facts, and a leading clip of it for the thumbnail.

Source: ISO/IEC 14496-12 (the ISO base media file format), whose names for boxes are used here.
"""

from __future__ import annotations

from typing import Final

from clipferry.media.leading_clip import CLIP_BYTES, LeadingClip
from clipferry.media.movie import Movie
from clipferry.media.no_film import SLACK_BYTES, FileEnd, NoFilm, oddities, why_no_film
from clipferry.models import MediaInfo

MAX_KEPT_BYTES: Final = 32 * 1024 * 1024
"""The limit for `moov` and all `moof` boxes together, because parsing costs memory and time. Boxes beyond it are
skipped. An hour of video has about 2 MiB of them."""
MAX_BOXES: Final = 100_000
"""The limit of top-level boxes; what follows is ignored. Half an hour of video fragmented by frame has as many."""
_TO_THE_END: Final = 1 << 64
_LARGE_SIZE: Final = b"\0\0\0\1"


class MediaScanner:
    """Takes a file in order, in chunks of any size. A file that isn't an MP4 gives an empty MediaInfo, never an error.

    It keeps `clip_bytes` of the file and the boxes that describe it: about 100 kB for a minute of video, at most
    MAX_KEPT_BYTES. What it knows in the end can be asked after the last byte.
    """

    def __init__(self, *, clip_bytes: int = CLIP_BYTES) -> None:
        self._size = 0
        self._header = bytearray()
        self._left = 0  # bytes of the open box that are still to come
        self._kind = b""
        self._start = 0  # the open box's offset in the file
        self._boxes = 0
        self._has_items = False
        self._room = MAX_KEPT_BYTES
        self._kept: bytearray | None = None  # the body of the open box, if it will be parsed
        self._movie = Movie()
        self._clip = LeadingClip(clip_bytes)

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """Takes the file's next bytes; the caller may overwrite them afterwards."""
        rest = memoryview(chunk)
        while rest:
            before = len(rest)
            rest = self._feed_body(rest) if self._left else self._feed_header(rest)
            self._size += before - len(rest)

    def result(self) -> MediaInfo:
        """Returns the film's facts, as far as the file tells them."""
        self._end()
        return self._movie.info()

    def no_film(self) -> NoFilm | None:
        """Returns why this is no film; None when it is one."""
        return why_no_film(self._movie, self._end())

    def oddities(self) -> list[str]:
        """Returns what is wrong with a film that plays all the same."""
        return oddities(self._movie, self._end())

    def leading_clip(self) -> bytes | None:
        """Returns a short MP4 with the first frames; None without a video track."""
        self._end()
        return self._clip.file() if self._movie.picture_track() else None

    def _feed_header(self, rest: memoryview) -> memoryview:
        missing = self._header_length() - len(self._header)
        self._header += rest[:missing]
        if len(self._header) == self._header_length():
            self._open_box(self._size + min(missing, len(rest)))
        return rest[missing:]

    def _header_length(self) -> int:
        return 16 if self._header.startswith(_LARGE_SIZE) else 8

    def _open_box(self, body_start: int) -> None:
        header = bytes(self._header)
        self._header.clear()
        self._boxes += 1
        self._start = body_start - len(header)
        self._kind, left = header[4:8], int.from_bytes(header[8:] or header[:4]) - len(header)
        if self._boxes > MAX_BOXES:  # all that follows counts as one box of no known kind
            self._kind, left = b"", -1
            self._movie.is_incomplete = True
        self._left = left if left >= 0 else _TO_THE_END  # size 0 means "to the end"; an invalid size is taken for it
        self._has_items |= self._kind == b"meta"
        self._kept = bytearray() if self._kind in (b"moov", b"moof") else None
        if self._kept is not None and left > self._room:
            self._skip()
        if self._kind == b"moov":
            self._clip.open_moov(header, self._kept)
        else:
            self._clip.open_box(header)

    def _feed_body(self, rest: memoryview) -> memoryview:
        chunk = rest[: self._left]
        self._left -= len(chunk)
        if self._kept is not None:
            self._keep(self._kept, chunk)
        if self._kind != b"moov":
            self._clip.feed(chunk)
        if not self._left:
            self._close_box()
        return rest[len(chunk) :]

    def _keep(self, kept: bytearray, chunk: memoryview) -> None:
        kept += chunk
        if len(kept) > self._room:
            kept.clear()
            self._skip()

    def _skip(self) -> None:
        self._kept = None
        self._movie.is_incomplete = True

    def _end(self) -> FileEnd:
        if self._is_open_ended() or self._left <= SLACK_BYTES:
            self._close_box()
        missing = 0 if self._is_open_ended() else self._left
        return FileEnd(size=self._size, missing=missing, last_box=self._kind, has_items=self._has_items)

    def _is_open_ended(self) -> bool:
        """Whether the last box lasts to the end of the file, however long that is."""
        return self._left > _TO_THE_END // 2

    def _close_box(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            self._room -= len(kept)
            self._movie.read(self._kind, memoryview(kept), self._start)
