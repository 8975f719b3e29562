"""A provider's file, opened without trusting its URL: the address that is dialled is the one that was checked."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from clipferry.errors import SourceError, SourceGoneError, SourceInvalidError
from clipferry.net.connection import Connection, Deadline, Origin, connect
from clipferry.net.public_addresses import is_public

Resolve = Callable[..., Sequence[Any]]
CHECK_SECONDS = 8.0
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({403, 404, 410})
_VISIBLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Where a provider's URL may lead, and how big what is found there may be: the arguments of `open_source`."""

    allowed_hosts: tuple[str, ...] = ()
    allow_loopback: bool = False
    resolve: Resolve = socket.getaddrinfo
    connect_timeout: float = 5
    max_redirects: int = 3
    max_bytes: int = 2**31 - 1
    tls: ssl.SSLContext | None = None


class Found(NamedTuple):
    """An answer that isn't a redirect, and where it was found: `addresses` have been checked and may be dialled."""

    connection: Connection
    response: http.client.HTTPResponse
    url: str
    origin: Origin
    target: str
    addresses: Sequence[Any]


def follow(url: str, *, rules: Rules, headers: Mapping[str, str], deadline: Deadline, stall: float) -> Found:
    """Asks for `url` and follows its redirects, each checked like the first. Raises what `open_source` does."""
    for _ in range(rules.max_redirects + 1):
        origin, target = _permitted(url, rules.allowed_hosts)
        addresses = _resolved(origin, rules.resolve, allow_loopback=rules.allow_loopback)
        with translated(origin.name):
            connection = connect(origin, addresses, deadline=Deadline(rules.connect_timeout), tls=rules.tls)
        connection.deadline, connection.stall = deadline, stall
        try:
            with translated(origin.name):
                response = connection.request("GET", target, headers=headers)
            if response.status not in REDIRECTS:
                return Found(connection, response, url, origin, target, addresses)
            url = _redirected(url, response)
        except BaseException:
            connection.close()
            raise
        connection.close()
    raise SourceError(f"more than {rules.max_redirects} redirects")


def check_source(url: str, *, rules: Rules, seconds: float = CHECK_SECONDS) -> None:
    """Whether the file at `url` is still there, within so many seconds; none of it is read. Raises as `follow` does."""
    with_nothing_kept = {"Accept-Encoding": "identity", "Connection": "close"}
    found = follow(url, rules=rules, headers=with_nothing_kept, deadline=Deadline(seconds), stall=seconds)
    try:
        whole_size(found.response, rules.max_bytes)
    finally:
        found.connection.close()


@contextlib.contextmanager
def translated(place: object) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SourceError(f"{place}: {type(error).__name__}: {error}") from error


def _permitted(url: str, allowed_hosts: tuple[str, ...]) -> tuple[Origin, str]:
    """The origin and the request target of a URL whose text breaks no rule."""
    if re.search(r"[\x00-\x20\x7f\\]", url):  # parsers differ in what they make of them
        raise SourceInvalidError("white space, control characters or backslashes in a URL")
    try:
        parts = urlsplit(url)
        origin = _origin(parts)
    except ValueError as error:
        raise SourceInvalidError(f"not a URL to fetch: {error}") from None
    if allowed_hosts and not any(_matches(origin.name, pattern.lower()) for pattern in allowed_hosts):
        raise SourceInvalidError(f"{origin.name} is not one of the allowed hosts")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return origin, quote(target, safe=_VISIBLE_ASCII)


def _origin(parts: SplitResult) -> Origin:
    """Raises ValueError unless it is http(s) to a host, without a user name."""
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{parts.scheme or 'no scheme'}, {parts.hostname or 'no host'}")
    if "[" in parts.netloc:
        ipaddress.IPv6Address(parts.hostname)
    name = parts.hostname.rstrip(".").encode("idna").decode()
    port = parts.port
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    return Origin(parts.scheme == "https", name, port)


def _matches(name: str, pattern: str) -> bool:
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern


def _resolved(origin: Origin, resolve: Callable[..., Sequence[Any]], *, allow_loopback: bool) -> Sequence[Any]:
    """What the name leads to, asked once; raises SourceInvalidError unless every address may be dialled."""
    with translated(origin.name):
        found = resolve(origin.name, origin.port, type=socket.SOCK_STREAM)
    is_plain_https = origin.secure and origin.port == origin.standard_port
    for _, _, _, _, location in found:
        address = ipaddress.ip_address(location[0])
        if not (is_public(address) and is_plain_https) and not (address.is_loopback and allow_loopback):
            raise SourceInvalidError(f"{origin.name}:{origin.port} at {address} is not public HTTPS")
    return found


def _redirected(url: str, response: http.client.HTTPResponse) -> str:
    location = response.getheader("Location")
    if not location:
        raise SourceError(f"status {response.status} without a Location")
    try:
        return urljoin(url, location.encode("latin-1").decode())  # http.client reads headers as Latin-1
    except ValueError as error:
        raise SourceInvalidError(f"redirected to what is no URL: {error}") from None


def whole_size(response: http.client.HTTPResponse, max_bytes: int) -> int:
    """The Content-Length of an answer that is the file itself; raises for every other answer."""
    if response.status in GONE:
        raise SourceGoneError(f"status {response.status}")
    if response.status != 200:
        raise SourceError(f"status {response.status}")
    check_encoding(response)
    lengths = response.headers.get_all("Content-Length", [])
    if response.getheader("Transfer-Encoding") or len(set(lengths)) != 1:
        raise SourceError("no one Content-Length, so that an early end would pass unnoticed")
    if not re.fullmatch(r"[0-9]{1,18}", lengths[0]):
        raise SourceError(f"Content-Length {lengths[0][:20]!r} is no number")
    return permitted_size(int(lengths[0]), max_bytes)


def check_encoding(response: http.client.HTTPResponse) -> None:
    """Raises SourceError for a body that isn't the file's own bytes."""
    if response.getheader("Content-Encoding", "identity").lower() != "identity":
        raise SourceError(f"Content-Encoding {response.getheader('Content-Encoding')} wasn't asked for")


def permitted_size(size: int, max_bytes: int) -> int:
    """`size`, or SourceInvalidError for that of no file we would take."""
    if not 0 < size <= max_bytes:
        raise SourceInvalidError(f"a file of {size} bytes, where 1 to {max_bytes} are allowed")
    return size
