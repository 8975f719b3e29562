"""A provider's file, read by HTTP ranges over kept connections; without ranges, from its beginning to its end.

Sources: RFC 9110 §13.1.5 (If-Range), §14 (ranges), §8.8.3 (an ETag that begins with W/ doesn't name bytes).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from contextlib import suppress

from clipferry.errors import SourceError, SourceInvalidError
from clipferry.net.connection import Connection
from clipferry.net.deadline import Deadline
from clipferry.net.pool import ConnectionPool
from clipferry.net.response import Response
from clipferry.net.safe_get import (
    REDIRECTS,
    FinalResponse,
    Rules,
    check_encoding,
    check_size,
    follow,
    full_size,
    translated,
)

END_SECONDS = 0.2
"""How long a server may take to close the connection after a file that was sent without ranges."""
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_EMPTY_FILE = re.compile(r"bytes \*/0+")
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]+"')


class SourceChangedError(SourceError):
    """The file was replaced during the transfer, or its server's ranges don't fit together."""


class RangedSource:
    """One version of the file at a URL. `open` may be called by several threads once the first call has returned.

    The first call sets `size` (bytes), `content_type` and `etag`. `etag` is None when the server has no ranges or no
    strong ETag, and always when `ranges` is False: such a file can only be read once, from its beginning.
    `bytes_read` counts what came, of all requests. `stall_seconds` is for each wait.
    """

    def __init__(
        self, url: str, *, rules: Rules, deadline: Deadline, stall_seconds: float, ranges: bool = True
    ) -> None:
        self._url = url
        self._rules = rules
        self._deadline = deadline
        self._stall_seconds = stall_seconds
        self._ranges = ranges
        self._pool: ConnectionPool | None = None
        self._target = ""
        self._authorization: Mapping[str, str] = {}
        self._lock = threading.Lock()
        self.size = 0
        self.etag: str | None = None
        self.content_type: str | None = None
        self.bytes_read = 0

    def open(self, start: int, length: int) -> Body:
        """Requests the bytes from `start` on, at most `length` of them; the whole file where there are no ranges.

        Raises what `follow` and `full_size` raise, and SourceChangedError when the file isn't the same any more.
        """
        return self._open_again(start, length) if self.size else self._open_first(start, length)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()

    def count(self, received: int) -> None:
        """Adds to `bytes_read`."""
        with self._lock:
            self.bytes_read += received

    def _open_first(self, start: int, length: int) -> Body:
        final = self._follow({"Range": f"bytes={start}-{start + length - 1}"} if self._ranges else {})
        try:
            if final.response.status == 206 and self._ranges:
                body = self._first_range(final, start, length)
                if body is not None:
                    return body
                final.connection.close()
                final = self._follow({})
            return self._full_file(final, start)
        except BaseException:
            final.connection.close()
            raise

    def _first_range(self, final: FinalResponse, start: int, length: int) -> Body | None:
        """Returns None unless it is the range that was asked for, and the version can be recognized in others."""
        response = final.response
        given = _content_range(response)
        if given is None:
            return None
        first, last, size = given
        check_size(size, self._rules.max_bytes)
        etag = response.headers.get("ETag", "")
        is_strong = _STRONG_ETAG.fullmatch(etag) is not None
        if (first, last) != (start, min(start + length, size) - 1) or not (is_strong or (first, last) == (0, size - 1)):
            return None
        self.size, self.content_type = size, response.headers.get("Content-Type")
        self.etag = etag if is_strong else None
        self._pool = ConnectionPool(final.origin, lambda: final.addresses, tls=self._rules.tls)
        self._target, self._authorization = final.target, final.authorization
        return Body(self, final.connection, response, start=first, end=last + 1, pool=self._pool)

    def _full_file(self, final: FinalResponse, start: int) -> Body:
        if final.response.status == 416 and _EMPTY_FILE.fullmatch(final.response.headers.get("Content-Range", "")):
            raise SourceInvalidError("a file of 0 bytes")
        size = full_size(final.response, self._rules.max_bytes)
        if start:
            raise SourceChangedError("the source has no ranges any more")
        self.size, self.content_type = size, final.response.headers.get("Content-Type")
        return Body(self, final.connection, final.response, start=0, end=size, pool=None)

    def _open_again(self, start: int, length: int) -> Body:
        if self.etag is None or self._pool is None:
            raise SourceError(f"{start} of {self.size} bytes, and the source can't be asked for the rest")
        headers = {"Range": f"bytes={start}-{min(start + length, self.size) - 1}", "If-Range": self.etag}
        with translated("source"):
            connection = self._pool.acquire(deadline=self._deadline, stall_seconds=self._stall_seconds)
        pool: ConnectionPool | None = self._pool
        try:
            with translated("source"):
                sent = {"Accept-Encoding": "identity", **self._authorization, **headers}
                response = connection.request("GET", self._target, headers=sent)
            if response.status in REDIRECTS:  # the file has moved: all redirects are followed anew
                connection.close()
                final = self._follow(headers)
                connection, response, pool = final.connection, final.response, None
            self._check_same(response, start, length)
            return Body(self, connection, response, start=start, end=min(start + length, self.size), pool=pool)
        except BaseException:
            connection.close()
            raise

    def _check_same(self, response: Response, start: int, length: int) -> None:
        if response.status in (200, 412, 416):
            raise SourceChangedError(f"status {response.status} for a range of {self.etag}")
        if response.status != 206:
            full_size(response, self._rules.max_bytes)  # which raises
        given, etag = _content_range(response), response.headers.get("ETag") or self.etag
        if given != (start, min(start + length, self.size) - 1, self.size) or etag != self.etag:
            raise SourceChangedError(f"{length} bytes from {start} of {self.size}, {self.etag}: got {given}, {etag}")

    def _follow(self, headers: dict[str, str]) -> FinalResponse:
        identity = {"Accept-Encoding": "identity", **headers}
        return follow(
            self._url, rules=self._rules, headers=identity, deadline=self._deadline, stall_seconds=self._stall_seconds
        )


class Body:
    """A response with the bytes `start` to `end` (exclusive) of the file. `pool` takes its connection back."""

    def __init__(
        self,
        source: RangedSource,
        connection: Connection,
        response: Response,
        *,
        start: int,
        end: int,
        pool: ConnectionPool | None,
    ) -> None:
        self._source = source
        self._connection: Connection | None = connection
        self._response = response
        self._pool = pool
        self.position = start
        self.end = end

    def read_into(self, view: memoryview) -> None:
        """Reads the next bytes into `view`, at least one; raises SourceError when none come any more."""
        assert self._connection is not None
        with translated(f"{self.position} of {self._source.size} bytes"):
            received = self._response.read_into(view)
        self.position += received
        self._source.count(received)
        if not received:
            raise SourceError(f"{self.position} of {self._source.size} bytes: the connection ended")
        if self.position == self.end:
            self._end(self._connection)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _end(self, connection: Connection) -> None:
        """Checks that nothing follows a file that was sent without ranges; keeps the connection after a range."""
        if self._source.etag is None:
            self._check_nothing_follows(connection)
        elif self._pool is not None and self._response.may_be_followed and connection.is_quiet():
            self._pool.release(connection)
            self._connection = None
        self.close()

    def _check_nothing_follows(self, connection: Connection) -> None:
        """Raises SourceError for another byte. A server that leaves the connection open costs END_SECONDS."""
        connection.stall_seconds = END_SECONDS
        more = 0
        with suppress(OSError):
            more = connection.read_into(memoryview(bytearray(1)))
        if more:
            raise SourceError(f"{self.position} of {self._source.size} bytes, and more is coming")


def _content_range(response: Response) -> tuple[int, int, int] | None:
    """Returns a 206's first and last byte, and the size of the whole file; None where it doesn't tell them."""
    check_encoding(response)
    given = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if given is None:
        return None
    first, last, size = (int(number) for number in given.groups())
    with translated("the answer"):
        is_sized = not response.headers.is_chunked and response.headers.content_length in (None, last - first + 1)
    return (first, last, size) if is_sized else None
