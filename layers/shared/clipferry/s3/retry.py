"""Retries with exponential backoff and jitter, limited for each request and for a whole transfer."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

from clipferry.errors import SourceError, StorageError
from clipferry.net.deadline import Deadline

Answer = TypeVar("Answer")

TRIES = 5
"""For one request, or one part."""
FAILURES = 40
"""For a whole transfer: so many aren't bad luck."""
PAUSE_SECONDS = 0.2
"""Before the second try; doubled for each further one, plus a random part of up to a half, so that workers don't all
try again at the same moment."""
LONGEST_PAUSE_SECONDS = 5.0
_TRANSIENT = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524})


class TransferInterruptedError(StorageError):
    """The file could not be moved in the time there was."""

    code = "TRANSFER_INTERRUPTED"
    blames_source = True  # a slow one, most of all


class BucketRefusedError(StorageError):
    """The file storage refused a request."""

    def __init__(self, what: str, *, http_status: int, reason: str) -> None:
        super().__init__(f"{what}: {http_status} {reason}")
        self.http_status = http_status
        self.reason = reason
        """S3's error code: `NoSuchUpload`."""


class Retries:
    """Counts one transfer's failures, for all its workers. `stop` ends every pause at once."""

    def __init__(
        self,
        *,
        deadline: Deadline,
        stop: threading.Event | None = None,
        tries: int = TRIES,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self.deadline = deadline
        self._stop = stop or threading.Event()
        self._tries = tries
        self._pause_seconds = pause_seconds
        self._failures = 0

    def call_with_retry(
        self,
        attempt: Callable[[], Answer],
        failures: tuple[type[SourceError | StorageError], ...] = (SourceError, StorageError),
    ) -> Answer:
        """Returns what `attempt` returns; tries again after one of `failures`.

        Raises what the last try raised, or TransferInterruptedError when the deadline is over.
        """
        failed = 0
        while True:
            try:
                return attempt()
            except failures as error:
                failed += 1
                self.pause(failed, error)

    def pause(self, failed: int, error: SourceError | StorageError) -> None:
        """Waits before the next try, after `failed` failures in a row; raises `error` when there is to be none."""
        if self.deadline.is_over:
            raise TransferInterruptedError(f"out of time after: {error}") from error
        self._failures += 1
        if failed >= self._tries or self._failures > FAILURES or not is_worth_another_try(error):
            raise error
        seconds = min(self._pause_seconds * 2 ** (failed - 1), LONGEST_PAUSE_SECONDS)
        if self._stop.wait(seconds * random.uniform(1, 1.5)):  # noqa: S311 (no secret)
            raise error


def is_worth_another_try(error: SourceError | StorageError) -> bool:
    """Whether the same request may do better in a moment."""
    if isinstance(error, BucketRefusedError):
        return error.http_status in _TRANSIENT or error.reason == "BadDigest"
    return error.retryable and not isinstance(error, TransferInterruptedError)
