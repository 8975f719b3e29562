"""Uploads in parts that were begun and never ended: S3 keeps them, and what they cost, until somebody takes them back.

Source: "ListMultipartUploads" in the Amazon S3 API Reference. R2 takes them back by itself, after seven days.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clipferry import bucket as buckets
from clipferry.bucket import Bucket
from clipferry.errors import StorageError
from clipferry.retries import Retries

_UPLOAD: Final = re.compile(r"<Upload>(.*?)</Upload>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUpload:
    key: str
    upload_id: str
    begun: datetime
    """Aware."""


def listed(bucket: Bucket, prefix: str, retries: Retries) -> Iterator[OpenUpload]:
    """Every open upload to a key that begins with `prefix`, page by page."""
    place: dict[str, str] = {}
    while True:
        query = {"uploads": "", "prefix": prefix, **place}
        page = retries.persist(lambda query=query: bucket.call("GET", "", deadline=retries.deadline, query=query)).body
        for found in _UPLOAD.findall(page):
            yield _read(found)
        if buckets.field(page, "IsTruncated") != "true":
            return
        before = place
        place = {
            "key-marker": buckets.field(page, "NextKeyMarker"),
            "upload-id-marker": buckets.field(page, "NextUploadIdMarker"),
        }
        if place == before:
            raise StorageError("the list of uploads doesn't move on")


def _read(found: str) -> OpenUpload:
    try:
        begun = datetime.fromisoformat(buckets.field(found, "Initiated"))
    except ValueError:
        raise StorageError("an upload without the time of its beginning") from None
    return OpenUpload(key=buckets.field(found, "Key"), upload_id=buckets.field(found, "UploadId"), begun=begun)
