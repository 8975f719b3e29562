"""Uploads a file of one part in a single PUT."""

from __future__ import annotations

from collections.abc import Mapping

from clipferry.errors import StorageError
from clipferry.transfer.ordered_hash import OrderedDigest, Part
from clipferry.transfer.part_io import STEP, TransferContext, content_md5, full_md5, read_step, send_part
from clipferry.transfer.range_reader import RangeReader


class SinglePut:
    """`part` is the whole file; what was read of it stays in memory for another try."""

    def __init__(self, context: TransferContext, part: Part, reader: RangeReader, digest: OrderedDigest) -> None:
        self._context = context
        self._reader = reader
        self._digest = digest
        self.part = part

    def fill(self, size: int = STEP) -> memoryview:
        """Reads and hashes the next bytes, at most `size` of them, and returns them."""
        return read_step(self.part, self._reader, size, self._digest)

    def send(self, headers: Mapping[str, str]) -> str:
        """Returns the ETag; raises BucketRefusedError (412) when a condition among `headers` doesn't hold."""
        return self._context.retries.call_with_retry(lambda: self._attempt(headers), (StorageError,))

    def md5(self) -> bytes:
        return full_md5(self.part, self.fill)

    def _attempt(self, headers: Mapping[str, str]) -> str:
        context, part = self._context, self.part
        checked = content_md5(part, self.fill) if context.content_md5 else {}
        deadline = context.retries.deadline
        with context.bucket.put(
            context.key, part.length, deadline=deadline, headers={**headers, **checked}
        ) as put_request:
            send_part(part, put_request, self.fill)
            return put_request.finish()
