"""What is stored at a key, and its bytes: from buckets, too, that ignore ranges or leave out what HEAD should tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from clipferry.errors import StorageError
from clipferry.net.deadline import Deadline
from clipferry.net.response import Response
from clipferry.net.response_head import BadResponseError, Headers
from clipferry.s3.client import MAX_RESPONSE_BYTES, Bucket, etag_of, refuse
from clipferry.s3.retry import BucketRefusedError

_CONTENT_RANGE = r"bytes (?:([0-9]{1,18})-[0-9]{1,18}|\*)/([0-9]{1,18})"
_SKIP_STEP = 256 * 1024


class StoredObject(NamedTuple):
    """An object in the bucket: its size in bytes, and its ETag without the quotes."""

    size: int
    etag: str


def find_object(bucket: Bucket, key: str, *, deadline: Deadline) -> StoredObject | None:
    """Returns what is stored at `key`, None when nothing is."""
    try:
        headers = bucket.call("HEAD", key, deadline=deadline).headers
    except BucketRefusedError as refusal:
        if refusal.http_status == 404:
            return None
        raise
    size = _told_length(headers)
    if size is None:
        size = _size_by_range(bucket, key, deadline)
    return StoredObject(size=size, etag=etag_of(headers))


@contextmanager
def open_object(bucket: Bucket, key: str, *, start: int, etag: str, deadline: Deadline) -> Iterator[Response]:
    """Requests a known version's bytes from `start` on; read them from the response that is given.

    Of a bucket that sends the whole object instead, what comes before is thrown away.
    """
    asked = {"Range": f"bytes={start}-", "If-Match": f'"{etag}"'}
    with bucket.get(key, asked, deadline=deadline) as response:
        if response.status not in (200, 206):
            refuse(f"GET {key}", response, response.read(MAX_RESPONSE_BYTES).decode(errors="replace"))
        if etag_of(response.headers) not in ("", etag):
            raise StorageError(f"GET {key}: another version than {etag}")
        given = re.fullmatch(_CONTENT_RANGE, response.headers.get("Content-Range", ""))
        if response.status == 200:
            _skip(response, start)
        elif given is None or given[1] != str(start):
            raise StorageError(f"GET {key}: not the bytes from {start} on")
        yield response


def _size_by_range(bucket: Bucket, key: str, deadline: Deadline) -> int:
    """Returns the size that is told with the first byte, where HEAD doesn't tell it: a proxy may leave it out."""
    with bucket.get(key, {"Range": "bytes=0-0"}, deadline=deadline) as response:
        given = re.fullmatch(_CONTENT_RANGE, response.headers.get("Content-Range", ""))
        whole = _told_length(response.headers) if response.status == 200 else None
        size = int(given[2]) if given and response.status in (206, 416) else whole
        if size is None:
            raise StorageError(f"GET {key}: its size isn't told, and the status is {response.status}")
        return size


def _told_length(headers: Headers) -> int | None:
    try:
        return headers.content_length
    except BadResponseError:
        return None


def _skip(response: Response, count: int) -> None:
    memory = memoryview(bytearray(min(count, _SKIP_STEP)))
    while count:
        received = response.read_into(memory[: min(count, len(memory))])
        if not received:
            raise StorageError("the response was cut short")
        count -= received
