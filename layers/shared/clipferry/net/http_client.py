"""The one small HTTPS client: whole answers by a deadline, kept connections, a clear word on what was sent.

It stands on `http.client`, because importing urllib3 would cost 67 ms of every cold start.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from clipferry.errors import ConfigurationError, ProviderSilentError, ProviderUnreachableError
from clipferry.net.connection import Connection, Deadline, Origin, connect

IDLE_SECONDS = 15.0
"""After a Lambda's freeze the peer may have gone without our hearing: older connections aren't trusted."""
_IDLE_CONNECTIONS = 8
_TARGET = re.compile(r"/[!-~]*")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete answer. `headers` has lower-case names; a repeated header is joined by commas."""

    status: int
    headers: dict[str, str]
    body: bytes


class HttpClient:
    """Requests to one origin, `https://host[:port]`, with an optional path before every request's own.

    Safe to share between threads; `close` lets go of the idle connections. `tls` replaces the system's
    certificates. Raises ConfigurationError for any other kind of URL, and for http unless `allow_plain_http`.
    """

    def __init__(self, base_url: str, *, allow_plain_http: bool, tls: ssl.SSLContext | None = None) -> None:
        self._origin, self._prefix = _parse(base_url, allow_plain_http=allow_plain_http)
        self._tls = tls
        self._idle: list[tuple[Connection, float]] = []
        self._lock = threading.Lock()

    def request(
        self,
        method: str,
        path_and_query: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        connect_timeout: float,
        timeout: float,
        max_bytes: int,
    ) -> HttpResponse:
        """The answer, whatever its status. No redirect is followed and nothing is sent twice.

        `timeout` bounds all of it in seconds, `connect_timeout` the connecting; only the name's lookup is left
        to the system's own limits. Raises ProviderUnreachableError when nothing was sent, ProviderSilentError
        when it was sent and no complete answer of at most `max_bytes` came, and ValueError for what HTTP can't
        carry.
        """
        target = self._prefix + path_and_query
        if not _TARGET.fullmatch(target):
            raise ValueError(f"not a request target: {target!r}")
        deadline = Deadline(timeout)
        connection = self._take_idle() or self._connect(Deadline(min(connect_timeout, timeout)))
        connection.deadline = deadline
        reusable = False
        try:
            answer, reusable = _read(connection.request(method, target, headers=headers, body=body), max_bytes)
        except (OSError, http.client.HTTPException) as error:
            place = f"{method} {self._origin.name}{target.partition('?')[0]}"
            raise ProviderSilentError(f"{place}: {type(error).__name__}: {error}") from error
        finally:
            self._keep(connection) if reusable else connection.close()
        return answer

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _since in idle:
            connection.close()

    def _take_idle(self) -> Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection, since = self._idle.pop()
            # The wall clock: the monotonic one may stand still while a Lambda is frozen.
            if 0 <= time.time() - since < IDLE_SECONDS and connection.is_quiet():
                return connection
            connection.close()

    def _keep(self, connection: Connection) -> None:
        with self._lock:
            self._idle.append((connection, time.time()))
            surplus = self._idle.pop(0)[0] if len(self._idle) > _IDLE_CONNECTIONS else None
        if surplus is not None:
            surplus.close()

    def _connect(self, deadline: Deadline) -> Connection:
        name = self._origin.name
        try:
            found = socket.getaddrinfo(name, self._origin.port, type=socket.SOCK_STREAM)
            return connect(self._origin, found, deadline=deadline, tls=self._tls)
        except (OSError, UnicodeError) as error:
            raise ProviderUnreachableError(f"{name}: {type(error).__name__}: {error}") from error


def _parse(base_url: str, *, allow_plain_http: bool) -> tuple[Origin, str]:
    """The origin, and the path that goes before every request's own."""
    try:
        parts = urlsplit(base_url)
        name, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"not a base URL: {error}") from None
    if not name or "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError("a base URL is https://host[:port][/path] and nothing more")
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_plain_http):
        raise ConfigurationError(f"{parts.scheme}://{name}: https is required")
    secure = parts.scheme == "https"
    return Origin(secure, name, port or (443 if secure else 80)), parts.path.rstrip("/")


def _read(response: http.client.HTTPResponse, max_bytes: int) -> tuple[HttpResponse, bool]:
    """The answer, and whether its connection can carry another."""
    body = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise http.client.HTTPException(f"the answer is longer than {max_bytes} bytes")
    if response.length:  # asked for a number of bytes, http.client doesn't mind an early end
        raise http.client.IncompleteRead(body, response.length)
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        earlier = headers.get(name.lower())
        headers[name.lower()] = value if earlier is None else f"{earlier}, {value}"
    return HttpResponse(response.status, headers, body), response.status >= 200 and not response.will_close
