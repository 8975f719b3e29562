"""Idle connections to one origin, kept for the next request: a TLS handshake costs two round trips and 1 ms of CPU."""

from __future__ import annotations

import ssl
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Any, Final

from clipferry.net.connection import Connection, connect
from clipferry.net.deadline import Deadline
from clipferry.net.proxy import find_addresses, proxy_for
from clipferry.net.request_head import Origin

IDLE_SECONDS: Final = 15.0
"""Older ones aren't used again: while a Lambda is frozen the peer may close a connection without our noticing."""
IDLE_CONNECTIONS: Final = 8
"""As many as the workers of one transfer leave at a time; the oldest is closed for the ninth."""
CONNECT_SECONDS: Final = 5.0


class ConnectionPool:
    """Connections that may be used again. Safe to share between threads; an unused pool closes its connections.

    `addresses`, in `getaddrinfo`'s form, are those to connect to; without them the origin's are looked up each time.
    `tls` replaces the system's certificates. Raises ConfigurationError for a proxy that can't be used.
    """

    def __init__(
        self, origin: Origin, addresses: Sequence[Any] | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        proxy_for(origin)
        self._origin = origin
        self._addresses = addresses
        self._tls = tls
        self._idle: list[tuple[Connection, float]] = []
        weakref.finalize(self, _close_all, self._idle)
        self._lock = threading.Lock()

    def acquire(
        self, *, deadline: Deadline, stall_seconds: float, connect_seconds: float = CONNECT_SECONDS
    ) -> Connection:
        """Returns a connection for one request; raises OSError when none can be made, or UnicodeError for its name.

        A new one may take `connect_seconds`, looking up the name and TLS included.
        """
        connection = self._take_idle()
        if connection is None:
            connecting = Deadline(min(connect_seconds, deadline.remaining()))
            addresses = find_addresses(self._origin) if self._addresses is None else self._addresses
            connection = connect(self._origin, addresses, deadline=connecting, tls=self._tls)
        connection.deadline, connection.stall_seconds = deadline, stall_seconds
        return connection

    def release(self, connection: Connection) -> None:
        """Takes back a connection whose last response was read to its end and allows another request."""
        with self._lock:
            # The wall clock: the monotonic one may stand still while a Lambda is frozen.
            self._idle.append((connection, time.time()))
            surplus = self._idle.pop(0)[0] if len(self._idle) > IDLE_CONNECTIONS else None
        if surplus is not None:
            surplus.close()

    def close(self) -> None:
        """Closes the idle connections; the pool may be used again."""
        with self._lock:
            _close_all(self._idle)

    def _take_idle(self) -> Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, since = self._idle.pop()
            if 0 <= time.time() - since < IDLE_SECONDS and connection.is_quiet():
                return connection
            connection.close()


def _close_all(idle: list[tuple[Connection, float]]) -> None:
    while idle:
        idle.pop()[0].close()
