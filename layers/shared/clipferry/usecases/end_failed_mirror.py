"""Decides what follows a mirror that failed: a fresh address, another try later, or the end of the video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Final

from clipferry.db.leases import Lease, Standstill
from clipferry.errors import (
    NotAVideoError,
    ProviderError,
    SourceError,
    SourceGoneError,
    SourceInvalidError,
    StorageError,
    WrongFileKindError,
)
from clipferry.observability import count, logger
from clipferry.outcome_metrics import count_failed, count_interrupted
from clipferry.polling import Polling
from clipferry.providers.base import Provider, find_source
from clipferry.storage import Storage
from clipferry.usecases.mirror_job import LeaseLostError, MirrorJob
from clipferry.verdicts import FailureCode

INVALID_TRIES: Final = 5
"""A source that isn't a video may be a CDN's bad minute; after so many tries it is the file."""
ASK_AFTER_SECONDS: Final = 240.0
"""A file that hasn't got any further for so long, in two deliveries at least, may do so at a fresh address."""
FAIL_AFTER_SECONDS: Final = 480.0
"""Once the provider was asked, a file that doesn't get further fails: its last delivery may take the tenth minute."""
LONGEST_WAIT_SECONDS: Final = 300.0
"""The most that a source's Retry-After puts the next delivery off."""


def end_failed_mirror(
    job: MirrorJob,
    lease: Lease,
    error: SourceError | StorageError,
    *,
    reached: int,
    storage: Storage,
    providers: Mapping[str, Provider],
    polling: Polling,
) -> bool:
    """Ends the lease: the video is due again with a fresh address or after a pause, or it is FAILED.

    `reached` is how many bytes of the file have come. A source that is gone (SourceGoneError), that is no film
    (NotAVideoError) or that never gets further is looked up once at the provider; True says that the fresh address is
    to be tried now. One that isn't known at all (SourceInvalidError), such as a page, is tried INVALID_TRIES times.
    After an error of the bucket the video is tried until its deadline.
    """
    standstill = job.find_standstill()
    ending = _Ending(job, lease, error, reached, standstill, storage=storage, providers=providers, polling=polling)
    try:
        return ending.decide()
    except LeaseLostError:
        logger.warning("another worker has taken over", video_uuid=job.uuid, fence=lease.fence)
        count("LeasesLost")
        return False


@dataclass(frozen=True, slots=True)
class _Ending:
    """One delivery that has failed."""

    job: MirrorJob
    lease: Lease
    error: SourceError | StorageError
    reached: int
    before: Standstill
    _: KW_ONLY
    storage: Storage
    providers: Mapping[str, Provider]
    polling: Polling

    def decide(self) -> bool:
        error = self.error
        if isinstance(error, WrongFileKindError) or self._is_last_page():
            self._fail(str(error))
        elif isinstance(error, SourceGoneError | NotAVideoError) or self._may_need_another_address():
            return self._refresh_or_fail()
        elif self._stands_still_for(FAIL_AFTER_SECONDS, deliveries=3) and self.lease.source_refreshed:
            self._fail(self._standstill_words())
        else:
            self._try_again()
        return False

    @property
    def _is_standstill(self) -> bool:
        """Whether the source's fault has kept this delivery from getting further than those before."""
        return self.error.blames_source and self.reached <= self.before.reached

    def _stands_still_for(self, seconds: float, *, deliveries: int) -> bool:
        is_long_enough = self.before.seconds >= seconds and self.before.deliveries + 1 >= deliveries
        return self._is_standstill and is_long_enough

    def _may_need_another_address(self) -> bool:
        return not self.lease.source_refreshed and self._stands_still_for(ASK_AFTER_SECONDS, deliveries=2)

    def _is_last_page(self) -> bool:
        return isinstance(self.error, SourceInvalidError) and self.lease.invalid_answers + 1 >= INVALID_TRIES

    def _standstill_words(self) -> str:
        minutes, deliveries = self.before.seconds / 60, self.before.deliveries + 1
        return f"no further than {self.before.reached} bytes in {deliveries} tries and {minutes:.0f} min: {self.error}"

    def _refresh_or_fail(self) -> bool:
        """Asks the provider once for a fresh address: this one may have expired, or lead to half a file.

        A provider that doesn't answer now is asked again later: until the deadline that is no reason to fail the video.
        """
        task_id = None if self.lease.source_refreshed else self.lease.task_id
        try:
            fresh = find_source(self.lease.provider, task_id, providers=self.providers)
        except ProviderError:
            self._try_again()
            return False
        if fresh is None:
            is_clear = isinstance(self.error, SourceGoneError | NotAVideoError)
            self._fail(str(self.error) if is_clear else self._standstill_words())
            return False
        self._release(source_url=fresh)
        # One that is gone may be there when the schedule looks again.
        return not isinstance(self.error, SourceGoneError)

    def _try_again(self) -> None:
        seconds = self.polling.mirror_again_seconds(self.lease.attempts)
        if self._is_standstill:
            end = FAIL_AFTER_SECONDS if self.lease.source_refreshed else ASK_AFTER_SECONDS
            seconds = min(seconds, max(end - self.before.seconds, self.polling.check_seconds))
        self._release(again_seconds=max(seconds, min(self.error.wait_seconds, LONGEST_WAIT_SECONDS)))
        attempt, detail = self.lease.attempts, str(self.error)
        logger.warning("mirror interrupted", video_uuid=self.job.uuid, attempt=attempt, detail=detail)
        count_interrupted(self.error)

    def _release(self, *, again_seconds: float = 0.0, source_url: str | None = None) -> None:
        self.job.release(
            self.lease,
            self.error,
            again_seconds=again_seconds,
            reached=self.reached,
            standstill=self._is_standstill,
            source_url=source_url,
        )

    def _fail(self, words: str) -> None:
        code = FailureCode.NOT_A_VIDEO if isinstance(self.error, NotAVideoError) else FailureCode.FILE_UNAVAILABLE
        self._abort_kept_upload()
        self.job.fail(self.lease, words, code)
        logger.error("video failed", video_uuid=self.job.uuid, reason=code.value, detail=words)
        count_failed(code)

    def _abort_kept_upload(self) -> None:
        """Aborts the upload that the next delivery would have continued: there is none.

        Raises LeaseLostError, and touches nothing, unless the lease is this worker's. A bucket that refuses keeps the
        upload until the daily `abort_uploads`.
        """
        kept = self.job.read_progress()
        if kept is None:
            return
        self.job.save_progress(self.lease, None)
        try:
            self.storage.abort_upload(self.job.key, kept.upload_id)
        except StorageError as error:
            logger.warning("upload not aborted", video_uuid=self.job.uuid, detail=str(error))
