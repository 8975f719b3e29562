"""GET of a URL that nobody vouches for: the address that is connected to is the one that was checked (SSRF)."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from clipferry.errors import SourceError, SourceGoneError, SourceInvalidError
from clipferry.net.connection import Connection, connect
from clipferry.net.deadline import Deadline
from clipferry.net.public_addresses import is_public
from clipferry.net.public_urls import check_url
from clipferry.net.redirects import REDIRECTS, redirect_target
from clipferry.net.request_head import Origin
from clipferry.net.response import Response
from clipferry.net.retry_after import retry_after

Resolve = Callable[..., Sequence[Any]]
CHECK_SECONDS = 8.0
PASSING = frozenset({408, 416, 425, 429})
"""What among 4xx says nothing about the file: too slow, another range, too early, too many requests."""
REAL_CODINGS = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress", "dcb", "dcz"})
"""IANA's registry, without `identity`, `aes128gcm` (a message's) and EXI, Pack200 (no film's). Anything else that
servers write there (`aws-chunked`, `utf-8`, `binary`) changes nothing."""


class Rules(NamedTuple):
    """Where a provider's URL may lead, and how big the file may be.

    `allowed_hosts` are names and `*.example.com`; none at all means any public host. `connect_timeout` in seconds,
    `max_bytes` is what `file_size`, an int4, can hold. `tls` replaces the system's certificates. `keys` has the
    Authorization header for addresses that begin like this.
    """

    allowed_hosts: tuple[str, ...] = ()
    allow_loopback: bool = False
    resolve: Resolve = socket.getaddrinfo
    connect_timeout: float = 5
    max_redirects: int = 3
    max_bytes: int = 2**31 - 1
    tls: ssl.SSLContext | None = None
    keys: Mapping[str, str] = MappingProxyType({})

    def __repr__(self) -> str:
        """Shows no key."""
        return f"Rules(allowed_hosts={self.allowed_hosts!r}, allow_loopback={self.allow_loopback!r})"

    def authorization(self, url: str) -> Mapping[str, str]:
        return next(({"Authorization": key} for prefix, key in self.keys.items() if url.startswith(prefix)), {})


class FinalResponse(NamedTuple):
    """A response that isn't a redirect, and where it came from: `addresses` have been checked.

    `authorization` was sent to it, and may be sent there again.
    """

    connection: Connection
    response: Response
    origin: Origin
    target: str
    addresses: Sequence[Any]
    authorization: Mapping[str, str]
    is_redirected: bool


def follow(
    url: str, *, rules: Rules, headers: Mapping[str, str], deadline: Deadline, stall_seconds: float
) -> FinalResponse:
    """Requests `url` and follows its redirects, each checked like the first.

    A key for `url` (`rules.keys`) is sent as long as no redirect leaves its host and port; after that never again.
    `deadline` bounds all of it but connecting, `stall_seconds` each wait. Raises SourceInvalidError for a URL that
    breaks the rules, and SourceError when there is no response or the redirects don't end.
    """
    authorization, trusted = rules.authorization(url), None
    for redirects in range(rules.max_redirects + 1):
        origin, target = check_url(url, rules.allowed_hosts)
        trusted = trusted or origin
        authorization = authorization if origin == trusted else {}
        addresses = resolve_checked(origin, rules.resolve, allow_loopback=rules.allow_loopback)
        with translated(origin.name):
            connection = connect(origin, addresses, deadline=Deadline(rules.connect_timeout), tls=rules.tls)
        connection.deadline, connection.stall_seconds = deadline, stall_seconds
        try:
            with translated(origin.name):
                response = connection.request("GET", target, headers={**headers, **authorization})
            if response.status not in REDIRECTS:
                is_redirected = redirects > 0
                return FinalResponse(connection, response, origin, target, addresses, authorization, is_redirected)
            url = redirect_target(url, response)
        except BaseException:
            connection.close()
            raise
        connection.close()
    raise SourceError(f"more than {rules.max_redirects} redirects")


def check_source(url: str, *, rules: Rules, seconds: float = CHECK_SECONDS) -> None:
    """Raises SourceGoneError when the file at `url` is no longer there, and what `follow` and `full_size` raise.

    It takes `seconds` at the most; nothing of the file is read.
    """
    headers = {"Accept-Encoding": "identity", "Connection": "close"}
    final = follow(url, rules=rules, headers=headers, deadline=Deadline(seconds), stall_seconds=seconds)
    try:
        full_size(final.response, rules.max_bytes)
    finally:
        final.connection.close()


@contextlib.contextmanager
def translated(place: object) -> Iterator[None]:
    """Turns what a connection raises into a SourceError that names `place`."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise SourceError(f"{place}: {type(error).__name__}: {error}") from error


def resolve_checked(origin: Origin, resolve: Resolve, *, allow_loopback: bool) -> Sequence[Any]:
    """Looks the name up once; raises SourceInvalidError unless every address may be connected to."""
    with translated(origin.name):
        addresses = resolve(origin.name, origin.port, type=socket.SOCK_STREAM)
    is_plain_https = origin.secure and origin.port == origin.standard_port
    for _, _, _, _, location in addresses:
        address = ipaddress.ip_address(location[0])
        if not (is_public(address) and is_plain_https) and not (address.is_loopback and allow_loopback):
            raise SourceInvalidError(f"{origin.name}:{origin.port} at {address} is not public HTTPS")
    return addresses


def is_gone(status: int) -> bool:
    """Whether only another address can help: gone, forbidden, or expired, which many servers call a bad request."""
    return 400 <= status <= 499 and status not in PASSING


def full_size(response: Response, max_bytes: int) -> int:
    """Returns the Content-Length, in bytes, of a response that is the file itself.

    Raises SourceGoneError where `is_gone`, SourceInvalidError for a size that isn't allowed, and SourceError for every
    other response.
    """
    if is_gone(response.status):
        raise SourceGoneError(f"status {response.status}")
    if response.status != 200:
        wait_seconds = retry_after(response.headers.get("Retry-After")) or 0.0
        raise SourceError(f"status {response.status}", wait_seconds=wait_seconds)
    check_encoding(response)
    with translated("the answer"):
        length = None if response.headers.is_chunked else response.headers.content_length
    if length is None:
        raise SourceError("no Content-Length: the source doesn't tell when the file ends too early")
    return check_size(length, max_bytes)


def check_encoding(response: Response) -> None:
    """Raises SourceError for a body that isn't the file's own bytes."""
    if REAL_CODINGS.intersection(response.headers.tokens("Content-Encoding")):
        raise SourceError(f"Content-Encoding {response.headers.get('Content-Encoding')} wasn't asked for")


def check_size(size: int, max_bytes: int) -> int:
    """Returns `size`; raises SourceInvalidError unless it is 1 to `max_bytes`."""
    if not 0 < size <= max_bytes:
        raise SourceInvalidError(f"a file of {size} bytes, where 1 to {max_bytes} are allowed")
    return size
