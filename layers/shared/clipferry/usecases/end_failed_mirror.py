"""Decides what follows a mirror that failed: a fresh address, another try later, or the end of the video."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clipferry.db import finish_video, leases, videos
from clipferry.db.connection import Database
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
from clipferry.models import FailureCode, VideoStatus
from clipferry.observability import logger
from clipferry.outcome_metrics import count_failed, count_interrupted
from clipferry.polling import Polling
from clipferry.providers.base import Provider, find_source

INVALID_TRIES: Final = 5
"""A source that isn't a video may be a CDN's bad minute; after so many tries it is the file."""


def end_failed_mirror(
    uuid: str,
    lease: Lease,
    error: SourceError | StorageError,
    *,
    database: Database,
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
        return _refresh_or_fail(uuid, lease, error, database=database, providers=providers, polling=polling)
    is_last_page = isinstance(error, SourceInvalidError) and lease.invalid_answers + 1 >= INVALID_TRIES
    if isinstance(error, SourceError) and (is_last_page or isinstance(error, WrongFileKindError)):
        _fail(uuid, lease, error, database=database)
    else:
        _try_again(uuid, lease, error, database=database, polling=polling)
    return False


def _refresh_or_fail(
    uuid: str,
    lease: Lease,
    error: SourceGoneError | NotAVideoError,
    *,
    database: Database,
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
        _try_again(uuid, lease, error, database=database, polling=polling)
        return False
    if fresh is None:
        _fail(uuid, lease, error, database=database)
        return False
    with database.transaction() as tx:
        videos.refresh_source(tx, uuid=uuid, source_url=fresh, fence=lease.fence)
        leases.release_lease(tx, uuid=uuid, fence=lease.fence, again_seconds=0, error=error)
    return isinstance(error, NotAVideoError)  # one that is gone may be there when the schedule looks again


def _try_again(
    uuid: str, lease: Lease, error: SourceError | StorageError, *, database: Database, polling: Polling
) -> None:
    again = polling.mirror_again_seconds(lease.attempts)
    with database.transaction() as tx:
        leases.release_lease(tx, uuid=uuid, fence=lease.fence, again_seconds=again, error=error)
    logger.warning("mirror interrupted", video_uuid=uuid, attempt=lease.attempts, detail=str(error))
    count_interrupted(error)


def _fail(uuid: str, lease: Lease, error: SourceError, *, database: Database) -> None:
    code = FailureCode.NOT_A_VIDEO if isinstance(error, NotAVideoError) else FailureCode.FILE_UNAVAILABLE
    with database.transaction() as tx:
        finish_video.fail(
            tx,
            video_uuid=uuid,
            code=code,
            detail=str(error),
            from_states=(VideoStatus.UPLOADING,),
            fence=lease.fence,
        )
    logger.error("video failed", video_uuid=uuid, reason=code.value, detail=str(error))
    count_failed(code)
