"""Transfers one file from its source into the bucket: streamed, hashed, verified, and continued after an interruption.

The thread that calls is the first worker and the only one that calls `on_progress`; `on_chunk` is called by the worker
whose part has the turn. Memory: a constant, and one part for each worker.
"""

from __future__ import annotations

from contextlib import suppress

from clipferry.errors import ClipferryError, StorageError
from clipferry.net.deadline import Deadline
from clipferry.s3.multipart import Multipart, Progress
from clipferry.s3.object_headers import immutable_headers
from clipferry.s3.retry import BucketRefusedError, Retries
from clipferry.transfer.background_start import BackgroundUpload
from clipferry.transfer.interface import TransferOptions, TransferResult
from clipferry.transfer.ordered_hash import OrderedDigest, Part
from clipferry.transfer.part_io import FIRST_STEP, TransferContext, read_step
from clipferry.transfer.part_workers import PartWorkers
from clipferry.transfer.plan import balanced_length, goes_in_one_put, measure_throughput
from clipferry.transfer.range_reader import RangeReader
from clipferry.transfer.single_put import NetworkIsTheLimitError, SinglePut
from clipferry.transfer.source_answers import SourceChangedError
from clipferry.transfer.verification import ObjectReader, check_begins_as_mp4

CLEANUP_SECONDS = 5.0
"""For aborting an upload when the transfer's own time is over."""


class Transfer:
    """One attempt."""

    def __init__(self, context: TransferContext, options: TransferOptions) -> None:
        self._context = context
        self._headers = immutable_headers(context.key, options.get("content_type", "video/mp4"))
        self._observe = options.get("on_chunk")
        self._earlier = options.get("progress")
        self._on_progress = options.get("on_progress")
        self._multipart = Multipart(context.bucket, context.key, context.retries)
        self._stored = ObjectReader(context.bucket, context.key, context.retries)

    def run(self) -> TransferResult:
        """Raises what `RangedSource.open` raises, StorageError, and TransferInterruptedError when the time is over.

        If there is something to continue from then, `on_progress` has it; otherwise no upload is left behind.
        """
        try:
            return self._start() if self._earlier is None else self._resume(self._earlier)
        finally:
            self._context.source.close()

    def _start(self) -> TransferResult:
        source, retries, config = self._context.source, self._context.retries, self._context.config
        body = retries.call_with_retry(lambda: source.open(0, config.part_size))
        size = source.size
        length = min(config.part_size, size)
        part = Part(1, start=0, length=length, memory=memoryview(bytearray(length)), kept=True)
        reader = RangeReader(source, retries, 0, size, body)
        digest = OrderedDigest(self._observe)
        try:
            check_begins_as_mp4(read_step(part, reader, FIRST_STEP, digest), source)
            if length == size:
                return self._put(part, reader, digest, watched=False)
            throughput = measure_throughput(lambda count: read_step(part, reader, count, digest), config)
            if goes_in_one_put(source, throughput, config):
                return self._put(part, reader, digest, watched=not throughput.network_is_the_limit)
            return self._upload(part, reader, digest, at_once=throughput.network_is_the_limit)
        finally:
            reader.close()

    def _put(self, part: Part, reader: RangeReader, digest: OrderedDigest, *, watched: bool) -> TransferResult:
        """`watched` where the bucket may turn out to be the limit: then it goes on in parts."""
        put = SinglePut(self._context, part, reader, digest, watched=watched)
        try:
            put.store(self._headers, self._stored, lambda: self._record(None))
        except NetworkIsTheLimitError:
            return self._upload(part, reader, digest, at_once=True)
        return self._result(digest.hexdigest(), workers=1)

    def _upload(self, part: Part, reader: RangeReader, digest: OrderedDigest, *, at_once: bool) -> TransferResult:
        source = self._context.source
        if at_once and source.etag is not None:
            part.length = balanced_length(part, source.size, self._context.config.workers)
        upload = BackgroundUpload(self._multipart, self._headers)
        progress = Progress(upload_id="", part_size=part.length, size=source.size, source_etag=source.etag)

        def upload_id() -> str | None:
            return upload.upload_id(lambda created: self._record(progress._replace(upload_id=created)))

        numbers = range(1, progress.part_count + 1)
        workers = PartWorkers(self._context, progress, numbers, digest=digest, upload_id=upload_id, at_once=at_once)
        upload.start()
        try:
            workers.run(part, reader)
            progress = progress._replace(upload_id=upload_id() or "", parts=workers.etags)
            self._complete(progress)
        except BaseException as error:
            created = upload.wait()
            progress = progress._replace(upload_id=created or "", parts=dict(workers.etags))
            self._clean_up(progress, error, is_recorded=upload.is_recorded)
            raise
        return self._result(digest.hexdigest(), workers=workers.workers)

    def _resume(self, earlier: Progress) -> TransferResult:
        """Lists what an earlier upload has, adds what is missing, and reads the object back to hash it.

        Parts can't be read before the upload is complete, and the state of a hash can't be saved.
        """
        workers = 0
        try:
            progress = earlier._replace(parts=self._multipart.parts(earlier))
        except BucketRefusedError as refusal:
            if refusal.reason != "NoSuchUpload":
                raise
            if not self._stored.is_result_of(earlier):
                self._record(None)
                return self._start()
            return self._result(self._stored.sha256(earlier.size, self._observe), workers=0)
        missing = [number for number in range(1, progress.part_count + 1) if number not in progress.parts]
        try:
            if missing:
                added = self._add(progress, missing)
                progress = progress._replace(parts={**progress.parts, **added.etags})
                workers = added.workers
            self._complete(progress)
        except BaseException as error:
            self._clean_up(progress, error, is_recorded=True)
            raise
        return self._result(self._stored.sha256(progress.size, self._observe), workers=workers)

    def _add(self, progress: Progress, missing: list[int]) -> PartWorkers:
        source, retries, number = self._context.source, self._context.retries, missing[0]
        start, length = (number - 1) * progress.part_size, progress.length(number)
        body = retries.call_with_retry(lambda: source.open(start, length))
        reader = RangeReader(source, retries, start, start + length, body)
        try:
            if source.etag is None or (source.size, source.etag) != (progress.size, progress.source_etag):
                raise SourceChangedError(f"{progress.source_etag} became {source.etag}, {source.size} bytes")
            memory = memoryview(bytearray(progress.part_size))
            part = Part(number, start=start, length=length, memory=memory, kept=True)
            workers = PartWorkers(
                self._context, progress, missing, digest=None, upload_id=lambda: progress.upload_id, at_once=False
            )
            workers.run(part, reader)
        finally:
            reader.close()
        return workers

    def _complete(self, progress: Progress) -> None:
        self._record(progress)  # the last moment to find out that another worker has the lease
        try:
            completed = self._multipart.complete(progress)
        except StorageError:  # an answer may have been lost, and the upload is over since
            if not self._stored.is_result_of(progress):
                raise
            return
        self._stored.verify(progress.size, {completed, progress.etag})

    def _clean_up(self, progress: Progress, error: BaseException, *, is_recorded: bool) -> None:
        """Records, after a failure, what the next attempt can continue from; aborts what it can't.

        A recorded upload may be another worker's by now, and so may one whose id we don't know: only the lease's
        holder touches them. An upload that was never recorded is ours alone.
        """
        if self._on_progress is not None and (is_recorded or not progress.upload_id):
            may_pass = isinstance(error, ClipferryError) and error.retryable and progress.source_etag
            can_continue = is_recorded and may_pass and not isinstance(error, SourceChangedError)
            try:
                self._on_progress(progress if can_continue else None)
            except ClipferryError:
                return
            if can_continue:
                return
        retries = Retries(deadline=Deadline(CLEANUP_SECONDS), tries=2)
        multipart = Multipart(self._context.bucket, self._context.key, retries)
        with suppress(StorageError):
            multipart.abort(progress.upload_id) if progress.upload_id else multipart.abort_others(None)

    def _record(self, progress: Progress | None) -> None:
        if self._on_progress is not None:
            self._on_progress(progress)

    def _result(self, sha256: str, *, workers: int) -> TransferResult:
        source = self._context.source
        size = source.size or (self._earlier.size if self._earlier else 0)
        return TransferResult(size=size, sha256=sha256, fetched=source.bytes_read, workers=workers)
