"""What an MP4 says of itself, read while its bytes pass by, and its beginning, kept so that nothing is read twice.

Source: ISO/IEC 14496-12 (the ISO base media file format), whose names for boxes are used here.
"""

from __future__ import annotations

import math

from clipferry.media.mp4_boxes import Movie
from clipferry.models import MediaInfo

MAX_KEPT_BYTES = 32 * 1024 * 1024
"""Of `moov` and all `moof`s together, because reading them costs memory and time. Those beyond are passed over; an hour
of film has about 2 MiB."""
MAX_BOXES = 100_000
"""Of the file itself, behind which nothing is looked for: half an hour of film that is fragmented by frame."""
HEAD_BYTES = 2 * 1024 * 1024
"""Of the file beside its `moov`: more than the first picture of a 4K film takes, and the sound that lies before it."""
_TO_THE_END = 1 << 64
_LARGE_SIZE = b"\0\0\0\1"
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
    """Takes a file in order, in pieces of any size. What isn't an MP4 gives an empty MediaInfo, never an error.

    Holds `head_bytes`, and boxes that describe: some 100 kB for a minute of film, MAX_KEPT_BYTES at most.
    """

    def __init__(self, *, head_bytes: int = HEAD_BYTES) -> None:
        self._header = bytearray()
        self._left = 0  # bytes of the open box still to come
        self._kind = b""
        self._boxes = 0
        self._room = MAX_KEPT_BYTES
        self._kept: bytearray | None = None  # the body of the open box, where it is one to be read
        self._movie = Movie()
        self._head = _Head(head_bytes)

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """The file's next bytes, which may be overwritten afterwards."""
        rest = memoryview(chunk)
        while rest:
            rest = self._feed_body(rest) if self._left else self._feed_header(rest)

    def result(self) -> MediaInfo:
        """Whole seconds, rounded half up and at least 1; pixels as displayed. For when the file has ended."""
        self._end()
        seconds, picture = self._movie.seconds(), self._movie.picture()
        if picture is None:
            return MediaInfo(duration=seconds)
        return MediaInfo(duration=seconds, width=picture.width, height=picture.height)

    def head(self) -> bytes | None:
        """An MP4 that plays as this one begins; None where there is no picture. For when the file has ended."""
        self._end()
        return self._head.file() if self._movie.picture() else None

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
        if self._boxes > MAX_BOXES:  # all that follows counts as one box that says nothing
            self._kind, left = b"", -1
            self._movie.is_cut_short = True
        self._left = left if left >= 0 else _TO_THE_END  # 0 means just that; after nonsense nothing can be found
        self._kept = bytearray() if self._kind in (b"moov", b"moof") else None
        if self._kept is not None and left > self._room:
            self._pass_over()
        if self._kind == b"moov":
            self._head.open_moov(header, self._kept)
        else:
            self._head.open_box(header)

    def _feed_body(self, rest: memoryview) -> memoryview:
        piece = rest[: self._left]
        self._left -= len(piece)
        if self._kept is not None:
            self._keep(self._kept, piece)
        if self._kind != b"moov":
            self._head.feed(piece)
        if not self._left:
            self._close_box()
        return rest[len(piece) :]

    def _keep(self, kept: bytearray, piece: memoryview) -> None:
        kept += piece
        if len(kept) > self._room:
            kept.clear()
            self._pass_over()

    def _pass_over(self) -> None:
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


class _Head:
    """The file's first `room` bytes beside its `moov`, and this.

    `moov` says where in the file each picture lies. It may come first or last: while all that lies before a picture is
    kept, in its order, that stays true, and not a byte of `moov` needs to be changed.
    """

    def __init__(self, room: int) -> None:
        self._kept = bytearray()
        self._room = room
        self._last_header = b""
        self._last_start = 0  # of the box that was opened last, among what is kept
        self._moov: tuple[bytes, bytearray] | None = None
        self._moov_start = 0

    def open_moov(self, header: bytes, body: bytearray | None) -> None:
        """`body` is being filled; None when it won't be kept."""
        if self._moov is None and body is not None:
            self._moov, self._moov_start = (header, body), len(self._kept)
        else:
            self._room = 0  # behind it nothing would lie where it was

    def open_box(self, header: bytes) -> None:
        if len(header) >= self._room:
            self._room = 0
        else:
            self._last_header, self._last_start = header, len(self._kept)
            self.feed(memoryview(header))

    def feed(self, piece: memoryview) -> None:
        if self._room:
            taken = piece[: self._room]
            self._room -= len(taken)
            self._kept += taken

    def file(self) -> bytes | None:
        if self._moov is None:
            return None
        self._shorten_last_box()
        kept = memoryview(self._kept)
        return b"".join((kept[: self._moov_start], *self._moov, kept[self._moov_start :]))

    def _shorten_last_box(self) -> None:
        """To what is kept of it, so that `moov` is found behind it."""
        size_at, size_bytes = (8, 8) if len(self._last_header) == 16 else (0, 4)
        size = int.from_bytes(self._last_header[size_at : size_at + size_bytes])
        kept = len(self._kept) - self._last_start
        if size > kept:
            start = self._last_start + size_at
            self._kept[start : start + size_bytes] = kept.to_bytes(size_bytes)
