"""The workers of an upload in parts: each streams a range of the source into a part, and keeps it for another try.

One works while the processor is the limit, and reads the answer to a part when the next one has gone out. As soon as
the network is the limit, there are as many as the configuration allows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from clipferry.errors import StorageError
from clipferry.s3.multipart import Progress
from clipferry.transfer.bottleneck import BottleneckDetector
from clipferry.transfer.ordered_hash import OrderedDigest, Part
from clipferry.transfer.part_io import STEP, TransferContext, content_md5, read_step, send_part
from clipferry.transfer.range_reader import RangeReader
from clipferry.transfer.sent_part import SentPart

_POLL_SECONDS = 0.01


class StoppedError(Exception):
    """Another worker has failed."""


class PartWorkers:
    """Moves the parts `numbers` of an upload. The thread that makes this object is the first worker.

    `digest` is None when the parts before them aren't there to be hashed. `upload_id` returns the upload's id, None
    while there is none to be used. All workers begin `at_once`, or as soon as the network is the limit.
    All threads have ended when `run` returns or raises.
    """

    def __init__(
        self,
        context: TransferContext,
        progress: Progress,
        numbers: Sequence[int],
        *,
        digest: OrderedDigest | None,
        upload_id: Callable[[], str | None],
        at_once: bool,
    ) -> None:
        self._context = context
        self._progress = progress
        self._numbers = iter(numbers[1:])  # the first goes to `run`
        self._parts_left = len(numbers) - 1
        self._max_workers = context.config.workers if context.source.etag is not None else 1
        self._bottleneck = None if at_once else BottleneckDetector(context.config.cpus, progress.part_size)
        self._digest = digest
        self._upload_id = upload_id
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._failure: BaseException | None = None
        self._first_worker = threading.get_ident()
        self.etags: dict[int, str] = {}

    @property
    def workers(self) -> int:
        return 1 + len(self._threads)

    def run(self, part: Part, reader: RangeReader) -> None:
        """Works until all parts are stored; `part` is the first, begun or not. Raises what the first to fail raised."""
        try:
            self._maybe_add_workers(0)
            self._work(part.memory, reader, part)
        except BaseException as error:  # noqa: BLE001 (raised again when the others have ended)
            self._fail(error)
        for thread in self._threads:
            thread.join()
        if self._failure is not None:
            raise self._failure

    def fill(self, part: Part, reader: RangeReader, size: int) -> memoryview:
        """Reads and hashes the next bytes of a part, at most `size`, and returns them."""
        if self._context.retries.stop.is_set():
            raise StoppedError
        view = read_step(part, reader, size, self._digest)
        if threading.get_ident() == self._first_worker:
            self._maybe_add_workers(len(view))
        return view

    def _work(self, memory: memoryview, reader: RangeReader | None, part: Part | None) -> None:
        """Moves `part`, if one is given, and then what no worker has taken."""
        sent = None
        try:
            while part is not None or (part := self._next_part(memory)) is not None:
                reader = self._reader_for(part, reader)
                earlier, sent = sent, self._move_part(part, reader)
                part = None
                if earlier is not None:
                    self._finish(earlier)
            if reader is not None:
                reader.close()  # a server may have more to send than it was asked for
            last, sent = sent, None
            if last is not None:
                self._finish(last)
        except BaseException:
            if sent is not None:
                sent.give_up()
            raise

    def _next_part(self, memory: memoryview) -> Part | None:
        with self._lock:
            self._parts_left -= 1
            number = next(self._numbers, None)
        if number is None:
            return None
        kept = bool(self._threads) or self._context.source.etag is None or self._context.config.content_md5
        start, length = (number - 1) * self._progress.part_size, self._progress.length(number)
        return Part(number, start=start, length=length, memory=memory, kept=kept)

    def _reader_for(self, part: Part, earlier: RangeReader | None) -> RangeReader:
        """Reads on with the same request if it can: one for each part costs a round trip and CPU each time."""
        if earlier is not None and earlier.is_about_to_read(part.start + part.filled):
            return earlier
        if earlier is not None:
            earlier.close()
        return RangeReader(self._context.source, self._context.retries, part.start, part.start + part.length)

    def _run_helper(self) -> None:
        try:
            self._work(memoryview(bytearray(self._progress.part_size)), None, None)
        except BaseException as error:  # noqa: BLE001 (raised again in the first worker's thread)
            self._fail(error)

    def _move_part(self, part: Part, reader: RangeReader) -> SentPart | None:
        """Returns the part if its answer is still to come."""
        try:
            self._wait_for_upload(part, reader)
            sent = self._send_with_retry(part, reader, may_be_ahead=True)
        except BaseException:
            reader.close()
            raise
        if self._digest is not None:
            if not self._digest.wait_for(part, self._context.retries.stop.is_set):
                raise StoppedError
            self._digest.advance(part, 0)
        return sent

    def _finish(self, sent: SentPart) -> None:
        """Reads the answer to a part. If it failed, the part is fetched again: its memory has other bytes by now."""
        part, context = sent.part, self._context
        try:
            self._note(part, sent.finish())
        except StorageError as error:
            context.retries.pause(1, error)
            memory = memoryview(bytearray(STEP))
            again = Part(part.number, start=part.start, length=part.length, memory=memory, kept=False)
            reader = self._reader_for(again, None)
            try:
                self._send_with_retry(again, reader, may_be_ahead=False, failed=1)
            finally:
                reader.close()

    def _wait_for_upload(self, part: Part, reader: RangeReader) -> None:
        """Reads what can be kept of the part meanwhile. Raises what creating the upload raised: that was retried."""
        while self._upload_id() is None:
            if part.kept and part.filled < part.length:
                self.fill(part, reader, STEP)
            elif self._context.retries.stop.wait(_POLL_SECONDS):
                raise StoppedError

    def _send_with_retry(
        self, part: Part, reader: RangeReader, *, may_be_ahead: bool, failed: int = 0
    ) -> SentPart | None:
        return self._context.retries.call_with_retry(
            lambda: self._send(part, reader, may_be_ahead=may_be_ahead), (StorageError,), failed=failed
        )

    def _send(self, part: Part, reader: RangeReader, *, may_be_ahead: bool) -> SentPart | None:
        if part.filled and not part.kept:  # an earlier try has sent these bytes
            part.filled = 0
            reader.restart(part.start)
        if not part.filled:
            self.fill(part, reader, STEP)
        query = {"partNumber": str(part.number), "uploadId": self._upload_id() or ""}
        context, fill = self._context, partial(self.fill, part, reader, STEP)
        headers = content_md5(part, fill) if context.config.content_md5 else {}
        put = context.bucket.put(
            context.key, part.length, deadline=context.retries.deadline, query=query, headers=headers
        )
        with ExitStack() as opened:
            put_request = opened.enter_context(put)
            send_part(part, put_request, fill)
            if may_be_ahead and self._can_fetch_again():
                return SentPart(part, put_request, opened.pop_all())
            etag = put_request.finish()
        self._note(part, etag)
        return None

    def _can_fetch_again(self) -> bool:
        """Whether the next part may go out before this one is answered: nobody else works, and it needn't be kept."""
        return not self._threads and self._context.source.etag is not None and not self._context.config.content_md5

    def _note(self, part: Part, etag: str) -> None:
        if not etag:  # without it the part can't be listed when the upload is completed
            raise StorageError(f"part {part.number} of {self._context.key} was answered without an ETag")
        self.etags[part.number] = etag

    def _maybe_add_workers(self, moved: int) -> None:
        """Starts all other workers once the network is the limit; called by the first worker after each step."""
        if self._threads or self._max_workers < 2 or self._parts_left < 1:
            return
        if self._bottleneck is not None and not self._bottleneck.network_is_the_limit(moved):
            return
        helpers = min(self._max_workers - 1, self._parts_left)
        self._threads = [threading.Thread(target=self._run_helper, name=f"mirror-{n}") for n in range(helpers)]
        for thread in self._threads:
            thread.start()

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            if self._failure is None or isinstance(self._failure, StoppedError):
                self._failure = error
        self._context.retries.stop.set()
        if self._digest is not None:
            self._digest.wake()
