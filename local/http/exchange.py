"""One request on its connection, and all that can be done with it: respond, hold it, break it off."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any, Final, Protocol

from local.http.messages import Request, Response

logger = logging.getLogger(__name__)

_BLOCK: Final = 1 << 18
_BODILESS: Final = frozenset({204, 304})
_RESET_ON_CLOSE: Final = b"\1\0\0\0\0\0\0\0"
"""SO_LINGER: switched on, with zero seconds."""


class MalformedBodyError(Exception):
    """A request whose body has no length that can be read; it is answered with 400."""


class _Server(Protocol):
    serve: Callable[[Exchange], None]


class Exchange(BaseHTTPRequestHandler):
    """Given to a server that reads bodies piece by piece, or breaks off on purpose."""

    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - the only kind it is used with
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def whole_request(self, *, body_limit: int) -> Request:
        """The request with its whole body. Bytes; raises MalformedBodyError.

        A body beyond the limit is read, too: a client in mid-send would not see the response.
        """
        path, _, query = self.path.partition("?")
        return Request(
            method=self.command,
            path=path,
            query=query,
            headers=self.headers,
            body=self._whole_body(body_limit),
            source_ip=self.client_address[0],
        )

    def body(self, *, block_size: int = _BLOCK) -> Iterator[bytes]:
        """The body as it arrives; raises MalformedBodyError, and ConnectionAbortedError when the client has left."""
        encoding = self.headers.get("Transfer-Encoding", "").lower()
        length = self.headers.get("Content-Length", "0")
        if encoding == "chunked":
            yield from self._chunks(block_size)
        elif encoding or not re.fullmatch("[0-9]{1,18}", length):
            raise MalformedBodyError(f"Content-Length {length:.40}, Transfer-Encoding {encoding:.40}")
        else:
            yield from self._exactly(int(length), block_size)

    def send(self, response: Response) -> None:
        headers = {"date": formatdate(usegmt=True)} | {name.lower(): value for name, value in response.headers.items()}
        is_silent = self.command == "HEAD" and not response.body  # then nobody knows how long the body would be
        if response.stream is None and response.status not in _BODILESS and not is_silent:
            headers.setdefault("content-length", str(len(response.body)))
        if self.close_connection:
            headers["connection"] = "close"
        self.send_response_only(response.status)
        cookies = [("set-cookie", cookie) for cookie in response.cookies]
        for name, value in [*headers.items(), *cookies]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD" and response.status not in _BODILESS:
            left = int(headers.get("content-length", 0))
            for piece in response.stream or [response.body]:
                self.wfile.write(piece)
                left -= len(piece)
            self.close_connection |= left > 0

    def hang_up(self, *, reset: bool = False) -> None:
        """Closes the connection without a response; with `reset` by a TCP reset."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def hold(self) -> None:
        """Waits until the client closes the connection, or the server its end of it."""
        self.close_connection = True
        self.rfile.read(1)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        logger.debug(format, *args)

    def _serve(self) -> None:
        try:
            self.server.serve(self)
        except MalformedBodyError:
            self.close_connection = True
            self.send(Response(status=400))

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = _serve  # noqa: N815

    def _whole_body(self, limit: int) -> bytes | None:
        kept, size = bytearray(), 0
        for block in self.body():
            size += len(block)
            if size <= limit:
                kept += block
        return bytes(kept) if size <= limit else None

    def _chunks(self, block_size: int) -> Iterator[bytes]:
        while size := self._chunk_size():
            yield from self._exactly(size, block_size)
            self.rfile.readline(2)
        while self.rfile.readline(1 << 16).strip():
            pass

    def _chunk_size(self) -> int:
        line = self.rfile.readline(64)
        try:
            return int(line.partition(b";")[0], 16)
        except ValueError:
            raise MalformedBodyError(f"a chunk of {line!r}") from None

    def _exactly(self, length: int, block_size: int) -> Iterator[bytes]:
        while length:
            block = self.rfile.read(min(length, block_size))
            if not block:
                raise ConnectionAbortedError("the client left before the end of its body")
            length -= len(block)
            yield block
