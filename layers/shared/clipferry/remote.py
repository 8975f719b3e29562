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
from typing import Any, NamedTuple, Self
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from clipferry.addresses import is_public
from clipferry.errors import SourceError, SourceGoneError, SourceInvalidError
from clipferry.wire import Deadline, Origin, Wire, connect

Resolve = Callable[..., Sequence[Any]]
CHUNK = 256 * 1024
"""Bytes at a time: few enough to stay in the processor's cache while they are hashed and looked at."""
FAREWELL_SECONDS = 0.2
REDIRECTS = frozenset({301, 302, 303, 307, 308})
GONE = frozenset({403, 404, 410})
_VISIBLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))


def open_source(
    url: str,
    *,
    allowed_hosts: tuple[str, ...],
    allow_loopback: bool,
    resolve: Resolve = socket.getaddrinfo,
    connect_timeout: float = 5,
    read_timeout: float = 30,
    total_timeout: float = 900,
    max_redirects: int = 3,
    max_bytes: int = 2**31 - 1,
    headers: Mapping[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
) -> Source:
    """The file at `url`, its body still to be read: `with open_source(…) as source`.

    HTTPS on port 443 of any public host, or of `allowed_hosts` (`example.com`, `*.suffix`) if there are any.
    `allow_loopback` opens loopback addresses too, and there plain HTTP and other ports. Every address of the
    name must pass, and the connection goes to one of them; each redirect starts again from the beginning.
    Time-outs are in seconds; the total one includes all reading. `headers` travel through redirects, so
    nothing secret belongs in them. `resolve` answers as `getaddrinfo` does.

    Raises SourceGoneError for 403, 404 and 410; SourceInvalidError for a URL that isn't allowed and for a size
    of 0 or above `max_bytes`; SourceError, which is worth another try, for everything else.
    """
    rules = Rules(
        allowed_hosts=allowed_hosts,
        allow_loopback=allow_loopback,
        resolve=resolve,
        connect_timeout=connect_timeout,
        max_redirects=max_redirects,
        max_bytes=max_bytes,
        tls=tls,
    )
    sent = {**(headers or {}), "Accept-Encoding": "identity", "Connection": "close"}
    found = follow(url, rules=rules, headers=sent, deadline=Deadline(total_timeout), stall=read_timeout)
    try:
        return Source(found.wire, found.response, url=found.url, size=whole_size(found.response, max_bytes))
    except BaseException:
        found.wire.end()
        raise


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

    wire: Wire
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
            wire = connect(origin, addresses, deadline=Deadline(rules.connect_timeout), tls=rules.tls)
        wire.deadline, wire.stall = deadline, stall
        try:
            with translated(origin.name):
                response = wire.request("GET", target, headers=headers)
            if response.status not in REDIRECTS:
                return Found(wire, response, url, origin, target, addresses)
            url = _redirected(url, response)
        except BaseException:
            wire.end()
            raise
        wire.end()
    raise SourceError(f"more than {rules.max_redirects} redirects")


class Source:
    """An open file of a known `size` in bytes, which never passes for complete when it isn't."""

    def __init__(self, wire: Wire, response: http.client.HTTPResponse, *, url: str, size: int) -> None:
        self._wire = wire
        self._response = response  # kept, because the reader closes with it
        self._left = size
        self.size = size
        self.url = url
        """Where it was found, after the redirects."""
        self.content_type = response.getheader("Content-Type")
        self.etag = response.getheader("ETag")

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, fewer only at the end, and then `b""`.

        Raises SourceError when the body stalls, ends early, or goes on after its Content-Length.
        """
        wanted = min(max(size, 0), self._left)
        with translated(self._progress):
            data = self._wire.reader.read(wanted)
        self._left -= len(data)
        if len(data) < wanted:
            raise SourceError(f"{self._progress}: the connection ended")
        if data and not self._left:
            self._expect_the_end()
        return data

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(CHUNK):
            yield chunk

    def close(self) -> None:
        self._wire.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _expect_the_end(self) -> None:
        """After `Connection: close` it comes at once; a server that holds the line nevertheless costs a moment."""
        self._wire.stall = FAREWELL_SECONDS
        with contextlib.suppress(OSError):
            if self._wire.reader.read(1):
                raise SourceError(f"{self._progress}, and more is coming")

    @property
    def _progress(self) -> str:
        return f"{self.size - self._left} of {self.size} bytes"


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
