"""The HTTP side of the fake providers, on 127.0.0.1; a fake itself is a function from request to reply."""

from __future__ import annotations

import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from enum import Enum
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`path` and `query` are as they were sent; `body` is None when it is larger than the server's limit."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """When `headers` promise a greater `Content-Length` than `body` has, the connection closes after it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class NoReply(Enum):
    """What a server can do instead of replying."""

    HOLD = "keep the connection open until the client gives up"
    HANG_UP = "close the connection"


Answer = Callable[[Request], "Reply | NoReply"]


class WebServer(ThreadingTCPServer):
    """HTTP/1.1 with keep-alive, a thread per connection; in the end all are closed and all are joined."""

    daemon_threads = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, *, port: int = 0, body_limit: int) -> None:
        """Binds at once, so that `url` is known before anything is served; port 0 is a free one. Bytes."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.body_limit = body_limit
        self.answer: Answer = _not_found
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()

    @contextmanager
    def serving(self, answer: Answer) -> Iterator[None]:
        self.answer = answer
        loop = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, name=f"serve {self.url}")
        loop.start()
        try:
            yield
        finally:
            self.shutdown()
            loop.join()
            self._end_connections()
            self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is part of the game; anything else is a fault of the fake, and is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def _end_connections(self) -> None:
        """Wakes the threads that wait for a request, or hold a connection, so that they can be joined."""
        with self._connections_lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: WebServer  # pyright: ignore[reportIncompatibleVariableOverride] - the only one it is used with
    protocol_version = "HTTP/1.1"
    server_version = "fake-provider"
    sys_version = ""
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not re.fullmatch("[0-9]{1,18}", length):
            self.send_error(411)
            return
        path, _, query = self.path.partition("?")
        body = self._read(int(length))
        request = Request(method=self.command, path=path, query=query, headers=self.headers, body=body)
        reply = self.server.answer(request)
        if isinstance(reply, Reply):
            self._send(reply)
        else:
            self._send_nothing(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _handle  # noqa: N815 - where the base class looks

    def _read(self, length: int) -> bytes | None:
        """The whole body is taken, wanted or not: a client in mid-send would not see the reply."""
        blocks, left = [], length
        while left:
            block = self.rfile.read(min(left, 1 << 16))
            if not block:
                raise ConnectionAbortedError("the client left before the end of its body")
            left -= len(block)
            if length <= self.server.body_limit:
                blocks.append(block)
        return b"".join(blocks) if length <= self.server.body_limit else None

    def _send(self, reply: Reply) -> None:
        headers = {"Content-Length": str(len(reply.body)), **reply.headers}
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
            self.close_connection |= len(reply.body) < int(headers["Content-Length"])

    def _send_nothing(self, how: NoReply) -> None:
        self.close_connection = True
        if how is NoReply.HOLD:
            self.rfile.read(1)  # returns when the client, or the server's end, closes the connection

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        pass


def _not_found(request: Request) -> Reply:  # noqa: ARG001 - the signature is Answer's
    return Reply(status=404)
