"""A small HTTPS client: complete responses by a deadline, and errors that tell whether anything was sent.

It stands on connections of our own, because importing urllib3 would cost 67 ms of every cold start.
"""

from __future__ import annotations

import contextlib
import math
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from clipferry.errors import ConfigurationError, NoAnswerError, RequestNotSentError
from clipferry.net.connection import Connection
from clipferry.net.deadline import Deadline
from clipferry.net.pool import CONNECT_SECONDS, ConnectionPool
from clipferry.net.request_head import Origin

LARGEST_ANSWER = 1024 * 1024
_TARGET = re.compile(r"/[!-~]*")


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A complete response. `headers` has lower-case names; a repeated header is joined by commas."""

    status: int
    headers: dict[str, str]
    body: bytes


class HttpClient:
    """Sends requests to one origin, `https://host[:port]`, with an optional path before every request's own.

    Safe to share between threads; `close` closes the idle connections. `tls` replaces the system's certificates.
    Raises ConfigurationError for any other kind of URL or of HTTPS_PROXY, and for http unless `allow_plain_http`.
    """

    def __init__(self, base_url: str, *, allow_plain_http: bool, tls: ssl.SSLContext | None = None) -> None:
        self._origin, self._prefix = _parse(base_url, allow_plain_http=allow_plain_http)
        self._pool = ConnectionPool(self._origin, tls=tls)

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
        """Returns the response, whatever its status. No redirect is followed and nothing is sent twice.

        `timeout` bounds all of it in seconds, `connect_timeout` the connecting; only the name's lookup is left
        to the system's own limits. Raises RequestNotSentError when nothing was sent, NoAnswerError when it was
        sent and no complete response of at most `max_bytes` came, and ValueError for what HTTP can't carry.
        """
        target = self._prefix + path_and_query
        if not _TARGET.fullmatch(target):
            raise ValueError(f"not a request target: {target!r}")
        connection = self._acquire(Deadline(timeout), connect_timeout)
        is_reusable = False
        try:
            response = connection.request(method, target, headers=headers, body=body)
            content = response.read(max_bytes)
            is_reusable = response.may_be_followed
        except OSError as error:
            place = f"{method} {self._origin.name}{target.partition('?')[0]}"
            raise NoAnswerError(f"{place}: {type(error).__name__}: {error}") from error
        finally:
            self._pool.release(connection) if is_reusable else connection.close()
        return HttpResponse(response.status, response.headers.joined(), content)

    def close(self) -> None:
        self._pool.close()

    def _acquire(self, deadline: Deadline, connect_timeout: float) -> Connection:
        try:
            return self._pool.acquire(deadline=deadline, stall_seconds=math.inf, connect_seconds=connect_timeout)
        except (OSError, UnicodeError) as error:
            raise RequestNotSentError(f"{self._origin.name}: {type(error).__name__}: {error}") from error


def send_request(
    method: str,
    url: str,
    *,
    plain_http: bool,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = 10.0,
) -> HttpResponse:
    """Sends one request on a connection of its own; raises what `HttpClient` and its `request` do.

    `plain_http` says whether the URL may be http. The answer may have LARGEST_ANSWER bytes.
    """
    parts = urlsplit(url)
    client = HttpClient(f"{parts.scheme}://{parts.netloc}", allow_plain_http=plain_http)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connect_timeout = min(CONNECT_SECONDS, timeout)
    with contextlib.closing(client):
        return client.request(
            method,
            target,
            headers=headers or {},
            body=body,
            connect_timeout=connect_timeout,
            timeout=timeout,
            max_bytes=LARGEST_ANSWER,
        )


def _parse(base_url: str, *, allow_plain_http: bool) -> tuple[Origin, str]:
    """Returns the origin, and the path that goes before every request's own."""
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
