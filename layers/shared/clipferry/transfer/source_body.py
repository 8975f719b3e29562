"""The body of a source's answer, which may be the whole file or a range of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from clipferry.errors import SourceError
from clipferry.net.connection import Connection
from clipferry.net.pool import ConnectionPool
from clipferry.net.response import Response
from clipferry.net.safe_get import translated

END_SECONDS = 0.2
"""How long a server may take to close the connection after a file that was sent without ranges."""


class Body:
    """A response with the bytes `start` to `end` (exclusive) of a file of `size`. `count` is told what comes.

    `pool` takes its connection back; there is none for a file that is read once, and nothing may follow that.
    """

    def __init__(
        self,
        connection: Connection,
        response: Response,
        *,
        start: int,
        end: int,
        size: int,
        pool: ConnectionPool | None,
        count: Callable[[int], None],
    ) -> None:
        self._connection: Connection | None = connection
        self._response = response
        self._size = size
        self._pool = pool
        self._count = count
        self.position = start
        self.end = end

    def read_into(self, view: memoryview) -> None:
        """Reads the next bytes into `view`, at least one; raises SourceError when none come any more.

        `view` must not be longer than what is left.
        """
        assert self._connection is not None
        with translated(f"{self.position} of {self._size} bytes"):
            received = self._response.read_into(view)
        self.position += received
        self._count(received)
        if not received:
            raise SourceError(f"{self.position} of {self._size} bytes: the connection ended")
        if self.position == self.end:
            self._end(self._connection)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _end(self, connection: Connection) -> None:
        """Checks that nothing follows a file that is read once; keeps the connection after a range."""
        if self._pool is None:
            self._check_nothing_follows(connection)
        elif self._response.may_be_followed and connection.is_quiet():
            self._pool.release(connection)
            self._connection = None
        self.close()

    def _check_nothing_follows(self, connection: Connection) -> None:
        """Raises SourceError for another byte. A server that leaves the connection open costs END_SECONDS."""
        connection.stall_seconds = END_SECONDS
        has_excess = False
        with suppress(OSError):
            has_excess = self._response.has_excess()
        if has_excess:
            raise SourceError(f"{self.position} of {self._size} bytes, and more is coming")
