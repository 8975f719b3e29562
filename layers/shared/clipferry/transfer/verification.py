"""Checks that a file begins as an MP4 does, and that the bucket holds what was sent.

It also reads a stored object back to hash it.
"""

from __future__ import annotations

from clipferry.errors import SourceInvalidError, StorageError, WrongFileKindError
from clipferry.media.file_kind import begins_as_iso, other_kind
from clipferry.net.response import Response
from clipferry.s3.client import Bucket
from clipferry.s3.multipart import Progress
from clipferry.s3.retry import Retries
from clipferry.s3.stored_objects import StoredObject, find_object, open_object
from clipferry.transfer.ordered_hash import Observe, OrderedDigest
from clipferry.transfer.part_io import STEP
from clipferry.transfer.ranged_source import RangedSource


class ObjectReader:
    """Reads one key; every request is tried again as `retries` allows."""

    def __init__(self, bucket: Bucket, key: str, retries: Retries) -> None:
        self._bucket = bucket
        self._key = key
        self._retries = retries

    def head(self) -> StoredObject | None:
        deadline = self._retries.deadline
        return self._retries.call_with_retry(lambda: find_object(self._bucket, self._key, deadline=deadline))

    def verify(self, size: int, etags: set[str | None]) -> StoredObject:
        """Raises StorageError unless `size` bytes are stored, under one of these ETags if any is known."""
        stored = self.head()
        if stored is None or stored.size != size:
            raise StorageError(f"{self._key}: {stored.size if stored else 'no'} bytes are stored of {size}")
        known = {etag for etag in etags if etag}
        if known and stored.etag not in known:
            raise StorageError(f"{self._key}: {stored.etag} is stored and not {known}")
        return stored

    def is_result_of(self, progress: Progress) -> bool:
        """Whether what is stored is the object that this upload was to become."""
        stored, etag = self.head(), progress.etag
        return stored is not None and etag is not None and stored == StoredObject(size=progress.size, etag=etag)

    def sha256(self, size: int, observe: Observe | None) -> str:
        """Returns the hash of what is stored; `observe` gets its bytes. Raises StorageError unless they are `size`."""
        digest, failed, position = OrderedDigest(observe), 0, 0
        version = self.verify(size, set()).etag
        memory = memoryview(bytearray(STEP))
        while position < size:
            before = position
            try:
                with open_object(
                    self._bucket, self._key, start=position, etag=version, deadline=self._retries.deadline
                ) as reading:
                    while position < size:
                        position += self._read(reading, memory[: min(STEP, size - position)], digest)
            except StorageError as error:
                failed = 1 if position > before else failed + 1
                self._retries.pause(failed, error)
        return digest.hexdigest()

    def _read(self, reading: Response, view: memoryview, digest: OrderedDigest) -> int:
        received = reading.read_into(view)
        if not received:
            raise StorageError(f"{self._key}: the connection ended before the object")
        digest.add(view[:received])
        return received


def check_begins_as_mp4(start: memoryview, source: RangedSource) -> None:
    """Raises WrongFileKindError for a known kind of file that is no MP4, SourceInvalidError for anything else.

    Whether an MP4 is a film, is known when all of it has been read.
    """
    beginning = bytes(start)
    kind = other_kind(beginning)
    if kind is not None:
        raise WrongFileKindError(f"the provider sent {kind}: see output_format in the catalogue")
    if not begins_as_iso(beginning):
        raise SourceInvalidError(f"{source.content_type} begins with {beginning[:16]!r}, not as an MP4 does")
