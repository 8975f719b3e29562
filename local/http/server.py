"""Listens on 127.0.0.1: the gateway, the fake providers and the fake R2 are functions behind this server.

It isn't werkzeug's, though moto brings that along: a WSGI application can't hold a request, reset its connection, or
promise more bytes than it sends.
"""

from __future__ import annotations

import errno
import logging
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from socketserver import ThreadingTCPServer
from threading import Lock, Thread
from typing import Any, Final

from local.http.exchange import Exchange
from local.http.messages import NoResponse, Responder

logger = logging.getLogger(__name__)

BODY_LIMIT: Final = 1024 * 1024


class PortTakenError(Exception):
    """Another program listens on the port, or it is for root alone."""


class HttpServer(ThreadingTCPServer):
    """HTTP/1.1 with one thread a connection; bound when made, so that `url` is known before anything is served."""

    allow_reuse_address = True
    daemon_threads = False  # closing waits for them
    request_queue_size = 128

    def __init__(self, *, port: int = 0, tls: ssl.SSLContext | None = None, finishes_requests: bool = False) -> None:
        """Raises PortTakenError. Port 0 is a free one.

        `finishes_requests` lets the requests at work come to their end when the server closes; else they are cut off.
        """
        self.serve: Callable[[Exchange], None]
        self.accepted = 0
        """Connections so far."""
        self._tls = tls
        self._shutdown_how = socket.SHUT_RD if finishes_requests else socket.SHUT_RDWR
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        try:
            super().__init__(("127.0.0.1", port), Exchange)
        except OSError as error:
            why = "is taken" if error.errno == errno.EADDRINUSE else f"can't be had: {error.strerror}"
            raise PortTakenError(f"port {port} of 127.0.0.1 {why}") from error
        self.port: int = self.server_address[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, name=f"serve {self.url}")

    def start(self, serve: Callable[[Exchange], None]) -> None:
        self.serve = serve
        self._thread.start()

    def close(self) -> None:
        """Ends every connection; afterwards there is no thread and no socket left. Closing twice is fine."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        with self._lock:
            for connection in self._connections:  # their threads wait for a request, or hold one
                with suppress(OSError):
                    socket.socket.shutdown(connection, self._shutdown_how)  # an SSLSocket's own isn't thread-safe
        self.server_close()

    @contextmanager
    def serving(self, responder: Responder, *, body_limit: int = BODY_LIMIT) -> Iterator[None]:
        """Serves whole requests until the block ends. `body_limit` is in bytes."""
        self.start(responding(responder, body_limit=body_limit))
        try:
            yield
        finally:
            self.close()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls is not None:  # the handshake is left to the connection's own thread
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._connections.add(connection)
            self.accepted += 1
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's
        """A client that has gone is part of the game; anything else is a fault of ours, and is shown."""
        level = logging.DEBUG if isinstance(sys.exception(), OSError) else logging.ERROR
        logger.log(level, "the connection of %s broke", client_address, exc_info=True)


def responding(responder: Responder, *, body_limit: int = BODY_LIMIT) -> Callable[[Exchange], None]:
    """Makes a function of whole requests into one that serves exchanges."""

    def serve(exchange: Exchange) -> None:
        response = responder(exchange.whole_request(body_limit=body_limit))
        if response is NoResponse.HOLD:
            exchange.hold()
        elif response is NoResponse.HANG_UP:
            exchange.hang_up()
        else:
            exchange.send(response)

    return serve
