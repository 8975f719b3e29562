"""A response whose head has come: its body is read from the connection, whichever way its end is told."""

from __future__ import annotations

import re
import sys
from typing import Final, Protocol

from clipferry.net.response_head import MAX_LINES, BadResponseError, Head

NO_BODY: Final = frozenset({204, 304})
_PIECE: Final = 64 * 1024
_MAX_CHUNK_LINE: Final = 4096
_CHUNK_SIZE: Final = rb"[0-9A-Fa-f]{1,15}"


class Incoming(Protocol):
    """What a response needs of its connection."""

    def read_into(self, view: memoryview) -> int: ...

    def read_line(self, max_bytes: int) -> bytes: ...


class Response:
    """`status`, `headers`, and the body, which is read once. Reading raises OSError, BadResponseError among it."""

    def __init__(self, connection: Incoming, head: Head, *, has_body: bool) -> None:
        self.status = head.status
        self.headers = head.headers
        self._connection = connection
        self._keeps_alive = head.keeps_alive
        self._left: int | None = None if has_body and head.status not in NO_BODY else 0
        """Bytes of the body, or of its chunk, that haven't been read; None before the first is asked for."""
        self._length: int | None = None
        self._is_chunked = False
        self._is_within_chunks = False
        self._ends_with_connection = False

    @property
    def may_be_followed(self) -> bool:
        """Whether the connection can take another request: the body was read to its end, and the server goes on."""
        return self._keeps_alive and self._left == 0 and not self._is_chunked and not self._ends_with_connection

    def read(self, max_bytes: int) -> bytes:
        """Returns the complete body; raises BadResponseError for one that is cut short or longer than `max_bytes`."""
        body = bytearray()
        piece = memoryview(bytearray(min(_PIECE, max_bytes + 1)))
        while received := self.read_into(piece[: max_bytes + 1 - len(body)]):
            body += piece[:received]
            if len(body) > max_bytes:
                raise BadResponseError(f"the response is longer than {max_bytes} bytes")
        if self._length is not None and len(body) < self._length:
            raise BadResponseError(f"{len(body)} of {self._length} bytes: the response was cut short")
        return bytes(body)

    def fill(self, view: memoryview) -> None:
        """Fills `view` with the body's next bytes; raises BadResponseError when there are fewer."""
        got = 0
        while got < len(view):
            received = self.read_into(view[got:])
            if not received:
                raise BadResponseError(f"the connection ended {len(view) - got} bytes too early")
            got += received

    def read_into(self, view: memoryview) -> int:
        """Reads the body's next bytes into `view` and returns how many; none only at the end of the body.

        That may be the end of the connection: of a body whose length was told, `fill` and `read` notice it.
        """
        if self._left is None:
            self._begin()
        if self._is_chunked and self._left == 0:
            self._begin_chunk()
        if not self._left or not view:
            return 0
        received = self._connection.read_into(view[: self._left])
        if self._is_chunked and not received:
            raise BadResponseError("the connection ended within a chunk")
        if not self._ends_with_connection:
            self._left -= received
        return received

    def has_excess(self) -> bool:
        """Whether anything comes behind the body, which was read. Waits for as long as the connection allows."""
        one = memoryview(bytearray(1))
        return bool(self.read_into(one) or self._connection.read_into(one))

    def _begin(self) -> None:
        """Finds out how the body's end is told: RFC 9112 §6.3."""
        self._is_chunked = self.headers.is_chunked
        self._length = None if self._is_chunked else self.headers.content_length
        self._ends_with_connection = not self._is_chunked and self._length is None
        self._left = 0 if self._is_chunked else sys.maxsize if self._length is None else self._length

    def _begin_chunk(self) -> None:
        if self._is_within_chunks and self._connection.read_line(_MAX_CHUNK_LINE):
            raise BadResponseError("a chunk is longer than it said")
        self._is_within_chunks = True
        size, _, _ = self._connection.read_line(_MAX_CHUNK_LINE).partition(b";")
        if not re.fullmatch(_CHUNK_SIZE, size.strip()):
            raise BadResponseError(f"no size of a chunk: {size[:20]!r}")
        self._left = int(size, 16)
        if not self._left:
            self._skip_trailers()
            self._is_chunked = False  # nothing is left of it

    def _skip_trailers(self) -> None:
        for _ in range(MAX_LINES):
            if not self._connection.read_line(_MAX_CHUNK_LINE):
                return
        raise BadResponseError(f"more than {MAX_LINES} trailer lines")
