"""A provider's file, read by ranges over kept connections; without ranges, from its beginning to its end.

Sources: RFC 9110 §13.1.5 (If-Range), §14 (ranges), §8.8.3 (an ETag that begins with W/ doesn't name bytes).
"""

from __future__ import annotations

import http.client
import re
import threading
from contextlib import suppress

from clipferry.errors import SourceError, SourceInvalidError
from clipferry.net.connection import Connection, Deadline
from clipferry.net.pool import ConnectionPool
from clipferry.net.safe_get import (
    REDIRECTS,
    Found,
    Rules,
    check_encoding,
    follow,
    permitted_size,
    translated,
    whole_size,
)
from clipferry.s3.retry import Retries

FAREWELL_SECONDS = 0.2
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_EMPTY = re.compile(r"bytes \*/0+")
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]+"')


class SourceChangedError(SourceError):
    """A range isn't of the file that was found first: it was replaced meanwhile, or its server's ranges don't hold."""


class RangedSource:
    """One version of the file at a URL. `open` may be called by several threads once the first call has answered.

    After it, `size` is known in bytes, and `etag` is the version's name, None when the server has none that counts or
    no ranges: such a file can only be read once, from the beginning. So it is when `ranges` is False, and none is asked
    for. `read` counts the bytes that came.
    """

    def __init__(self, url: str, *, rules: Rules, deadline: Deadline, stall: float, ranges: bool = True) -> None:
        self._url = url
        self._rules = rules
        self._deadline = deadline
        self._stall = stall
        self._ranges = ranges
        self._pool: ConnectionPool | None = None
        self._target = ""
        self._lock = threading.Lock()
        self.size = 0
        self.etag: str | None = None
        self.content_type: str | None = None
        self.read = 0

    def open(self, start: int, length: int) -> Body:
        """The bytes from `start` on, at most `length` of them; all of the file where there are no ranges.

        Raises SourceError and its kin; SourceChangedError when the file is no longer what the first call found.
        """
        return self._open_again(start, length) if self.size else self._open_first(start, length)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()

    def count(self, received: int) -> None:
        with self._lock:
            self.read += received

    def _open_first(self, start: int, length: int) -> Body:
        found = self._follow({"Range": f"bytes={start}-{start + length - 1}"} if self._ranges else {})
        try:
            if found.response.status == 206 and self._ranges:
                body = self._describe_range(found, start, length)
                if body is not None:
                    return body
                found.connection.close()
                found = self._follow({})
            return self._describe_whole(found, start)
        except BaseException:
            found.connection.close()
            raise

    def _describe_range(self, found: Found, start: int, length: int) -> Body | None:
        """None unless it is the range that was asked for, and others will be known to be of the same version."""
        response = found.response
        given = _content_range(response)
        if given is None:
            return None
        first, last, size = given
        permitted_size(size, self._rules.max_bytes)
        etag = response.getheader("ETag", "")
        has_name = _STRONG_ETAG.fullmatch(etag) is not None
        if (first, last) != (start, min(start + length, size) - 1) or not (has_name or (first, last) == (0, size - 1)):
            return None
        self.size, self.content_type = size, response.getheader("Content-Type")
        self.etag = etag if has_name else None
        self._pool = ConnectionPool(found.origin, lambda: found.addresses, tls=self._rules.tls)
        self._target = found.target
        return Body(self, found.connection, response, start=first, end=last + 1, keeper=self._pool)

    def _describe_whole(self, found: Found, start: int) -> Body:
        if found.response.status == 416 and _EMPTY.fullmatch(found.response.getheader("Content-Range", "")):
            raise SourceInvalidError("a file of 0 bytes")
        size = whole_size(found.response, self._rules.max_bytes)
        if start:
            raise SourceChangedError("the source has no ranges any more")
        self.size, self.content_type = size, found.response.getheader("Content-Type")
        return Body(self, found.connection, found.response, start=0, end=size, keeper=None)

    def _open_again(self, start: int, length: int) -> Body:
        if self.etag is None or self._pool is None:
            raise SourceError(f"{start} of {self.size} bytes, and the source can't be asked for the rest")
        asked = {"Range": f"bytes={start}-{min(start + length, self.size) - 1}", "If-Range": self.etag}
        with translated("source"):
            connection = self._pool.acquire(deadline=self._deadline, stall=self._stall)
        keeper: ConnectionPool | None = self._pool
        try:
            with translated("source"):
                response = connection.request("GET", self._target, headers={"Accept-Encoding": "identity", **asked})
            if response.status in REDIRECTS:  # it didn't the first time; the way is looked for from its beginning
                connection.close()
                found = self._follow(asked)
                connection, response, keeper = found.connection, found.response, None
            self._check_same(response, start, length)
            return Body(self, connection, response, start=start, end=min(start + length, self.size), keeper=keeper)
        except BaseException:
            connection.close()
            raise

    def _check_same(self, response: http.client.HTTPResponse, start: int, length: int) -> None:
        if response.status in (200, 412, 416):
            raise SourceChangedError(f"status {response.status} for a range of {self.etag}")
        if response.status != 206:
            whole_size(response, self._rules.max_bytes)  # which raises
        given, etag = _content_range(response), response.getheader("ETag", self.etag)
        if given != (start, min(start + length, self.size) - 1, self.size) or etag != self.etag:
            raise SourceChangedError(f"{length} bytes from {start} of {self.size}, {self.etag}: got {given}, {etag}")

    def _follow(self, headers: dict[str, str]) -> Found:
        asked = {"Accept-Encoding": "identity", **headers}
        return follow(self._url, rules=self._rules, headers=asked, deadline=self._deadline, stall=self._stall)


class Body:
    """An answer's bytes `start` to `end` (exclusive) of the file."""

    def __init__(
        self,
        file: RangedSource,
        connection: Connection,
        response: http.client.HTTPResponse,
        *,
        start: int,
        end: int,
        keeper: ConnectionPool | None,
    ) -> None:
        self._file = file
        self._connection: Connection | None = connection
        self._response = response  # kept, because the reader closes with it
        self._keeper = keeper
        self.position = start
        self.end = end

    def read_into(self, view: memoryview) -> None:
        """Fills `view`, which must not be longer than what is left."""
        assert self._connection is not None
        with translated(f"{self.position} of {self._file.size} bytes"):
            received = self._connection.read_into(view)
        self.position += received
        self._file.count(received)
        if received < len(view):
            raise SourceError(f"{self.position} of {self._file.size} bytes: the connection ended")
        if self.position == self.end:
            self._finish(self._connection)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _finish(self, connection: Connection) -> None:
        """A file that was sent whole must end here; a range ends where its server has said."""
        if self._file.etag is None:
            self._expect_the_end(connection)
        elif self._keeper is not None and not self._response.will_close and connection.is_quiet():
            self._keeper.release(connection)
            self._connection = None
        self.close()

    def _expect_the_end(self, connection: Connection) -> None:
        """A server that closes does so at once; one that holds the line nevertheless costs a moment."""
        connection.stall = FAREWELL_SECONDS
        more = 0
        with suppress(OSError):
            more = connection.read_into(memoryview(bytearray(1)))
        if more:
            raise SourceError(f"{self.position} of {self._file.size} bytes, and more is coming")


class RangeReader:
    """The bytes `start` to `end` of a file, whose connection may be lost and found again on the way.

    `body` is one that is open already, at `start`.
    """

    def __init__(self, file: RangedSource, retries: Retries, start: int, end: int, body: Body | None = None) -> None:
        self._file = file
        self._retries = retries
        self._position = start
        self._end = end
        self._body = body

    def is_about_to_read(self, position: int) -> bool:
        return self._position == position < self._end

    def read_into(self, view: memoryview) -> None:
        """Fills `view` and no less."""
        begun, failed = self._position, 0
        while (got := self._position - begun) < len(view):
            try:
                self._read_some(view[got:])
                failed = 0
            except SourceError as error:
                self.close()
                if self._file.size and self._file.etag is None:  # it can only be read once
                    raise
                failed = 1 if self._position - begun > got else failed + 1
                self._retries.pause(failed, error)

    def restart(self, start: int) -> None:
        self.close()
        self._position = start

    def close(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def _read_some(self, view: memoryview) -> None:
        if self._body is None or self._body.position == self._body.end:
            self._body = self._file.open(self._position, self._end - self._position)
        body = self._body
        try:
            body.read_into(view[: body.end - body.position])
        finally:
            self._position = body.position


def _content_range(response: http.client.HTTPResponse) -> tuple[int, int, int] | None:
    """First and last byte of a 206, and the size of the whole file; None where they can't be known."""
    check_encoding(response)
    given = _CONTENT_RANGE.fullmatch(response.getheader("Content-Range", ""))
    if given is None:
        return None
    first, last, size = (int(number) for number in given.groups())
    length = response.getheader("Content-Length", str(last - first + 1))
    if response.getheader("Transfer-Encoding") or length != str(last - first + 1):
        return None
    return first, last, size
