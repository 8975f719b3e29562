"""Reads a range of the source; after a lost connection it goes on where it was."""

from __future__ import annotations

from clipferry.errors import SourceError
from clipferry.s3.retry import Retries
from clipferry.transfer.ranged_source import RangedSource
from clipferry.transfer.source_answers import SourceChangedError
from clipferry.transfer.source_body import Body

CHANGED_TRIES = 3
"""Behind a balancer the next answer may be another node's, which has the version that is known."""


class RangeReader:
    """Reads the bytes `start` to `end` (exclusive) of a file; a lost connection is replaced as `retries` allows.

    `body` is a response that begins at `start`, if there is one already.
    """

    def __init__(self, source: RangedSource, retries: Retries, start: int, end: int, body: Body | None = None) -> None:
        self._source = source
        self._retries = retries
        self._position = start
        self._end = end
        self._body = body

    def is_about_to_read(self, position: int) -> bool:
        """Whether the next byte is the one at `position`."""
        return self._position == position < self._end

    def read_into(self, view: memoryview) -> None:
        """Fills `view` completely; raises SourceError, or TransferInterruptedError when the time is over."""
        begun, failed = self._position, 0
        while (got := self._position - begun) < len(view):
            try:
                self._read_some(view[got:])
                failed = 0
            except SourceError as error:
                self.close()
                if self._source.size and self._source.etag is None:  # it can only be read once
                    raise
                failed += 1
                if isinstance(error, SourceChangedError) and failed >= CHANGED_TRIES:
                    raise
                self._retries.pause(failed, error)

    def restart(self, start: int) -> None:
        """Goes on at `start`, with a new request."""
        self.close()
        self._position = start

    def close(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def _read_some(self, view: memoryview) -> None:
        if self._body is None or self._body.position == self._body.end:
            self._body = self._source.open(self._position, self._end - self._position)
        body = self._body
        try:
            body.read_into(view[: body.end - body.position])
        finally:
            self._position = body.position
