"""A provider's file, read by HTTP ranges over kept connections; without ranges, from its beginning to its end.

Sources: RFC 9110 §13.1.5 (If-Range), §14 (ranges).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import NamedTuple

from clipferry.errors import SourceError, SourceGoneError, SourceInvalidError
from clipferry.net.connection import Connection
from clipferry.net.deadline import Deadline
from clipferry.net.pool import ConnectionPool
from clipferry.net.redirects import REDIRECTS
from clipferry.net.response import Response
from clipferry.net.safe_get import FinalResponse, Rules, check_size, follow, full_size, is_gone, translated
from clipferry.transfer.source_answers import (
    SourceChangedError,
    continued_range,
    given_range,
    strong_etag,
    told_size,
)
from clipferry.transfer.source_body import Body


class _Route(NamedTuple):
    """Where the file is at the moment: behind the redirects, if there are any."""

    pool: ConnectionPool
    target: str
    authorization: Mapping[str, str]
    is_redirected: bool


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
        self._route: _Route | None = None
        self._gone: SourceGoneError | None = None
        self._routing = threading.Lock()
        self._counting = threading.Lock()
        self.size = 0
        self.etag: str | None = None
        self.content_type = ""
        self.bytes_read = 0

    def open(self, start: int, length: int) -> Body:
        """Requests the bytes from `start` on, `length` of them; the whole file where there are no ranges.

        The server may give fewer, or more. Raises what `follow` and `full_size` raise, and SourceChangedError when the
        file isn't the same any more.
        """
        return self._open_again(start, length) if self.size else self._open_first(start, length)

    def close(self) -> None:
        if self._route is not None:
            self._route.pool.close()

    def count(self, received: int) -> None:
        """Adds to `bytes_read`."""
        with self._counting:
            self.bytes_read += received

    def _open_first(self, start: int, length: int) -> Body:
        final = self._first_answer(start, length)
        try:
            if final.response.status == 206 and self._ranges:
                body = self._first_range(final, start)
                if body is not None:
                    return body
                final.connection.close()
                final = self._follow({})
            return self._full_file(final, start)
        except BaseException:
            final.connection.close()
            raise

    def _first_answer(self, start: int, length: int) -> FinalResponse:
        """A server may refuse the range, and not the file: it is asked once without, and judged by that answer."""
        if not self._ranges:
            return self._follow({})
        final = self._follow(_range(start, start + length))
        size = told_size(final.response)
        if size is not None and start < size < start + length:
            final.connection.close()
            final = self._follow(_range(start, size))
        if size == 0 or not (is_gone(final.response.status) or final.response.status in (416, 501)):
            return final
        final.connection.close()
        return self._follow({})

    def _first_range(self, final: FinalResponse, start: int) -> Body | None:
        """Returns None unless it begins where it was asked to, and the version can be recognized in other ranges."""
        given, etag = given_range(final.response), strong_etag(final.response)
        if given is None:
            return None
        check_size(given.size, self._rules.max_bytes)
        if given.start != start or not (etag or given.is_whole):
            return None
        self.size, self.etag, self.content_type = given.size, etag, final.response.headers.get("Content-Type")
        self._route = self._route_of(final)
        pool = self._route.pool if etag else None
        return self._body(final.connection, final.response, given.start, given.end, pool)

    def _full_file(self, final: FinalResponse, start: int) -> Body:
        if told_size(final.response) == 0:
            raise SourceInvalidError("a file of 0 bytes")
        size = full_size(final.response, self._rules.max_bytes)
        if start:
            raise SourceChangedError("the source has no ranges any more")
        self.size, self.content_type = size, final.response.headers.get("Content-Type")
        return self._body(final.connection, final.response, 0, size, None)

    def _open_again(self, start: int, length: int) -> Body:
        etag, route = self.etag, self._route
        if etag is None or route is None:
            raise SourceError(f"{start} of {self.size} bytes, and the source can't be asked for the rest")
        asked = {**_range(start, min(start + length, self.size)), "If-Range": etag}
        connection, response = self._ask(route, asked)
        while _has_moved(route, response):
            connection.close()
            connection, response, route = self._ask_anew(route, asked)
        try:
            given = continued_range(response, start=start, size=self.size, etag=etag, max_bytes=self._rules.max_bytes)
            return self._body(connection, response, start, given.end, route.pool)
        except BaseException:
            connection.close()
            raise

    def _ask(self, route: _Route, headers: dict[str, str]) -> tuple[Connection, Response]:
        with translated("source"):
            connection = route.pool.acquire(deadline=self._deadline, stall_seconds=self._stall_seconds)
        try:
            with translated("source"):
                return connection, connection.request("GET", route.target, headers={**route.authorization, **headers})
        except BaseException:
            connection.close()
            raise

    def _ask_anew(self, expired: _Route, asked: dict[str, str]) -> tuple[Connection, Response, _Route]:
        """Follows the address's redirects again, once for all workers: where they led to may have been short-lived."""
        with self._routing:
            if self._gone is not None:
                raise self._gone
            route = self._route or expired
            if route is expired:
                final = self._follow(asked)
                if is_gone(final.response.status):
                    final.connection.close()
                    self._gone = SourceGoneError(f"status {final.response.status}")
                    raise self._gone
                self._route = self._route_of(final)
                return final.connection, final.response, self._route
        return *self._ask(route, asked), route

    def _body(
        self, connection: Connection, response: Response, start: int, end: int, pool: ConnectionPool | None
    ) -> Body:
        return Body(connection, response, start=start, end=end, size=self.size, pool=pool, count=self.count)

    def _route_of(self, final: FinalResponse) -> _Route:
        pool = ConnectionPool(final.origin, final.addresses, tls=self._rules.tls)
        return _Route(pool, final.target, final.authorization, final.is_redirected)

    def _follow(self, headers: dict[str, str]) -> FinalResponse:
        return follow(
            self._url, rules=self._rules, headers=headers, deadline=self._deadline, stall_seconds=self._stall_seconds
        )


def _range(start: int, end: int) -> dict[str, str]:
    return {"Range": f"bytes={start}-{end - 1}"}


def _has_moved(route: _Route, response: Response) -> bool:
    """Whether the address may lead elsewhere by now."""
    return response.status in REDIRECTS or (route.is_redirected and is_gone(response.status))
