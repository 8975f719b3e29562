"""Lists a bucket's objects by prefix, and deletes many of them with one request.

Sources: ListObjectsV2 and DeleteObjects in the Amazon S3 API Reference; R2 has both ("S3 API compatibility").
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clipferry.errors import StorageError
from clipferry.s3.client import Bucket
from clipferry.s3.retry import Retries
from clipferry.s3.xml import element_text, elements, escaped

MOST_DELETED: Final = 1000
"""The most keys that one request may delete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedObject:
    """An object as a list shows it: its size in bytes, and the time of its writing, with its time zone."""

    key: str
    size: int
    modified: datetime


def list_objects(
    bucket: Bucket, prefix: str, new_retries: Callable[[], Retries], *, after: str = ""
) -> Iterator[list[ListedObject]]:
    """Yields pages of at most 1,000 objects whose keys begin with `prefix`, in the order of the keys, behind `after`.

    A page is requested when it is wanted, and `new_retries` is called for each. Raises StorageError.
    """
    while True:
        query = {"list-type": "2", "prefix": prefix} | ({"start-after": after} if after else {})
        retries = new_retries()
        page = retries.call_with_retry(
            lambda query=query, retries=retries: bucket.call("GET", "", deadline=retries.deadline, query=query)
        ).body
        found = [_listed(contents) for contents in elements(page, "Contents")]
        yield found
        if element_text(page, "IsTruncated") != "true":
            return
        if not found or found[-1].key <= after:
            raise StorageError("the list of objects doesn't move on")
        after = found[-1].key


def delete_objects(bucket: Bucket, keys: Sequence[str], retries: Retries) -> None:
    """Deletes at most MOST_DELETED objects; nothing being there is fine.

    Raises StorageError when one of them couldn't be deleted: others are, and the call may be repeated.
    """
    listed = "".join(f"<Object><Key>{escaped(key)}</Key></Object>" for key in keys)
    body = f"<Delete><Quiet>true</Quiet>{listed}</Delete>".encode()
    md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    headers = {"Content-Type": "text/xml", "Content-MD5": md5}
    retries.call_with_retry(
        lambda: bucket.call("POST", "", deadline=retries.deadline, query={"delete": ""}, headers=headers, body=body)
    )


def _listed(contents: str) -> ListedObject:
    size, modified = element_text(contents, "Size"), element_text(contents, "LastModified")
    try:
        return ListedObject(
            key=element_text(contents, "Key"), size=int(size), modified=datetime.fromisoformat(modified)
        )
    except ValueError:
        raise StorageError("an object without its size or the time of its writing") from None
