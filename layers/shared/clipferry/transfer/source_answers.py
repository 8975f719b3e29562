"""What a source's answer to a ranged request says: which bytes these are, of how many, and of which version.

Sources: RFC 9110 §14.4 (Content-Range), §15.3.7 (206 may be shorter than asked), §8.8.3 (an ETag that begins with W/
doesn't name bytes).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from clipferry.errors import SourceError
from clipferry.net.response import Response
from clipferry.net.safe_get import check_encoding, full_size, translated

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_UNSATISFIED = re.compile(r"bytes \*/([0-9]{1,18})")
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]+"')


class SourceChangedError(SourceError):
    """The file was replaced during the transfer, or its server's ranges don't fit together."""


class GivenRange(NamedTuple):
    """The bytes `start` to `end` (exclusive) of a file of `size`."""

    start: int
    end: int
    size: int

    @property
    def is_whole(self) -> bool:
        return self.start == 0 and self.end == self.size


def given_range(response: Response) -> GivenRange | None:
    """Returns which bytes a 206 has; None where it doesn't tell, or says two things that differ.

    A body in chunks, or one that ends with the connection, has the length that Content-Range says.
    """
    check_encoding(response)
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range"))
    if found is None:
        return None
    first, last, size = (int(number) for number in found.groups())
    with translated("the answer"):
        length = None if response.headers.is_chunked else response.headers.content_length
    if not first <= last < size or length not in (None, last - first + 1):
        return None
    return GivenRange(first, last + 1, size)


def told_size(response: Response) -> int | None:
    """Returns the file's size that a 416 tells, None where it doesn't."""
    found = _UNSATISFIED.fullmatch(response.headers.get("Content-Range"))
    return int(found[1]) if found and response.status == 416 else None


def strong_etag(response: Response) -> str | None:
    """Returns the ETag if it names these very bytes."""
    etag = response.headers.get("ETag")
    return etag if _STRONG_ETAG.fullmatch(etag) else None


def continued_range(response: Response, *, start: int, size: int, etag: str, max_bytes: int) -> GivenRange:
    """Returns which bytes these are of a file that is known: they begin at `start`, and may be fewer than asked for.

    Raises SourceChangedError for another version or other bytes, and what `full_size` raises for no answer.
    """
    if response.status in (200, 412, 416):
        raise SourceChangedError(f"status {response.status} for a range of {etag}")
    if response.status != 206:
        full_size(response, max_bytes)  # which raises
    given, version = given_range(response), response.headers.get("ETag") or etag
    if given is None or (given.start, given.size, version) != (start, size, etag):
        raise SourceChangedError(f"from {start} of {size} bytes, {etag}: got {given}, {version}")
    return given
