"""Reads and sends one part; holds what all workers of a transfer share."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import NamedTuple

from clipferry.s3.client import Bucket, PutRequest
from clipferry.s3.retry import Retries
from clipferry.transfer.interface import TransferConfig
from clipferry.transfer.ordered_hash import OrderedDigest, Part
from clipferry.transfer.range_reader import RangeReader
from clipferry.transfer.ranged_source import RangedSource

STEP = 256 * 1024
"""Bytes at a time: few enough to stay in the processor's cache while they are hashed and sent."""
FIRST_STEP = 16 * 1024
"""Bytes of the very first step: so the bucket gets its first byte sooner."""

Fill = Callable[[], memoryview]
"""Reads the next step of a part, hashes it and returns it."""


class TransferContext(NamedTuple):
    """What all workers of a transfer share."""

    source: RangedSource
    bucket: Bucket
    key: str
    retries: Retries
    config: TransferConfig


def read_step(part: Part, reader: RangeReader, size: int, digest: OrderedDigest | None) -> memoryview:
    """Reads the next bytes of a part, hashes them if it has the turn, and returns them."""
    view = part.step(size)
    reader.read_into(view)
    part.filled += len(view)
    if digest is not None:
        digest.advance(part, len(view))
    return view


def send_part(part: Part, put_request: PutRequest, fill: Fill) -> None:
    """Sends what was read of a part already, then the rest as it is read."""
    ready = part.memory[: part.filled]
    for start in range(0, len(ready), STEP):
        put_request.send(ready[start : start + STEP])
    while part.filled < part.length:
        put_request.send(fill())


def content_md5(part: Part, fill: Fill) -> dict[str, str]:
    """Returns the header by which the bucket refuses a body that was damaged in transit (`BadDigest`).

    The part must be kept; the rest of it is read first.
    """
    while part.filled < part.length:
        fill()
    md5 = hashlib.md5(part.memory[: part.length], usedforsecurity=False).digest()
    return {"Content-MD5": base64.b64encode(md5).decode()}
