"""What is at a key of the bucket: asked, compared, and read back to be hashed."""

from __future__ import annotations

from clipferry.errors import StorageError
from clipferry.s3.client import Bucket, StoredObject
from clipferry.s3.multipart import Progress
from clipferry.s3.retry import Retries
from clipferry.transfer.ordered_hash import Observe, OrderedDigest
from clipferry.transfer.part_io import STEP


class ObjectReader:
    """One key; every request is repeated as `retries` allows."""

    def __init__(self, bucket: Bucket, key: str, retries: Retries) -> None:
        self._bucket = bucket
        self._key = key
        self._retries = retries

    def head(self) -> StoredObject | None:
        return self._retries.call_with_retry(lambda: self._bucket.head(self._key, deadline=self._retries.deadline))

    def verify(self, size: int, etags: set[str | None]) -> StoredObject:
        """Raises StorageError unless this many bytes are stored, under one of these ETags if any is known."""
        found = self.head()
        if found is None or found.size != size:
            raise StorageError(f"{self._key}: {found.size if found else 'no'} bytes are stored of {size}")
        known = {etag for etag in etags if etag}
        if known and found.etag not in known:
            raise StorageError(f"{self._key}: {found.etag} is stored and not {known}")
        return found

    def is_result_of(self, progress: Progress) -> bool:
        """Whether an upload that is over ended as the object it was meant to be."""
        found, etag = self.head(), progress.etag
        return found is not None and etag is not None and found == StoredObject(size=progress.size, etag=etag)

    def sha256(self, size: int, observe: Observe | None) -> str:
        """Of what is stored; `observe` sees it too. Raises StorageError when it isn't this many bytes."""
        digest, failed, position = OrderedDigest(observe), 0, 0
        version = self.verify(size, set()).etag
        memory = memoryview(bytearray(STEP))
        while position < size:
            before = position
            try:
                with self._bucket.get(
                    self._key, start=position, etag=version, deadline=self._retries.deadline
                ) as reading:
                    while position < size:
                        view = memory[: min(STEP, size - position)]
                        reading.read_into(view)
                        digest.add(view)
                        position += len(view)
            except StorageError as error:
                failed = 1 if position > before else failed + 1
                self._retries.pause(failed, error)
        return digest.hexdigest()
