"""What all workers of a transfer share, and how one part goes out."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass

from clipferry.s3.client import Bucket, PutRequest
from clipferry.s3.retry import Retries
from clipferry.transfer.ordered_hash import OrderedDigest, Part
from clipferry.transfer.ranged_source import RangedSource, RangeReader

STEP = 256 * 1024
"""Bytes at a time: few enough to stay in the processor's cache while they are hashed and sent."""
FIRST_STEP = 16 * 1024
"""So that the bucket's first byte doesn't wait for a whole step."""

Fill = Callable[[], memoryview]
"""Reads the next step of a part, hashes it and gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferContext:
    """Where from, where to, how patiently; whether the bucket is to check each part by its MD5."""

    file: RangedSource
    bucket: Bucket
    key: str
    retries: Retries
    stop: threading.Event
    content_md5: bool


def read_step(part: Part, reader: RangeReader, size: int, digest: OrderedDigest | None) -> memoryview:
    """Reads the next bytes of a part, hashes them if it is its turn, and gives them."""
    view = part.step(size)
    reader.read_into(view)
    part.filled += len(view)
    if digest is not None:
        digest.advance(part, len(view))
    return view


def send_part(part: Part, put_request: PutRequest, fill: Fill) -> None:
    """What is there of a part already, then the rest as it is read."""
    ready = part.filled_so_far()
    for start in range(0, len(ready), STEP):
        put_request.send(ready[start : start + STEP])
    while part.filled < part.length:
        put_request.send(fill())


def whole_md5(part: Part, fill: Fill) -> bytes:
    """Of a part that is kept; the rest of it is read first."""
    while part.filled < part.length:
        fill()
    return hashlib.md5(part.memory[: part.length], usedforsecurity=False).digest()


def content_md5(part: Part, fill: Fill) -> dict[str, str]:
    """The header by which the bucket refuses a body that was damaged on its way: `BadDigest`."""
    return {"Content-MD5": base64.b64encode(whole_md5(part, fill)).decode()}
