"""S3's multipart uploads: create, list parts, complete, abort, and list what was never completed.

Source: "Multipart upload" in the Amazon S3 API Reference. R2 wants equal parts but for the last, 5 MiB to 5 GiB.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from clipferry.errors import StorageError
from clipferry.s3.client import Bucket
from clipferry.s3.retry import BucketRefusedError, Retries
from clipferry.s3.xml import element_text, elements

MD5 = re.compile(r"[0-9a-f]{32}")
"""An ETag that may be one."""


class Progress(NamedTuple):
    """How far an upload has come: enough for another process to continue it. Sizes in bytes."""

    upload_id: str
    part_size: int
    size: int
    source_etag: str | None
    parts: Mapping[int, str] = MappingProxyType({})
    """ETags by part number."""

    @property
    def part_count(self) -> int:
        return -(-self.size // self.part_size)

    def length(self, number: int) -> int:
        return min(self.part_size, self.size - (number - 1) * self.part_size)

    @property
    def etag(self) -> str | None:
        """The complete object's ETag, the MD5 of the parts' MD5s; None until all are known."""
        etags = [self.parts.get(number, "") for number in range(1, self.part_count + 1)]
        if not all(MD5.fullmatch(etag) for etag in etags):
            return None
        joined = b"".join(bytes.fromhex(etag) for etag in etags)
        return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"


class Multipart:
    """The uploads to one key; every request is repeated as `retries` allows."""

    def __init__(self, bucket: Bucket, key: str, retries: Retries) -> None:
        self._bucket = bucket
        self._key = key
        self._retries = retries
        self._create_requests = 0

    @property
    def may_have_lost_uploads(self) -> bool:
        """Whether a response to `create` was lost, and with it the id of an upload that nobody knows of."""
        return self._create_requests > 1

    def create(self, headers: Mapping[str, str]) -> str:
        """Creates an upload; returns its id. The object gets these headers: later requests can't add any."""

        def attempt() -> str:
            self._create_requests += 1
            return self._call("POST", {"uploads": ""}, headers)

        response = self._retries.call_with_retry(attempt)
        upload_id = element_text(response, "UploadId")
        if not upload_id:
            raise StorageError(f"create upload {self._key}: no upload id in {response[:200]!r}")
        return upload_id

    def parts(self, progress: Progress) -> dict[int, str]:
        """Returns the ETags of the complete parts; raises BucketRefusedError (NoSuchUpload) when the upload is over."""
        etags: dict[int, str] = {}
        after = 0
        while True:
            query = {"uploadId": progress.upload_id, "part-number-marker": str(after)}
            page = self._retries.call_with_retry(lambda query=query: self._call("GET", query))
            before = after
            for part in elements(page, "Part"):
                number = _number(part, "PartNumber")
                after = max(after, number)
                if 1 <= number <= progress.part_count and _number(part, "Size") == progress.length(number):
                    etags[number] = element_text(part, "ETag").strip('"')
            if element_text(page, "IsTruncated") != "true":
                return etags
            if after == before:
                raise StorageError(f"list parts of {self._key}: the list doesn't move on")

    def complete(self, progress: Progress) -> str | None:
        """Completes the upload; returns the object's ETag, or None when it was over already.

        That may be our own doing: the response to an earlier try may have been lost.
        """
        listed = "".join(
            f'<Part><PartNumber>{number}</PartNumber><ETag>"{progress.parts[number]}"</ETag></Part>'
            for number in range(1, progress.part_count + 1)
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        query = {"uploadId": progress.upload_id}
        try:
            response = self._retries.call_with_retry(
                lambda: self._call("POST", query, {"Content-Type": "text/xml"}, body)
            )
        except BucketRefusedError as refusal:
            if refusal.reason == "NoSuchUpload":
                return None
            raise
        return element_text(response, "ETag").strip('"')

    def abort(self, upload_id: str) -> None:
        """Aborts an upload and deletes its parts; one that is over already is fine."""
        try:
            self._retries.call_with_retry(lambda: self._call("DELETE", {"uploadId": upload_id}))
        except BucketRefusedError as refusal:
            if refusal.reason != "NoSuchUpload":
                raise

    def abort_others(self, upload_id: str | None) -> None:
        """Aborts all uploads to this key but one. They may be another worker's: only the lease's holder may call it."""
        for upload in list(_listed(self._bucket, self._key, self._retries)):
            other = element_text(upload, "UploadId")
            if element_text(upload, "Key") == self._key and other not in ("", upload_id):
                with suppress(StorageError):
                    self.abort(other)

    def _call(
        self,
        method: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> str:
        deadline = self._retries.deadline
        return self._bucket.call(method, self._key, deadline=deadline, query=query, headers=headers, body=body).body


class UnfinishedUpload(NamedTuple):
    """An upload that was never completed: S3 stores its parts, and bills them, until somebody aborts it."""

    key: str
    upload_id: str
    begun: datetime
    """With its time zone."""


def list_unfinished(bucket: Bucket, prefix: str, retries: Retries) -> Iterator[UnfinishedUpload]:
    """Yields every unfinished upload to a key that begins with `prefix`, page by page."""
    return map(_unfinished, _listed(bucket, prefix, retries))


def _listed(bucket: Bucket, prefix: str, retries: Retries) -> Iterator[str]:
    """Yields the XML of each of them."""
    marker: dict[str, str] = {}
    while True:
        query = {"uploads": "", "prefix": prefix, **marker}
        page = retries.call_with_retry(
            lambda query=query: bucket.call("GET", "", deadline=retries.deadline, query=query)
        ).body
        yield from elements(page, "Upload")
        if element_text(page, "IsTruncated") != "true":
            return
        before = marker
        marker = {
            "key-marker": element_text(page, "NextKeyMarker"),
            "upload-id-marker": element_text(page, "NextUploadIdMarker"),
        }
        if marker == before:
            raise StorageError("the list of uploads doesn't move on")


def _number(xml: str, name: str) -> int:
    """Returns the number in that element, -1 for none."""
    text = element_text(xml, name)
    return int(text) if text.isdecimal() else -1


def _unfinished(upload: str) -> UnfinishedUpload:
    try:
        begun = datetime.fromisoformat(element_text(upload, "Initiated"))
    except ValueError:
        raise StorageError("an upload without the time when it was begun") from None
    return UnfinishedUpload(key=element_text(upload, "Key"), upload_id=element_text(upload, "UploadId"), begun=begun)
