"""An upload in parts, as S3 has it: begun, asked about, completed, taken back.

Source: "Multipart upload" in the Amazon S3 API Reference. R2 wants equal parts but for the last, 5 MiB to 5 GiB.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from clipferry.errors import StorageError
from clipferry.s3 import client as buckets
from clipferry.s3.client import Bucket
from clipferry.s3.retry import BucketRefusedError, Retries

_PART = re.compile(r"<Part>(.*?)</Part>", re.DOTALL)
_UPLOAD = re.compile(r"<Upload>(.*?)</Upload>", re.DOTALL)
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an upload has come: enough for another process to go on. Sizes in bytes."""

    upload_id: str
    part_size: int
    size: int
    source_etag: str | None
    parts: Mapping[int, str] = field(default_factory=dict)
    """ETags by part number."""

    @property
    def part_count(self) -> int:
        return -(-self.size // self.part_size)

    def length(self, number: int) -> int:
        return min(self.part_size, self.size - (number - 1) * self.part_size)

    @property
    def etag(self) -> str | None:
        """What the object's ETag will be: the MD5 of the parts' MD5s; None until all are known."""
        etags = [self.parts.get(number, "") for number in range(1, self.part_count + 1)]
        if not all(_MD5.fullmatch(etag) for etag in etags):
            return None
        joined = b"".join(bytes.fromhex(etag) for etag in etags)
        return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"


class Multipart:
    """The uploads to one key; every request is repeated as `retries` allows."""

    def __init__(self, bucket: Bucket, key: str, retries: Retries) -> None:
        self._bucket = bucket
        self._key = key
        self._retries = retries
        self._begun = 0

    @property
    def may_have_strays(self) -> bool:
        """Whether an answer to `begin` was lost, and with it the id of an upload that nobody knows of."""
        return self._begun > 1

    def begin(self, content_type: str) -> str:
        """A new upload's id."""

        def attempt() -> str:
            self._begun += 1
            return self._call("POST", {"uploads": ""}, {"Content-Type": content_type})

        answer = self._retries.call_with_retry(attempt)
        upload_id = buckets.field(answer, "UploadId")
        if not upload_id:
            raise StorageError(f"begin {self._key}: no upload id in {answer[:200]!r}")
        return upload_id

    def parts(self, progress: Progress) -> dict[int, str]:
        """The ETags of the whole parts that are there; raises BucketRefusedError (NoSuchUpload) when it is over."""
        found: dict[int, str] = {}
        after = 0
        while True:
            query = {"uploadId": progress.upload_id, "part-number-marker": str(after)}
            page = self._retries.call_with_retry(lambda query=query: self._call("GET", query))
            for part in _PART.findall(page):
                after = int(buckets.field(part, "PartNumber"))
                if 1 <= after <= progress.part_count and int(buckets.field(part, "Size")) == progress.length(after):
                    found[after] = buckets.field(part, "ETag").strip('"')
            if buckets.field(page, "IsTruncated") != "true":
                return found

    def complete(self, progress: Progress) -> str | None:
        """The object's ETag; None when the upload is over already, be it by our own lost request."""
        listed = "".join(
            f'<Part><PartNumber>{number}</PartNumber><ETag>"{progress.parts[number]}"</ETag></Part>'
            for number in range(1, progress.part_count + 1)
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        query = {"uploadId": progress.upload_id}
        try:
            answer = self._retries.call_with_retry(
                lambda: self._call("POST", query, {"Content-Type": "text/xml"}, body)
            )
        except BucketRefusedError as refusal:
            if refusal.reason == "NoSuchUpload":
                return None
            raise
        return buckets.field(answer, "ETag").strip('"')

    def abort(self, upload_id: str) -> None:
        """Takes an upload back, with all its parts; one that is over already is fine."""
        try:
            self._retries.call_with_retry(lambda: self._call("DELETE", {"uploadId": upload_id}))
        except BucketRefusedError as refusal:
            if refusal.reason != "NoSuchUpload":
                raise

    def abort_others(self, upload_id: str | None) -> None:
        """Takes back all uploads to this key but one. They may be somebody else's: only for who holds the file."""
        page = self._retries.call_with_retry(
            lambda: self._call("GET", {"uploads": "", "prefix": self._key}, at_key=False)
        )
        for upload in _UPLOAD.findall(page):
            found = buckets.field(upload, "UploadId")
            if buckets.field(upload, "Key") == self._key and found not in ("", upload_id):
                with suppress(StorageError):
                    self.abort(found)

    def _call(
        self,
        method: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        at_key: bool = True,
    ) -> str:
        key = self._key if at_key else ""
        deadline = self._retries.deadline
        return self._bucket.call(method, key, deadline=deadline, query=query, headers=headers, body=body).body


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedUpload:
    """An upload that was begun and never ended: S3 keeps it, and what it costs, until somebody aborts it."""

    key: str
    upload_id: str
    begun: datetime
    """Aware."""


def list_unfinished(bucket: Bucket, prefix: str, retries: Retries) -> Iterator[UnfinishedUpload]:
    """Every open upload to a key that begins with `prefix`, page by page."""
    place: dict[str, str] = {}
    while True:
        query = {"uploads": "", "prefix": prefix, **place}
        page = retries.call_with_retry(
            lambda query=query: bucket.call("GET", "", deadline=retries.deadline, query=query)
        ).body
        for found in _UPLOAD.findall(page):
            yield _unfinished(found)
        if buckets.field(page, "IsTruncated") != "true":
            return
        before = place
        place = {
            "key-marker": buckets.field(page, "NextKeyMarker"),
            "upload-id-marker": buckets.field(page, "NextUploadIdMarker"),
        }
        if place == before:
            raise StorageError("the list of uploads doesn't move on")


def _unfinished(found: str) -> UnfinishedUpload:
    try:
        begun = datetime.fromisoformat(buckets.field(found, "Initiated"))
    except ValueError:
        raise StorageError("an upload without the time of its beginning") from None
    return UnfinishedUpload(key=buckets.field(found, "Key"), upload_id=buckets.field(found, "UploadId"), begun=begun)
