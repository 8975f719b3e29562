"""Decides what follows a mirror that failed: a fresh address, another try later, or the end of the video."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clipferry.db.leases import Lease
from clipferry.errors import (
    NotAVideoError,
    ProviderError,
    SourceError,
    SourceGoneError,
    SourceInvalidError,
    StorageError,
    WrongFileKindError,
)
from clipferry.models import FailureCode
from clipferry.observability import logger
from clipferry.outcome_metrics import count_failed, count_interrupted
from clipferry.polling import Polling
from clipferry.providers.base import Provider, find_source
from clipferry.usecases.mirror_job import MirrorJob

INVALID_TRIES: Final = 5
"""A source that isn't a video may be a CDN's bad minute; after so many tries it is the file."""


def end_failed_mirror(
    job: MirrorJob,
    lease: Lease,
    error: SourceError | StorageError,
    *,
    providers: Mapping[str, Provider],
    polling: Polling,
) -> bool:
    """Ends the lease: the video is due again with a fresh address or after a pause, or it is FAILED.

    A source that is gone (SourceGoneError) or that is no film (NotAVideoError) is looked up once at the provider; True
    says that the fresh address of what was no film is to be tried now. One that isn't known at all
    (SourceInvalidError), such as a page, is tried INVALID_TRIES times; after any other error the video is tried until
    its deadline.
    """
    if isinstance(error, SourceGoneError | NotAVideoError) and not isinstance(error, WrongFileKindError):
        return _refresh_or_fail(job, lease, error, providers=providers, polling=polling)
    is_last_page = isinstance(error, SourceInvalidError) and lease.invalid_answers + 1 >= INVALID_TRIES
    if isinstance(error, SourceError) and (is_last_page or isinstance(error, WrongFileKindError)):
        _fail(job, lease, error)
    else:
        _try_again(job, lease, error, polling)
    return False


def _refresh_or_fail(
    job: MirrorJob,
    lease: Lease,
    error: SourceGoneError | NotAVideoError,
    *,
    providers: Mapping[str, Provider],
    polling: Polling,
) -> bool:
    """Asks the provider once for a fresh address: 403, 404 and 410 may mean that this one has expired.

    A provider that doesn't answer now is asked again later: until the deadline that is no reason to fail the video.
    """
    task_id = None if lease.source_refreshed else lease.task_id
    try:
        fresh = find_source(lease.provider, task_id, providers=providers)
    except ProviderError:
        _try_again(job, lease, error, polling)
        return False
    if fresh is None:
        _fail(job, lease, error)
        return False
    job.refresh_source(lease, error, fresh)
    return isinstance(error, NotAVideoError)  # one that is gone may be there when the schedule looks again


def _try_again(job: MirrorJob, lease: Lease, error: SourceError | StorageError, polling: Polling) -> None:
    job.give_lease_back(lease, error, again_seconds=polling.mirror_again_seconds(lease.attempts))
    logger.warning("mirror interrupted", video_uuid=job.uuid, attempt=lease.attempts, detail=str(error))
    count_interrupted(error)


def _fail(job: MirrorJob, lease: Lease, error: SourceError) -> None:
    code = FailureCode.NOT_A_VIDEO if isinstance(error, NotAVideoError) else FailureCode.FILE_UNAVAILABLE
    job.fail(lease, error, code)
    logger.error("video failed", video_uuid=job.uuid, reason=code.value, detail=str(error))
    count_failed(code)
