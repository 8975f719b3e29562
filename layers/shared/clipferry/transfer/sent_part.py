"""A part that has gone out, and whose answer hasn't been read: the next part goes out meanwhile."""

from __future__ import annotations

from contextlib import ExitStack, suppress

from clipferry.errors import StorageError
from clipferry.s3.client import PutRequest
from clipferry.transfer.ordered_hash import Part


class SentPart:
    """`request` is that of `part`, whose bytes are sent; `opened` closes its connection after an error."""

    def __init__(self, part: Part, request: PutRequest, opened: ExitStack) -> None:
        self.part = part
        self._request = request
        self._opened = opened

    def finish(self) -> str:
        """Waits for the answer; returns the part's ETag, or raises StorageError."""
        with self._opened:
            return self._request.finish()

    def give_up(self) -> None:
        """Waits a moment only: an upload that is aborted while the bucket stores a part may keep that part."""
        self._request.wait_no_longer()
        with suppress(StorageError):
            self.finish()
