"""Reads an MP4 as its bytes pass by: duration and size, and a leading clip of it for the thumbnail.

Source: ISO/IEC 14496-12 (the ISO base media file format), whose names for boxes are used here.
"""

from __future__ import annotations

import math

from clipferry.media.mp4_boxes import Movie
from clipferry.models import MediaInfo

MAX_KEPT_BYTES = 32 * 1024 * 1024
"""The limit for `moov` and all `moof` boxes together, because parsing costs memory and time. Boxes beyond it are
skipped. An hour of video has about 2 MiB of them."""
MAX_BOXES = 100_000
"""The limit of top-level boxes; what follows is ignored. Half an hour of video fragmented by frame has as many."""
CLIP_BYTES = 2 * 1024 * 1024
"""Bytes of the file that a leading clip has beside `moov`: enough for a first frame in 4K and the sound before it."""
_TO_THE_END = 1 << 64
_LARGE_SIZE = b"\0\0\0\1"
_RATIOS = {"16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1, "4:3": 4 / 3, "3:4": 3 / 4, "21:9": 21 / 9}


def resolution_name(info: MediaInfo) -> str | None:
    """The name of the shorter side, such as `720p`."""
    return f"{min(info.width, info.height)}p" if info.width and info.height else None


def aspect_ratio_name(info: MediaInfo) -> str | None:
    """The nearest ratio that has a name, such as `16:9`."""
    if not info.width or not info.height:
        return None
    shape = math.log(info.width / info.height)
    return min(_RATIOS, key=lambda name: abs(math.log(_RATIOS[name]) - shape))


class MediaScanner:
    """Takes a file in order, in chunks of any size. A file that isn't an MP4 gives an empty MediaInfo, never an error.

    It keeps `clip_bytes` of the file and the boxes that describe it: about 100 kB for a minute of video, at most
    MAX_KEPT_BYTES.
    """

    def __init__(self, *, clip_bytes: int = CLIP_BYTES) -> None:
        self._header = bytearray()
        self._left = 0  # bytes of the open box that are still to come
        self._kind = b""
        self._boxes = 0
        self._room = MAX_KEPT_BYTES
        self._kept: bytearray | None = None  # the body of the open box, if it will be parsed
        self._movie = Movie()
        self._clip = _LeadingClip(clip_bytes)

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """Takes the file's next bytes; the caller may overwrite them afterwards."""
        rest = memoryview(chunk)
        while rest:
            rest = self._feed_body(rest) if self._left else self._feed_header(rest)

    def result(self) -> MediaInfo:
        """Returns whole seconds, rounded half up and at least 1, and pixels as displayed.

        Call it after the last byte.
        """
        self._end()
        seconds, track = self._movie.seconds(), self._movie.video_track()
        if track is None:
            return MediaInfo(duration=seconds)
        return MediaInfo(duration=seconds, width=track.width, height=track.height)

    def leading_clip(self) -> bytes | None:
        """Returns a short MP4 with the first frames; None without a video track. Call it after the last byte."""
        self._end()
        return self._clip.file() if self._movie.video_track() else None

    def _feed_header(self, rest: memoryview) -> memoryview:
        missing = self._header_length() - len(self._header)
        self._header += rest[:missing]
        if len(self._header) == self._header_length():
            self._open_box()
        return rest[missing:]

    def _header_length(self) -> int:
        return 16 if self._header.startswith(_LARGE_SIZE) else 8

    def _open_box(self) -> None:
        header = bytes(self._header)
        self._header.clear()
        self._boxes += 1
        self._kind, left = header[4:8], int.from_bytes(header[8:] or header[:4]) - len(header)
        if self._boxes > MAX_BOXES:  # all that follows counts as one box of no known kind
            self._kind, left = b"", -1
            self._movie.is_cut_short = True
        self._left = left if left >= 0 else _TO_THE_END  # size 0 means "to the end"; an invalid size is taken for it
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
        self._movie.is_cut_short = True

    def _end(self) -> None:
        if self._left > MAX_KEPT_BYTES:
            self._close_box()  # a box that lasts to the end of the file

    def _close_box(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            self._room -= len(kept)
            self._movie.read(self._kind, memoryview(kept))


class _LeadingClip:
    """Keeps the file's `moov` and the first `room` bytes beside it, which together are an MP4 with the first frames.

    `moov` holds the offset of each frame in the file. It may come first or last: as long as everything before a frame
    is kept in its order, the offsets stay right, and `moov` needs no change.
    """

    def __init__(self, room: int) -> None:
        self._kept = bytearray()
        self._room = room
        self._last_header = b""
        self._last_start = 0  # where the last box begins in `_kept`
        self._moov: tuple[bytes, bytearray] | None = None
        self._moov_start = 0

    def open_moov(self, header: bytes, body: bytearray | None) -> None:
        """`body` is filled by the caller as bytes come in; None when it won't be kept."""
        if self._moov is None and body is not None:
            self._moov, self._moov_start = (header, body), len(self._kept)
        else:
            self._room = 0  # what follows would have another offset than in the file

    def open_box(self, header: bytes) -> None:
        if len(header) >= self._room:
            self._room = 0
        else:
            self._last_header, self._last_start = header, len(self._kept)
            self.feed(memoryview(header))

    def feed(self, chunk: memoryview) -> None:
        if self._room:
            taken = chunk[: self._room]
            self._room -= len(taken)
            self._kept += taken

    def file(self) -> bytes | None:
        if self._moov is None:
            return None
        self._shorten_last_box()
        kept = memoryview(self._kept)
        return b"".join((kept[: self._moov_start], *self._moov, kept[self._moov_start :]))

    def _shorten_last_box(self) -> None:
        """Corrects the last box's size to what is kept of it, so that a reader finds `moov` after it."""
        size_at, size_bytes = (8, 8) if len(self._last_header) == 16 else (0, 4)
        size = int.from_bytes(self._last_header[size_at : size_at + size_bytes])
        kept = len(self._kept) - self._last_start
        if size > kept:
            start = self._last_start + size_at
            self._kept[start : start + size_bytes] = kept.to_bytes(size_bytes)
