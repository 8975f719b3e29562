"""Uploads a file of one part in a single PUT."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clipferry.errors import StorageError
from clipferry.s3.multipart import MD5
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
        self._known_md5 = ""

    def fill(self, size: int = STEP) -> memoryview:
        """Reads and hashes the next bytes, at most `size` of them, and returns them."""
        return read_step(self.part, self._reader, size, self._digest)

    def store(self, headers: Mapping[str, str], stored: ObjectReader, check_lease: Callable[[], None]) -> None:
        """Stores the file and verifies it. Only the lease's holder may write over what is there already.

        The ETag of one PUT is the MD5 of what the bucket received: that spares a HEAD, which is another round trip.
        Some buckets have other ETags; one that may be another MD5 is settled by reading back.
        """
        etag = self._store(headers, stored, check_lease)
        if etag == self._md5():
            return
        stored.verify(self.part.length, {etag})
        if MD5.fullmatch(etag) and stored.sha256(self.part.length, None) != self._digest.hexdigest():
            raise StorageError(f"{self._context.key}: other bytes are stored than were sent")

    def _store(self, headers: Mapping[str, str], stored: ObjectReader, check_lease: Callable[[], None]) -> str:
        bucket = self._context.bucket
        if bucket.has_conditions:
            try:
                return self._send({**headers, "If-None-Match": "*"})
            except BucketRefusedError as refusal:
                if refusal.http_status not in (412, 501):
                    raise
                bucket.has_conditions = refusal.http_status == 412
        if bucket.has_conditions and self._is_stored(stored):
            return self._md5()
        check_lease()
        return self._send(headers)

    def _is_stored(self, stored: ObjectReader) -> bool:
        """Compares with what is at our key: of an earlier delivery, or of a request whose response was lost."""
        return stored.head() == StoredObject(size=self.part.length, etag=self._md5())

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
            self._md5()  # while the bucket is busy with its answer
            return put_request.finish()

    def _md5(self) -> str:
        if not self._known_md5:
            self._known_md5 = full_md5(self.part, self.fill).hex()
        return self._known_md5
