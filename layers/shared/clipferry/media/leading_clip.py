"""Keeps the beginning of a file as an MP4 of its own, for the thumbnail."""

from __future__ import annotations

CLIP_BYTES = 2 * 1024 * 1024
"""Bytes of the file that a leading clip has beside `moov`: enough for a first frame in 4K and the sound before it."""


class LeadingClip:
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
