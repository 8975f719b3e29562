"""Retries with exponential backoff and jitter, limited for each request and for a whole transfer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from clipferry.errors import SourceError, StorageError
from clipferry.net.deadline import Deadline

Answer = TypeVar("Answer")

TRIES = 7
"""For one request, or one part, in a row: 14 seconds of pauses. A failure after some progress is the first again."""
FAILURES = 40
"""For a whole transfer: so many without progress aren't bad luck."""
PAUSE_SECONDS = 0.2
"""Before the second try; doubled for each further one, plus a random part of up to a half, so that workers don't all
try again at the same moment."""
LONGEST_PAUSE_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 60.0
"""The longest that is waited because a server asks for it (Retry-After); then another delivery tries."""
THROTTLED_TRIES = 9
"""For one request that the bucket asks to slow down: 20 seconds of pauses."""
_DOUBLINGS = 5
_TRANSIENT = frozenset({408, 409, 425, 429, 500, 502, 503, 504, *range(520, 531)})
"""520 to 530 are Cloudflare's, for what is behind it."""
_TRANSIENT_REASONS = frozenset(
    {
        "BadDigest",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",  # with 400: the source paused, and so did the body
        "ServiceUnavailable",
        "SlowDown",
        "TooManyRequests",
    }
)
"""S3's error codes, whatever the status: CompleteMultipartUpload sends 200 first, and an error afterwards."""
_THROTTLED = frozenset({"SlowDown", "TooManyRequests"})


class TransferInterruptedError(StorageError):
    """The file could not be moved in the time there was."""

    code = "TRANSFER_INTERRUPTED"
    blames_source = True  # a slow one, unless the last failure was the bucket's


class BucketRefusedError(StorageError):
    """The file storage refused a request."""

    def __init__(self, what: str, *, http_status: int, reason: str, wait_seconds: float = 0.0) -> None:
        super().__init__(f"{what}: {http_status} {reason}", wait_seconds=wait_seconds)
        self.http_status = http_status
        self.reason = reason
        """S3's error code: `NoSuchUpload`."""

    @property
    def is_throttled(self) -> bool:
        """Whether the bucket asks for fewer requests: that passes, and is no fault."""
        return self.http_status == 429 or self.reason in _THROTTLED


class Retries:
    """Counts one transfer's failures, for all its workers. `stop`, set once a worker has failed, ends every pause."""

    def __init__(
        self,
        *,
        deadline: Deadline,
        stop: threading.Event | None = None,
        tries: int = TRIES,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self.deadline = deadline
        self.stop = stop or threading.Event()
        self._tries = tries
        self._pause_seconds = pause_seconds
        self._failures = 0

    def call_with_retry(
        self,
        attempt: Callable[[], Answer],
        failures: tuple[type[SourceError | StorageError], ...] = (SourceError, StorageError),
        *,
        failed: int = 0,
    ) -> Answer:
        """Returns what `attempt` returns; tries again after one of `failures`. `failed` tries were made before.

        Raises what the last try raised, or TransferInterruptedError when the deadline is over.
        """
        while True:
            try:
                return attempt()
            except failures as error:
                failed += 1
                self.pause(failed, error)

    def pause(self, failed: int, error: SourceError | StorageError) -> None:
        """Waits before the next try, after `failed` failures in a row; raises `error` when there is to be none."""
        if self.deadline.is_over:
            raise _out_of_time(error) from error
        is_throttled = isinstance(error, BucketRefusedError) and error.is_throttled
        self._failures += not is_throttled and failed > 1
        tries = max(self._tries, THROTTLED_TRIES) if is_throttled else self._tries
        if failed >= tries or self._failures > FAILURES or not is_worth_another_try(error):
            raise error
        from random import uniform  # noqa: PLC0415 (3 ms of a new process, in which nothing may fail)

        seconds = min(self._pause_seconds * 2 ** min(failed - 1, _DOUBLINGS), LONGEST_PAUSE_SECONDS)
        seconds = max(seconds * uniform(1, 1.5), error.wait_seconds)  # noqa: S311 (no secret)
        if self.deadline.ends_within(seconds):
            raise _out_of_time(error) from error
        if seconds > LONGEST_WAIT_SECONDS or self.stop.wait(seconds):
            raise error


def _out_of_time(error: SourceError | StorageError) -> TransferInterruptedError:
    interrupted = TransferInterruptedError(f"out of time after: {error}", wait_seconds=error.wait_seconds)
    interrupted.blames_source = isinstance(error, SourceError) or error.blames_source
    return interrupted


def is_worth_another_try(error: SourceError | StorageError) -> bool:
    """Whether the same request may do better in a moment."""
    if isinstance(error, BucketRefusedError):
        is_unclear = 200 <= error.http_status <= 299 and not error.reason
        return is_unclear or error.http_status in _TRANSIENT or error.reason in _TRANSIENT_REASONS
    return error.retryable and not isinstance(error, TransferInterruptedError)
