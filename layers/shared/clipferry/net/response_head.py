"""The head of an HTTP/1.1 response, read as servers send it: what is wrong in one line costs that line only.

`http.client` would cost a third of a cold process's imports (it needs `email`), ends the headers at the first line that
it can't read, and takes `Content-Length: 5, 5` for none. Sources: RFC 9112 §2.2, §4, §5 and §6, RFC 9110 §5.5.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_LINES: Final = 100
_STATUS_LINE: Final = re.compile(r"HTTP/1\.([0-9])[ \t]+([1-9][0-9]{2})(?:[ \t].*)?", re.DOTALL)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_END: Final = re.compile(rb"\r?\n\r?\n")
_BLANKS: Final = " \t\r"
"""What is stripped. Python's own `strip` would take bytes of UTF-8 letters (0x85, 0xA0) with it."""


class BadResponseError(ConnectionError):
    """What came is no HTTP/1.1 response, or not a complete one."""


class Headers:
    """A response's headers, in their order. Names in any letter case; values are stripped, each byte a character."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        """`pairs` have lower-case names."""
        self._pairs = pairs

    def get(self, name: str, default: str = "") -> str:
        """Returns the first value of that name."""
        return next(iter(self.get_all(name)), default)

    def get_all(self, name: str) -> list[str]:
        return [value for known, value in self._pairs if known == name.lower()]

    def tokens(self, name: str) -> list[str]:
        """Returns the elements of a header that is a list, in lower case, without empty ones."""
        parts = ",".join(self.get_all(name)).lower().split(",")
        return [token for part in parts if (token := part.strip(_BLANKS))]

    def joined(self) -> dict[str, str]:
        """Returns the values by lower-case name; a repeated header's are joined by commas."""
        found: dict[str, str] = {}
        for name, value in self._pairs:
            found[name] = f"{found[name]}, {value}" if name in found else value
        return found

    @property
    def content_length(self) -> int | None:
        """The announced length in bytes, None without one; raises BadResponseError unless it is one number."""
        lengths = set(self.tokens("Content-Length"))
        if not lengths:
            return None
        length = lengths.pop()
        if lengths or not _LENGTH.fullmatch(length):
            raise BadResponseError(f"Content-Length {self.get('Content-Length')[:20]!r} is no single number")
        return int(length)

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks; raises BadResponseError for any other transfer coding."""
        codings = set(self.tokens("Transfer-Encoding")) - {"identity"}
        if codings - {"chunked"}:
            raise BadResponseError(f"Transfer-Encoding {self.get('Transfer-Encoding')[:40]!r} can't be decoded")
        return bool(codings)


class Head(NamedTuple):
    """A status line and the headers. `minor` is the version's: 1 in HTTP/1.1."""

    status: int
    minor: int
    headers: Headers

    @property
    def keeps_alive(self) -> bool:
        """Whether the server means to take another request on this connection."""
        tokens = self.headers.tokens("Connection")
        return "close" not in tokens and (self.minor > 0 or "keep-alive" in tokens)


def find_end(received: bytes | bytearray, searched: int) -> int | None:
    """Returns where the head ends, None while it hasn't come; the first `searched` bytes were looked at before.

    Raises BadResponseError as soon as it can't be a head any more.
    """
    start = bytes(received[:5])
    if start != b"HTTP/"[: len(start)]:
        raise BadResponseError(f"no HTTP: it begins with {bytes(received[:16])!r}")
    found = _END.search(received, max(searched - 3, 0))
    if (found.end() if found else len(received)) > MAX_HEAD_BYTES:
        raise BadResponseError(f"a head of more than {MAX_HEAD_BYTES} bytes")
    return found.end() if found else None


def parse_head(raw: bytes) -> Head:
    """Reads a complete head; raises BadResponseError for a status line that can't be read, and for too many lines."""
    first, *lines = (line.rstrip("\r") for line in raw.decode("latin-1").rstrip("\r\n").split("\n"))
    status_line = _STATUS_LINE.fullmatch(first)
    if status_line is None:
        raise BadResponseError(f"no status line: {first[:40]!r}")
    if len(lines) > MAX_LINES:
        raise BadResponseError(f"more than {MAX_LINES} header lines")
    return Head(int(status_line[2]), int(status_line[1]), Headers(_fields(lines)))


def _fields(lines: list[str]) -> list[tuple[str, str]]:
    """A line that begins with a blank continues the one before. One without a name, or with a wrong one, is skipped."""
    pairs: list[tuple[str, str]] = []
    is_kept = False
    for line in lines:
        if line[:1] in (" ", "\t"):
            if is_kept:
                name, value = pairs[-1]
                pairs[-1] = (name, f"{value} {line.strip(_BLANKS)}".strip(_BLANKS))
            continue
        name, colon, value = line.partition(":")
        is_kept = bool(colon) and _TOKEN.fullmatch(name.rstrip(_BLANKS)) is not None
        if is_kept:
            pairs.append((name.rstrip(_BLANKS).lower(), value.strip(_BLANKS)))
    return pairs
