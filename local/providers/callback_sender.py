"""Sends callbacks as providers do: one POST, a few retries, no redirects, and a record of every attempt."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One POST to the URL that came with the order."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST. `status` is None when there was no answer: a refused connection, a time-out, no HTTP."""

    url: str
    body: bytes
    status: int | None


class CallbackSender:
    """Thread-safe; `interrupt` ends every wait and every open request at once."""

    def __init__(self, *, timeout: float, retry_delays: tuple[float, ...]) -> None:
        """Seconds. There are as many retries as delays."""
        self.attempts: list[Attempt] = []
        self._timeout = timeout
        self._delays = (0.0, *retry_delays)
        self._interrupted = threading.Event()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def deliver(self, callback: Callback, *, attempted: threading.Event | None = None) -> bool:
        """Returns whether a 2xx came back, at once or after retries; sets `attempted` after the first attempt."""
        for delay in self._delays:
            if self._interrupted.wait(delay):
                return False
            status = self._post(callback)
            self.attempts.append(Attempt(url=callback.url, body=callback.body, status=status))
            if attempted is not None:
                attempted.set()
            if status is not None and 200 <= status < 300:
                return True
        return False

    def interrupt(self) -> None:
        self._interrupted.set()
        with self._open_lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _post(self, callback: Callback) -> int | None:
        parts = urlsplit(callback.url)
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = connect(parts.hostname or "", parts.port, timeout=self._timeout)
        try:
            connection.connect()
            with self._interruptible(connection.sock):
                always = {"Content-Type": "application/json", "Connection": "close"}
                connection.request("POST", target, callback.body, {**always, **callback.headers})
                with connection.getresponse() as response:
                    return response.status
        except (OSError, HTTPException, UnicodeError):  # UnicodeError: a host name that no DNS name can be
            return None
        finally:
            connection.close()

    @contextmanager
    def _interruptible(self, connection: socket.socket) -> Iterator[None]:
        with self._open_lock:
            self._open.add(connection)
        try:
            if self._interrupted.is_set():  # before it was in the set
                raise ConnectionAbortedError("interrupted")
            yield
        finally:
            with self._open_lock:
                self._open.discard(connection)
