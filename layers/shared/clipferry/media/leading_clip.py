"""Keeps the beginning of a file as an MP4 of its own, for the thumbnail."""

from __future__ import annotations

from typing import Final

CLIP_BYTES: Final = 4 * 1024 * 1024
"""Bytes of the file that a leading clip has beside `moov` and padding: enough for a first frame in 4K at a high quality
and the sound before it."""
MAX_PADDING_BYTES: Final = 16 * 1024 * 1024
"""What boxes without media may take before the first frame: Content Credentials (C2PA) have some MiB, in `uuid`."""
_PADDING: Final = frozenset({b"free", b"skip", b"uuid"})
_MIN_PADDING_BYTES: Final = 4096
"""Smaller boxes are kept as they are: a file may have 100,000 of them, and each hole costs memory."""


class LeadingClip:
    """Keeps the file's `moov` and the first `room` bytes beside it, which together are an MP4 with the first frames.

    `moov` holds the offset of each frame in the file. It may come first or last: as long as everything before a frame
    has its place, the offsets stay right, and `moov` needs no change. A large box without media has its place, but its
    body isn't kept: it is zeros in the clip, and doesn't count.
    """

    def __init__(self, room: int) -> None:
        self._kept = bytearray()  # the newest piece
        self._pieces: list[bytes | bytearray | int] = [self._kept]  # an integer stands for so many zeros
        self._room = room
        self._padding_room = MAX_PADDING_BYTES
        self._padding_bytes = 0  # of the last box
        self._is_padding = False
        self._last_header = b""
        self._last_piece, self._last_start = self._kept, 0  # where the last box begins
        self._has_moov = False

    def open_moov(self, header: bytes, body: bytearray | None) -> None:
        """`body` is filled by the caller as bytes come in; None when it won't be kept."""
        if not self._has_moov and body is not None:
            self._has_moov = True
            self._add(header, body)
        else:
            self._room = 0  # what follows would have another offset than in the file

    def open_box(self, header: bytes) -> None:
        if len(header) >= self._room:
            self._room = 0
        else:
            self._is_padding, self._padding_bytes = False, 0
            self._last_header, self._last_piece, self._last_start = header, self._kept, len(self._kept)
            self.feed(memoryview(header))
            self._is_padding = header[4:8] in _PADDING and _size(header) >= _MIN_PADDING_BYTES

    def feed(self, chunk: memoryview) -> None:
        """Takes the next bytes of the box that was opened last, unless that is `moov`."""
        if self._room and self._is_padding:
            self._skip(len(chunk))
        elif self._room:
            taken = chunk[: self._room]
            self._room -= len(taken)
            self._kept += taken

    def file(self) -> bytes | None:
        if not self._has_moov:
            return None
        self._shorten_last_box()
        return b"".join(bytes(piece) if isinstance(piece, int) else piece for piece in self._pieces)

    def _skip(self, size: int) -> None:
        taken = min(size, self._padding_room)
        self._padding_room -= taken
        if self._padding_bytes:
            self._pieces[-2] = self._padding_bytes + taken
        else:
            self._add(taken)
        self._padding_bytes += taken
        if taken < size:
            self._room = 0

    def _add(self, *pieces: bytes | bytearray | int) -> None:
        self._kept = bytearray()
        self._pieces += [*pieces, self._kept]

    def _shorten_last_box(self) -> None:
        """Corrects the last box's size to what is kept of it, so that a reader finds `moov` after it."""
        kept = len(self._last_piece) - self._last_start + self._padding_bytes
        if _size(self._last_header) > kept:
            size_at, size_bytes = _size_field(self._last_header)
            start = self._last_start + size_at
            self._last_piece[start : start + size_bytes] = kept.to_bytes(size_bytes)


def _size_field(header: bytes) -> tuple[int, int]:
    """Where a box's size is in its header, and how long that field is."""
    return (8, 8) if len(header) == 16 else (0, 4)


def _size(header: bytes) -> int:
    start, length = _size_field(header)
    return int.from_bytes(header[start : start + length])
