"""An HTTP request as the local servers hand it on, and the response that they send."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from enum import Enum


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`path` and `query` are percent-encoded. `body` is None when it is larger than the server's limit."""

    method: str
    path: str
    query: str = ""
    headers: Message = field(default_factory=Message)
    body: bytes | None = b""
    source_ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """When a Content-Length promises more bytes than there are, the connection closes after them."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    """The values of the Set-Cookie headers."""
    body: bytes = b""
    stream: Iterable[bytes] | None = None
    """The body in pieces, instead of `body`; `headers` say its length."""


class NoResponse(Enum):
    """A server's choice not to respond."""

    HOLD = "keep the connection open until the client gives up"
    HANG_UP = "close the connection"


Responder = Callable[[Request], Response | NoResponse]
"""Answers whole requests."""
