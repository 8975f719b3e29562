"""Connections to one origin, kept for the next request: a TLS handshake costs two round trips and a millisecond."""

from __future__ import annotations

import ssl
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from clipferry.net.connection import Connection, Deadline, Origin, connect

IDLE_SECONDS = 15.0
"""After a Lambda's freeze the peer may have gone without our hearing: older connections aren't trusted."""
CONNECT_SECONDS = 5.0


class ConnectionPool:
    """Safe to share between threads; those that nobody uses any more close with it.

    `find` gives the addresses to dial, as `getaddrinfo` does. `tls` replaces the system's certificates.
    """

    def __init__(self, origin: Origin, find: Callable[[], Sequence[Any]], *, tls: ssl.SSLContext | None = None) -> None:
        self._origin = origin
        self._find = find
        self._tls = tls
        self._idle: list[tuple[Connection, float]] = []
        weakref.finalize(self, _end_all, self._idle)
        self._lock = threading.Lock()

    def acquire(self, *, deadline: Deadline, stall: float) -> Connection:
        """A connection for one request; raises OSError when there is none to be had."""
        connection = self._take_idle() or self._connect(deadline)
        connection.deadline, connection.stall = deadline, stall
        return connection

    def release(self, connection: Connection) -> None:
        """For a connection whose last answer was read to its end and doesn't forbid another request."""
        with self._lock:
            # The wall clock: the monotonic one may stand still while a Lambda is frozen.
            self._idle.append((connection, time.time()))

    def close(self) -> None:
        with self._lock:
            _end_all(self._idle)

    def _take_idle(self) -> Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, since = self._idle.pop()
            if 0 <= time.time() - since < IDLE_SECONDS and connection.is_quiet():
                return connection
            connection.close()

    def _connect(self, deadline: Deadline) -> Connection:
        soon = Deadline(min(CONNECT_SECONDS, deadline.remaining()))
        return connect(self._origin, self._find(), deadline=soon, tls=self._tls)


def _end_all(idle: list[tuple[Connection, float]]) -> None:
    while idle:
        idle.pop()[0].close()
