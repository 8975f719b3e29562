"""What a transfer has seen of its file so far: the film's own facts, and how far the source has come."""

from __future__ import annotations

from clipferry.media.mp4_scanner import MediaScanner
from clipferry.s3.multipart import Progress


class FilmInTransit:
    """`scanner` has read the bytes since the last restart. `reached` is the most that was read or is kept, in bytes."""

    def __init__(self) -> None:
        self.scanner = MediaScanner()
        self.reached = 0
        self._read = 0

    def feed(self, chunk: bytes) -> None:
        self.scanner.feed(chunk)
        self._read += len(chunk)
        self.reached = max(self.reached, self._read)

    def restart(self) -> None:
        """Begins with the first byte again."""
        self.scanner = MediaScanner()
        self._read = 0

    def note(self, progress: Progress | None) -> None:
        """Takes what the bucket keeps for the next attempt."""
        if progress is not None:
            self.reached = max(self.reached, sum(progress.length(number) for number in progress.parts))
