"""The head of an HTTP/1.1 request, refused where a value would change what the request says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

USER_AGENT: Final = "clipferry"
"""Cloudflare's Browser Integrity Check, which is on by default, refuses requests without a User-Agent."""
_TARGET: Final = re.compile(r"[!-~]+")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class Origin(NamedTuple):
    """Scheme, host and port. `name` is what TLS checks and what the Host header says, whatever the address is."""

    secure: bool
    name: str
    port: int

    @property
    def standard_port(self) -> int:
        return 443 if self.secure else 80

    @property
    def host(self) -> str:
        """What the Host header says."""
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port == self.standard_port else f"{name}:{self.port}"


def request_head(origin: Origin, method: str, target: str, headers: Mapping[str, str], body_bytes: int | None) -> bytes:
    """Returns the head's bytes. `body_bytes` is the length of a body that follows at once, None without one.

    `headers` go before what is said otherwise: Accept-Encoding, Content-Length, User-Agent. Raises ValueError for what
    a head can't carry; the words name the header and never show its value, which may be a secret.
    """
    if not _TARGET.fullmatch(target):
        raise ValueError(f"not a request target: {target[:100]!r}")
    said = {"Host": origin.host, "Accept-Encoding": "identity"}
    if body_bytes is not None or method in _WITH_BODY:
        said["Content-Length"] = str(body_bytes or 0)
    said["User-Agent"] = USER_AGENT
    given = {name.lower() for name in headers}
    complete = {name: value for name, value in said.items() if name.lower() not in given} | dict(headers)
    lines = [f"{method} {target} HTTP/1.1", *(_line(name, value) for name, value in complete.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _line(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"Invalid header name {name!r}")
    if _CONTROL.search(value) or not value.isascii():
        raise ValueError(f"Invalid header value of {name}")
    return f"{name}: {value}"
