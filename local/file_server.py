"""Files over HTTP the way a CDN serves them: ranges, ETags and the conditions that resuming needs."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from email.message import Message
from email.utils import formatdate

from local.http.messages import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedFile:
    content: bytes
    content_type: str
    etag: str
    last_modified: str

    @classmethod
    def of(cls, content: bytes, *, content_type: str) -> ServedFile:
        etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        return cls(content=content, content_type=content_type, etag=etag, last_modified=formatdate(usegmt=True))


def serve(file: ServedFile, *, method: str, headers: Message) -> Response:
    """200, or 206, 412 and 416 as RFC 9110 has them (§13.1, §14); several ranges at once are ignored."""
    described = {"etag": file.etag, "last-modified": file.last_modified, "accept-ranges": "bytes"}
    if not _matches(file, headers):
        return Response(status=412, headers=described)
    described["content-type"] = file.content_type
    size = len(file.content)
    is_asked = method == "GET" and _range_holds(file, headers)
    asked = asked_range(headers.get("Range", ""), size) if is_asked else None
    if asked is None:
        return Response(status=200, body=file.content, headers=described)
    start, end = asked
    if start >= size:
        return Response(status=416, headers=described | {"content-range": f"bytes */{size}"})
    described["content-range"] = f"bytes {start}-{end - 1}/{size}"
    return Response(status=206, body=file.content[start:end], headers=described)


def _matches(file: ServedFile, headers: Message) -> bool:
    """If-Match: any of the listed ETags, or `*`."""
    wanted = headers.get("If-Match")
    return wanted is None or wanted.strip() == "*" or file.etag in [tag.strip() for tag in wanted.split(",")]


def _range_holds(file: ServedFile, headers: Message) -> bool:
    """If-Range: part of another version of the file must not be added to the part that is there already."""
    return headers.get("If-Range", file.etag).strip() in (file.etag, file.last_modified)


def asked_range(header: str, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of the range asked for; None when there is none, or none that can be read."""
    asked = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", header.strip())
    if asked is None or asked[0] == "bytes=-":
        return None
    if not asked[1]:
        return size - min(int(asked[2]), size), size
    start, last = int(asked[1]), int(asked[2] or size)
    return (start, min(last + 1, size)) if start <= last else None
