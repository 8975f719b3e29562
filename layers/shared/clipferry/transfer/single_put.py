"""Uploads a file in a single PUT: what is short, and what one connection moves in less time than parts would take."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from clipferry.errors import StorageError
from clipferry.s3.multipart import MD5
from clipferry.s3.retry import BucketRefusedError
from clipferry.transfer.bottleneck import BottleneckDetector
from clipferry.transfer.ordered_hash import OrderedDigest, Part
from clipferry.transfer.part_io import STEP, TransferContext, content_md5, read_step, send_part
from clipferry.transfer.range_reader import RangeReader
from clipferry.transfer.verification import ObjectReader


class NetworkIsTheLimitError(Exception):
    """The processor isn't the limit any more, and parts would be faster."""


class SinglePut:
    """`part` is the file's beginning, or all of it, and stays in memory for another try; the rest is read again.

    The beginning is `watched` while the processor is the limit: it may turn out that parts are better, and then
    NetworkIsTheLimitError is raised. Else there is time for the MD5, 1.5 ms of CPU for a MB, which spares a HEAD.
    """

    def __init__(
        self, context: TransferContext, part: Part, reader: RangeReader, digest: OrderedDigest, *, watched: bool
    ) -> None:
        self._context = context
        self._reader = reader
        self._digest = digest
        self._size = context.source.size
        self._bottleneck = BottleneckDetector(context.config.cpus, part.length) if watched else None
        self._part = part
        self._rest: Part | None = None
        if self._size > part.length:
            memory = memoryview(bytearray(STEP))
            self._rest = Part(2, start=part.length, length=self._size - part.length, memory=memory, kept=False)
        self._md5 = None if watched else hashlib.md5(usedforsecurity=False)
        self._md5_position = 0

    def store(self, headers: Mapping[str, str], stored: ObjectReader, check_lease: Callable[[], None]) -> None:
        """Stores the file and verifies it. Only the lease's holder may write over what is there already.

        The ETag of one PUT is the MD5 of what the bucket received: that spares a HEAD, which is another round trip.
        Some buckets have other ETags; one that may be another MD5 is settled by reading back.
        """
        bucket = self._context.bucket
        try:
            etag = self._send({**headers, "If-None-Match": "*"} if bucket.has_conditions else headers)
        except BucketRefusedError as refusal:
            if refusal.http_status not in (412, 501) or not bucket.has_conditions:
                raise
            bucket.has_conditions = refusal.http_status == 412
            if bucket.has_conditions and self._is_stored(stored):
                return
            check_lease()
            etag = self._send(headers)
        md5 = self._known_md5()
        if etag == md5:
            return
        stored.verify(self._size, {etag})
        if md5 and MD5.fullmatch(etag) and not self._has_our_bytes(stored):
            raise StorageError(f"{self._context.key}: other bytes are stored than were sent")

    def _is_stored(self, stored: ObjectReader) -> bool:
        """Compares with what is at our key: of an earlier delivery, or of a request whose response was lost."""
        found = stored.head()
        if found is None or found.size != self._size:
            return False
        while self._part.filled < self._part.length:
            self._fill()
        while self._rest is not None and self._rest.filled < self._rest.length:
            self._fill_rest(self._rest)
        return found.etag == self._known_md5() or self._has_our_bytes(stored)

    def _has_our_bytes(self, stored: ObjectReader) -> bool:
        return stored.sha256(self._size, None) == self._digest.hexdigest()

    def _send(self, headers: Mapping[str, str]) -> str:
        """Returns the ETag; raises BucketRefusedError (412) when a condition among `headers` doesn't hold."""
        return self._context.retries.call_with_retry(lambda: self._attempt(headers), (StorageError,))

    def _attempt(self, headers: Mapping[str, str]) -> str:
        context, part, rest = self._context, self._part, self._rest
        checked = content_md5(part, self._fill) if context.config.content_md5 else {}
        deadline = context.retries.deadline
        with context.bucket.put(
            context.key, self._size, deadline=deadline, headers={**headers, **checked}
        ) as put_request:
            send_part(part, put_request, self._fill)
            self._add_to_md5(part.memory[: part.length], part.start)
            if rest is not None:
                if rest.filled:
                    rest.filled = 0
                    self._reader.restart(rest.start)
                send_part(rest, put_request, lambda: self._fill_rest(rest))
            return put_request.finish()

    def _fill(self) -> memoryview:
        view = read_step(self._part, self._reader, STEP, self._digest)
        if self._bottleneck is not None and self._bottleneck.network_is_the_limit(len(view)):
            raise NetworkIsTheLimitError
        return view

    def _fill_rest(self, rest: Part) -> memoryview:
        position = rest.start + rest.filled
        view = read_step(rest, self._reader, STEP, self._digest)
        self._add_to_md5(view, position)
        return view

    def _add_to_md5(self, view: memoryview, position: int) -> None:
        """Adds bytes that were not added by an earlier try. A short file's are added while the bucket is busy."""
        if self._md5 is not None and position == self._md5_position:
            self._md5.update(view)
            self._md5_position += len(view)

    def _known_md5(self) -> str | None:
        """Returns the MD5 of the whole file, None unless all of it was added."""
        if self._md5 is not None and self._md5_position == 0:
            self._add_to_md5(self._part.memory[: self._part.length], 0)
        return self._md5.hexdigest() if self._md5 is not None and self._md5_position == self._size else None
