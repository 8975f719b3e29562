"""The HTTP/1.1 side of the local gateway, with API Gateway's limits."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Final

from local.lambda_runtime import responses
from local.lambda_runtime.responses import HttpResponse

logger = logging.getLogger(__name__)

BODY_LIMIT: Final = 10 * 1024 * 1024
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html: not raisable."""
HEADER_LIMIT: Final = 10_240
"""Bytes of the request line and all headers; same page."""

TOO_LARGE: Final = responses.message(413, "Request Entity Too Large")
_HEADERS_TOO_LARGE: Final = responses.message(431, "Request Header Fields Too Large")
_BODILESS: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """`path` and `query` are percent-encoded; `headers` as they came, repeated ones included."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str

    def header(self, name: str) -> str:
        """The first value of a lower-case name; empty when there is none."""
        return next((value for found, value in self.headers if found.lower() == name), "")


Answer = Callable[[HttpRequest], HttpResponse]


class PortTakenError(Exception):
    """Another program listens there."""


class HttpServer(ThreadingHTTPServer):
    """One thread a connection, on 127.0.0.1; bound when made, so that its port is known before it serves."""

    daemon_threads = False  # server_close waits for them
    request_queue_size = 128

    def __init__(self, *, port: int, answer: Answer) -> None:
        self.answer = answer
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        self._thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, name="gateway")
        try:
            super().__init__(("127.0.0.1", port), _Connection)
        except OSError as error:
            raise PortTakenError(f"port {port} of 127.0.0.1 is taken") from error

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Lets running requests finish; afterwards there is no thread and no socket left."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        with self._lock:
            for connection in self._open:  # one that is kept alive would be waited for
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's
        logger.debug("the connection of %s broke", client_address, exc_info=True)  # noqa: LOG014 - it is called in one


class _Connection(BaseHTTPRequestHandler):
    server: HttpServer  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        logger.debug(format, *args)

    def _answer(self) -> None:
        if len(self.requestline) + len(str(self.headers)) > HEADER_LIMIT:
            self._refuse(_HEADERS_TOO_LARGE)
            return
        try:
            body = self._body()
        except ValueError:
            self._refuse(TOO_LARGE)
            return
        path, _, query = self.path.partition("?")
        request = HttpRequest(
            method=self.command,
            path=path,
            query=query,
            headers=tuple(self.headers.items()),
            body=body,
            source_ip=self.client_address[0],
        )
        self._send(self.server.answer(request))

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = _answer  # noqa: N815

    def _body(self) -> bytes:
        """Raises ValueError when it is too large, or when its length isn't a number."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        length = int(self.headers.get("content-length", 0))
        if not 0 <= length <= BODY_LIMIT:
            raise ValueError(f"{length} bytes")
        return self._exactly(length)

    def _chunks(self) -> Iterable[bytes]:
        left = BODY_LIMIT
        while size := int(self.rfile.readline(64).partition(b";")[0], 16):
            left -= size
            if left < 0:
                raise ValueError("too many bytes")
            yield self._exactly(size)
            self.rfile.readline(2)
        while self.rfile.readline(HEADER_LIMIT).strip():
            pass

    def _exactly(self, length: int) -> bytes:
        content = self.rfile.read(length)
        if len(content) < length:
            raise ConnectionAbortedError("the client left before the end of its body")
        return content

    def _refuse(self, response: HttpResponse) -> None:
        """Answers without having read the body, so the connection can't be used again."""
        self.close_connection = True
        self._send(response)
        self.connection.settimeout(2)
        self.connection.shutdown(socket.SHUT_WR)
        while self.rfile.read(65_536):  # with bytes unread, closing would reset it under the answer
            pass

    def _send(self, response: HttpResponse) -> None:
        self.send_response_only(response.status)
        self.send_header("date", formatdate(usegmt=True))
        for name, value in response.headers:
            self.send_header(name, value)
        if isinstance(response.body, bytes) and response.status not in _BODILESS:
            self.send_header("content-length", str(len(response.body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD" and response.status not in _BODILESS:
            for piece in [response.body] if isinstance(response.body, bytes) else response.body:
                self.wfile.write(piece)
