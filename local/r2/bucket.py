"""A bucket of R2: its objects, its unfinished uploads, and the writes that it refuses.

Sources: Cloudflare's R2 documentation, "S3 API compatibility", "Limits", "Upload objects" and "Error codes".
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import RLock
from types import MappingProxyType
from typing import Final
from uuid import uuid4

from local.r2.folder import KeptObjects, Object
from local.r2.signatures import RefusedError

MIN_PART = 5 * 1024 * 1024
MAX_PART = 5 * 1024**3
MAX_PARTS = 10_000
SECONDS_BETWEEN_WRITES = 1.0
_NO_CONDITIONS: Final = MappingProxyType[str, str]({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes that came in; `content` is None when the bucket throws bodies away and keeps their hashes."""

    size: int
    md5: str
    sha256: str
    content: bytes | None


@dataclass(slots=True, kw_only=True)
class Upload:
    key: str
    headers: Mapping[str, str]
    begun: datetime
    parts: dict[int, Blob] = field(default_factory=dict)


class R2Bucket:
    """Thread-safe. `min_part` is 5 MiB as R2 has it, or less for a test that wants to be quick.

    With a `folder` its objects are there again the next time; unfinished uploads aren't.
    """

    def __init__(
        self, *, min_part: int = MIN_PART, one_write_a_second: bool = False, folder: KeptObjects | None = None
    ) -> None:
        self._folder = folder
        self.objects: dict[str, Object] = folder.load() if folder else {}
        self.uploads: dict[str, Upload] = {}
        self.aborted: list[str] = []
        self.completed: list[str] = []
        self._min_part = min_part
        self._one_write_a_second = one_write_a_second
        self._written_at: dict[str, float] = {}
        self._lock = RLock()

    def put(
        self, key: str, blob: Blob, *, headers: Mapping[str, str], conditions: Mapping[str, str] = _NO_CONDITIONS
    ) -> Object:
        """`headers` are what the object is served with, `conditions` the request's If-Match and If-None-Match."""
        stored = Object(size=blob.size, etag=blob.md5, kept=blob.content, headers=headers, sha256=blob.sha256)
        with self._lock:
            self._store(key, stored, conditions)
        return stored

    def create(self, key: str, *, headers: Mapping[str, str], now: datetime) -> str:
        with self._lock:
            upload_id = f"{uuid4().hex}/+="  # R2's ids are long and must be encoded in a query
            self.uploads[upload_id] = Upload(key=key, headers=headers, begun=now)
        return upload_id

    def upload(self, key: str, upload_id: str) -> Upload:
        found = self.uploads.get(upload_id)
        if found is None or found.key != key:
            raise RefusedError(404, "NoSuchUpload", "The specified multipart upload does not exist. (10024)")
        return found

    def put_part(self, key: str, upload_id: str, number: int, blob: Blob) -> str:
        if not 1 <= number <= MAX_PARTS:
            raise RefusedError(400, "InvalidArgument", "Part number must be 1 to 10000. (10022)")
        if blob.size > MAX_PART:
            raise RefusedError(400, "EntityTooLarge", "(10001)")
        with self._lock:
            self.upload(key, upload_id).parts[number] = blob
        return blob.md5

    def complete(
        self,
        key: str,
        upload_id: str,
        listed: list[tuple[int, str]],
        *,
        conditions: Mapping[str, str] = _NO_CONDITIONS,
    ) -> Object:
        with self._lock:
            upload = self.upload(key, upload_id)
            numbers = [number for number, _ in listed]
            if not listed or numbers != sorted(set(numbers)):
                raise RefusedError(400, "InvalidPartOrder", "(10049)")
            parts = [self._part(upload, number, etag) for number, etag in listed]
            self._check_sizes([part.size for part in parts])
            stored = _joined(parts, upload.headers)
            self._store(key, stored, conditions)
            del self.uploads[upload_id]
            self.completed.append(upload_id)
        return stored

    def abort(self, key: str, upload_id: str) -> None:
        with self._lock:
            self.upload(key, upload_id)
            del self.uploads[upload_id]
            self.aborted.append(upload_id)

    def object(self, key: str) -> Object:
        found = self.objects.get(key)
        if found is None:
            raise RefusedError(404, "NoSuchKey", "The specified key does not exist. (10007)")
        return found

    def delete(self, key: str) -> None:
        with self._lock:
            self.objects.pop(key, None)
            if self._folder:
                self._folder.delete(key)

    def _part(self, upload: Upload, number: int, etag: str) -> Blob:
        found = upload.parts.get(number)
        if found is None or found.md5 != etag:
            raise RefusedError(400, "InvalidPart", f"part {number} is not there, or another. (10025)")
        return found

    def _check_sizes(self, sizes: list[int]) -> None:
        first, last = sizes[0], sizes[-1]
        if len(sizes) > 1 and first < self._min_part:
            raise RefusedError(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum. (10011)")
        if last > first or any(size != first for size in sizes[:-1]):
            raise RefusedError(400, "InvalidPart", "All non-trailing parts must have the same length. (10048)")

    def _store(self, key: str, stored: Object, conditions: Mapping[str, str]) -> None:
        there = self.objects.get(key)
        if_match, if_none_match = conditions.get("if-match"), conditions.get("if-none-match")
        if if_none_match is not None and there is not None and if_none_match.strip('"') in ("*", there.etag):
            raise RefusedError(412, "PreconditionFailed", "(10031)")
        if if_match is not None and (there is None or if_match.strip('"') not in ("*", there.etag)):
            raise RefusedError(412, "PreconditionFailed", "(10031)")
        now = time.monotonic()
        since = now - self._written_at.get(key, -SECONDS_BETWEEN_WRITES)
        if self._one_write_a_second and since < SECONDS_BETWEEN_WRITES:
            raise RefusedError(429, "TooManyRequests", "Reduce your concurrent request rate for this object. (10058)")
        self._written_at[key] = now
        self.objects[key] = self._folder.save(key, stored) if self._folder else stored


def _joined(parts: list[Blob], headers: Mapping[str, str]) -> Object:
    digest = hashlib.md5(b"".join(bytes.fromhex(part.md5) for part in parts), usedforsecurity=False).hexdigest()
    contents = [part.content for part in parts if part.content is not None]
    kept = b"".join(contents) if len(contents) == len(parts) else None
    return Object(
        size=sum(part.size for part in parts),
        etag=f"{digest}-{len(parts)}",
        kept=kept,
        headers=headers,
        sha256=hashlib.sha256(kept).hexdigest() if kept is not None else None,
    )
