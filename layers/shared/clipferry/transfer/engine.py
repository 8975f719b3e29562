"""One file from its source into the bucket: streamed, hashed on the way, verified, and continued where it was left.

The thread that calls is the first worker and the only one that calls `on_progress`; `observe` is called by the worker
whose turn it is. Memory: a constant, and one part for each worker.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from clipferry.errors import ClipferryError, SourceError, SourceInvalidError, StorageError
from clipferry.net.connection import Deadline
from clipferry.s3.client import Bucket, StoredObject
from clipferry.s3.multipart import Multipart, Progress
from clipferry.s3.retry import PAUSE_SECONDS, BucketRefusedError, Retries
from clipferry.transfer.background_start import BackgroundUpload
from clipferry.transfer.bottleneck import BottleneckDetector
from clipferry.transfer.ordered_hash import Observe, OrderedDigest, Part
from clipferry.transfer.part_io import FIRST_STEP, TransferContext
from clipferry.transfer.part_workers import PartWorkers
from clipferry.transfer.ranged_source import RangedSource, RangeReader, SourceChangedError
from clipferry.transfer.single_put import SinglePut
from clipferry.transfer.verification import ObjectReader

PART = 8 * 1024 * 1024
"""Bytes. R2 wants all parts but the last of one size (5 MiB to 5 GiB); a file of one part is a single PUT."""
WORKERS = 7
"""Eight are a tenth faster, and need more than 90 MB."""
WINDOWS_IN_A_PART = 8
"""How often the bottleneck is looked at: within the first part there must still be time to be many."""
CLEANUP_SECONDS = 5.0
"""For taking an upload back when the time for the transfer itself is over."""

OnProgress = Callable[[Progress | None], None]
"""Is told what to keep for the next attempt, None for nothing; raises when the file isn't ours to write any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """A file that is in the bucket, byte for byte as its source sent it. Sizes in bytes."""

    size: int
    sha256: str
    fetched: int
    """What came from the source: less than the size after an interruption, more after a failure."""
    workers: int
    buffers: int
    """How many parts were held in memory at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How transfers are done. `part_size` in bytes; `cpus` is `bottleneck.owned_cpus`.

    `stall_seconds` is for one step of 256 KiB, in or out: a peer that only drips counts as one that has stopped.
    `content_md5` has the bucket check each part, which then waits for its last byte: 1.5 s of CPU for a GB.
    `pause_seconds` comes before the second try of anything, and doubles.
    """

    part_size: int = PART
    workers: int = WORKERS
    cpus: float = 1.0
    stall_seconds: float = 30.0
    pause_seconds: float = PAUSE_SECONDS
    content_md5: bool = False


class Transfer:
    """One attempt. `earlier` is what the one before has left; a new Transfer is made for each."""

    def __init__(
        self,
        *,
        file: RangedSource,
        bucket: Bucket,
        key: str,
        content_type: str,
        retries: Retries,
        stop: threading.Event,
        plan: Plan,
        observe: Observe | None = None,
        earlier: Progress | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._context = TransferContext(
            file=file, bucket=bucket, key=key, retries=retries, stop=stop, content_md5=plan.content_md5
        )
        self._content_type = content_type
        self._plan = plan
        self._observe = observe
        self._earlier = earlier
        self._on_progress = on_progress
        self._multipart = Multipart(bucket, key, retries)
        self._stored = ObjectReader(bucket, key, retries)

    def run(self) -> Transferred:
        """Raises what `RangedSource.open` raises, StorageError, and TransferInterruptedError when the time is over.

        When that leaves something to continue from, `on_progress` has it; else no upload is left behind.
        """
        try:
            return self._start() if self._earlier is None else self._resume(self._earlier)
        finally:
            self._context.file.close()

    def _start(self) -> Transferred:
        file, retries = self._context.file, self._context.retries
        body = retries.call_with_retry(lambda: file.open(0, self._plan.part_size))
        size = file.size
        length = min(self._plan.part_size, size)
        part = Part(1, start=0, length=length, memory=memoryview(bytearray(length)), kept=True)
        reader = RangeReader(file, retries, 0, size, body)
        try:
            return self._send_whole(part, reader) if length == size else self._upload(part, reader)
        finally:
            reader.close()

    def _send_whole(self, part: Part, reader: RangeReader) -> Transferred:
        digest = OrderedDigest(self._observe)
        whole = SinglePut(self._context, part, reader, digest)
        check_is_mp4(whole.fill(FIRST_STEP), self._context.file)
        headers = {"Content-Type": self._content_type}
        try:
            etag = whole.send(headers | {"If-None-Match": "*"})
        except BucketRefusedError as refusal:
            if refusal.http_status != 412:
                raise
            etag = self._settle_with_what_is_there(whole, headers)
        self._stored.verify(part.length, {etag})
        return self._transferred(digest.hexdigest(), workers=1, buffers=1)

    def _settle_with_what_is_there(self, whole: SinglePut, headers: dict[str, str]) -> str:
        """Something is at our key: from an earlier delivery, or from a request of ours whose answer was lost."""
        etag = whole.md5().hex()
        if self._stored.head() == StoredObject(size=whole.part.length, etag=etag):
            return etag
        self._tell(None)  # only who still holds the file may write over it
        return whole.send(headers)

    def _upload(self, part: Part, reader: RangeReader) -> Transferred:
        file = self._context.file
        beginning = BackgroundUpload(self._multipart, self._content_type)
        progress = Progress(upload_id="", part_size=part.length, size=file.size, source_etag=file.etag)
        digest = OrderedDigest(self._observe)

        def upload_id() -> str | None:
            return beginning.upload_id(lambda found: self._tell(replace(progress, upload_id=found)))

        workers = self._workers(progress, range(1, progress.part_count + 1), digest, upload_id)
        check_is_mp4(workers.fill(part, reader, FIRST_STEP), file)
        beginning.start()
        try:
            workers.run(part, reader)
            progress = replace(progress, upload_id=upload_id() or "", parts=workers.etags)
            self._complete(progress)
        except BaseException as error:
            found = beginning.ended()
            self._leave(
                replace(progress, upload_id=found or "", parts=dict(workers.etags)), error, beginning.is_announced
            )
            raise
        return self._transferred(digest.hexdigest(), workers=workers.workers, buffers=workers.buffers)

    def _workers(
        self,
        progress: Progress,
        numbers: range | list[int],
        digest: OrderedDigest | None,
        upload_id: Callable[[], str | None],
    ) -> PartWorkers:
        bottleneck = BottleneckDetector(self._plan.cpus, progress.part_size // WINDOWS_IN_A_PART)
        workers = self._plan.workers
        return PartWorkers(
            self._context, progress, numbers, workers=workers, bottleneck=bottleneck, digest=digest, upload_id=upload_id
        )

    def _resume(self, earlier: Progress) -> Transferred:
        """Finds out what is there of an earlier upload, adds what is missing, and reads it all back to hash it.

        Parts can't be read before the upload is complete, and a hash can't be saved half-way.
        """
        workers = buffers = 0
        try:
            progress = replace(earlier, parts=self._multipart.parts(earlier))
        except BucketRefusedError as refusal:
            if refusal.reason != "NoSuchUpload":
                raise
            if not self._stored.is_result_of(earlier):
                self._tell(None)
                return self._start()
            return self._transferred(self._stored.sha256(earlier.size, self._observe), workers=0, buffers=0)
        missing = [number for number in range(1, progress.part_count + 1) if number not in progress.parts]
        try:
            if missing:
                workers = self._add(progress, missing)
                progress = replace(progress, parts={**progress.parts, **workers.etags})
                workers, buffers = workers.workers, workers.buffers
            self._complete(progress)
        except BaseException as error:
            self._leave(progress, error, is_announced=True)
            raise
        return self._transferred(self._stored.sha256(progress.size, self._observe), workers=workers, buffers=buffers)

    def _add(self, progress: Progress, missing: list[int]) -> PartWorkers:
        file, retries, number = self._context.file, self._context.retries, missing[0]
        start, length = (number - 1) * progress.part_size, progress.length(number)
        body = retries.call_with_retry(lambda: file.open(start, length))
        reader = RangeReader(file, retries, start, start + length, body)
        try:
            if file.etag is None or (file.size, file.etag) != (progress.size, progress.source_etag):
                raise SourceChangedError(f"{progress.source_etag} became {file.etag}, {file.size} bytes")
            memory = memoryview(bytearray(progress.part_size))
            part = Part(number, start=start, length=length, memory=memory, kept=True)
            workers = self._workers(progress, missing, None, lambda: progress.upload_id)
            workers.run(part, reader)
        finally:
            reader.close()
        return workers

    def _complete(self, progress: Progress) -> None:
        """The last moment to find out that the file isn't ours any more."""
        self._tell(progress)
        completed = self._multipart.complete(progress)
        self._stored.verify(progress.size, {completed, progress.etag})

    def _leave(self, progress: Progress, error: BaseException, is_announced: bool) -> None:
        """After a failure: what can be continued is kept for the next attempt, everything else taken back.

        An upload that was announced may be somebody else's by now, and so may one whose id we don't know: only who
        still holds the file touches them. One that was never announced is ours alone.
        """
        if self._on_progress is not None and (is_announced or not progress.upload_id):
            worth_it = isinstance(error, SourceError | StorageError) and error.retryable and progress.source_etag
            goes_on = is_announced and worth_it and not isinstance(error, SourceChangedError)
            try:
                self._on_progress(progress if goes_on else None)
            except ClipferryError:
                return
            if goes_on:
                return
        retries = Retries(deadline=Deadline(CLEANUP_SECONDS), tries=2)
        multipart = Multipart(self._context.bucket, self._context.key, retries)
        with suppress(StorageError):
            multipart.abort(progress.upload_id) if progress.upload_id else multipart.abort_others(None)

    def _tell(self, progress: Progress | None) -> None:
        if self._on_progress is not None:
            self._on_progress(progress)

    def _transferred(self, sha256: str, *, workers: int, buffers: int) -> Transferred:
        file = self._context.file
        size = file.size or (self._earlier.size if self._earlier else 0)
        return Transferred(size=size, sha256=sha256, fetched=file.read, workers=workers, buffers=buffers)


def check_is_mp4(start: memoryview, file: RangedSource) -> None:
    """Raises SourceInvalidError unless a file begins as ISO/IEC 14496-12 says: with a box of the type `ftyp`."""
    if start[4:8] != b"ftyp":
        raise SourceInvalidError(f"{file.content_type} begins with {bytes(start[:16])!r}, not as an MP4 does")
