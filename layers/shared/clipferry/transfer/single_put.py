"""Uploads a file of one part in a single PUT."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clipferry.errors import StorageError
from clipferry.s3.retry import BucketRefusedError
from clipferry.s3.stored_objects import StoredObject
from clipferry.transfer.ordered_hash import OrderedDigest, Part
from clipferry.transfer.part_io import STEP, TransferContext, content_md5, full_md5, read_step, send_part
from clipferry.transfer.range_reader import RangeReader
from clipferry.transfer.verification import ObjectReader


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

    def store(self, headers: Mapping[str, str], stored: ObjectReader, check_lease: Callable[[], None]) -> str:
        """Returns the ETag of what is stored then. Only the lease's holder may write over what is there already."""
        bucket = self._context.bucket
        if bucket.has_conditions:
            try:
                return self._send({**headers, "If-None-Match": "*"})
            except BucketRefusedError as refusal:
                if refusal.http_status not in (412, 501):
                    raise
                bucket.has_conditions = refusal.http_status == 412
        if bucket.has_conditions and (etag := self._etag_if_stored(stored)):
            return etag
        check_lease()
        return self._send(headers)

    def _etag_if_stored(self, stored: ObjectReader) -> str | None:
        """Compares with what is at our key: of an earlier delivery, or of a request whose response was lost."""
        etag = full_md5(self.part, self.fill).hex()
        return etag if stored.head() == StoredObject(size=self.part.length, etag=etag) else None

    def _send(self, headers: Mapping[str, str]) -> str:
        """Returns the ETag; raises BucketRefusedError (412) when a condition among `headers` doesn't hold."""
        return self._context.retries.call_with_retry(lambda: self._attempt(headers), (StorageError,))

    def _attempt(self, headers: Mapping[str, str]) -> str:
        context, part = self._context, self.part
        checked = content_md5(part, self.fill) if context.content_md5 else {}
        deadline = context.retries.deadline
        with context.bucket.put(
            context.key, part.length, deadline=deadline, headers={**headers, **checked}
        ) as put_request:
            send_part(part, put_request, self.fill)
            return put_request.finish()
