"""A peer on a real socket that says, byte for byte, what no HTTP server of a test would: half answers, or none."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behaviour = Callable[["Peer", socket.socket], object]
"""What is done on each connection; a connection that breaks meanwhile is no error."""


class Peer:
    """Accepts on a free port of 127.0.0.1, each connection in a thread of its own. `requests` is all that it heard."""

    def __init__(self, behaviour: Behaviour, tls: ssl.SSLContext | None) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.stopping = threading.Event()
        """For behaviours that wait until the test is over."""
        self.ended = threading.Event()
        """Whether a connection has come to its end."""
        self._behaviour = behaviour
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._threads[0].start()

    def read_request(self, connection: socket.socket) -> bytes:
        """One request whole, `b""` at the end of the connection."""
        heard = b""
        while b"\r\n\r\n" not in heard:
            piece = connection.recv(65536)
            if not piece:
                return b""
            heard += piece
        head, _, body = heard.partition(b"\r\n\r\n")
        announced = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        while announced and len(body) < int(announced[0].split(b":")[1]):
            body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        return self.requests[-1]

    def wait_for_connections(self) -> None:
        """Until all that there were have come to their end."""
        for thread in self._threads[1:]:
            thread.join()

    def stop(self) -> None:
        self.stopping.set()
        socket.create_connection(("127.0.0.1", self.port)).close()  # wakes the listener
        self._threads[0].join()
        self.wait_for_connections()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.stopping.is_set():
                connection.close()
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                self._behaviour(self, connection)
        self.ended.set()


@contextmanager
def raw_peer(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    """Whoever holds a connection to it has to close it before the block ends."""
    peer = Peer(behaviour, tls)
    try:
        yield peer
    finally:
        peer.stop()
