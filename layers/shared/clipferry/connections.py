"""Connections to one origin, kept for the next request: a TLS handshake costs two journeys and a millisecond of CPU."""

from __future__ import annotations

import ssl
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from clipferry.wire import Deadline, Origin, Wire, connect

IDLE_SECONDS = 15.0
"""After a Lambda's freeze the peer may have gone without our hearing: older connections aren't trusted."""
CONNECT_SECONDS = 5.0


class Connections:
    """Safe to share between threads; those that nobody uses any more close with it.

    `find` gives the addresses to dial, as `getaddrinfo` does. `tls` replaces the system's certificates.
    """

    def __init__(self, origin: Origin, find: Callable[[], Sequence[Any]], *, tls: ssl.SSLContext | None = None) -> None:
        self._origin = origin
        self._find = find
        self._tls = tls
        self._idle: list[tuple[Wire, float]] = []
        weakref.finalize(self, _end_all, self._idle)
        self._lock = threading.Lock()

    def take(self, *, deadline: Deadline, stall: float) -> Wire:
        """A connection for one request; raises OSError when there is none to be had."""
        wire = self._take_idle() or self._connect(deadline)
        wire.deadline, wire.stall = deadline, stall
        return wire

    def give_back(self, wire: Wire) -> None:
        """For a connection whose last answer was read to its end and doesn't forbid another request."""
        with self._lock:
            # The wall clock: the monotonic one may stand still while a Lambda is frozen.
            self._idle.append((wire, time.time()))

    def close(self) -> None:
        with self._lock:
            _end_all(self._idle)

    def _take_idle(self) -> Wire | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                wire, since = self._idle.pop()
            if 0 <= time.time() - since < IDLE_SECONDS and wire.is_quiet():
                return wire
            wire.end()

    def _connect(self, deadline: Deadline) -> Wire:
        soon = Deadline(min(CONNECT_SECONDS, deadline.remaining()))
        return connect(self._origin, self._find(), deadline=soon, tls=self._tls)


def _end_all(idle: list[tuple[Wire, float]]) -> None:
    while idle:
        idle.pop()[0].end()
