"""Ferries one finished file into the bucket and, with COMPLETED, settles its hold. One worker at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from clipferry import media
from clipferry.db import endings, jobs, videos
from clipferry.db.connection import Database
from clipferry.db.jobs import Lease
from clipferry.errors import ProviderError, SourceError, SourceGoneError, SourceInvalidError, StorageError
from clipferry.models import FailureCode, MirroredFile, VideoStatus
from clipferry.observability import count, logger
from clipferry.providers.base import Provider
from clipferry.storage import Storage
from clipferry.timing import Timing

INVALID_TRIES: Final = 5
"""A source that isn't a video may be a CDN's bad minute; after so many tries it is the file."""
LEASE_MARGIN_SECONDS: Final = 5.0


def mirror_video(
    uuid: str,
    *,
    database: Database,
    storage: Storage,
    providers: Mapping[str, Provider],
    timing: Timing,
    seconds_left: Callable[[], float],
) -> None:
    """Returns when the video is COMPLETED, FAILED, somebody else's, or scheduled to be tried again."""
    with database.transaction() as tx:
        leasing = jobs.lease(tx, uuid=uuid, seconds=seconds_left() + LEASE_MARGIN_SECONDS)
    lease = leasing.first()
    if lease is None:
        logger.info("nothing to mirror", video_uuid=uuid)
        return
    started = time.monotonic()
    try:
        file = _fetch(uuid, lease.source_url, storage)
    except SourceGoneError as error:
        _refresh_or_fail(uuid, lease, error, database=database, providers=providers)
    except SourceInvalidError as error:
        _retry_or_fail(uuid, lease, error, database=database, timing=timing)
    except (SourceError, StorageError) as error:
        _try_again(uuid, lease, error, database=database, timing=timing)
    else:
        _complete(uuid, lease, file, database=database)
        count("MirroredBytes", file.size)
        count("MirrorSeconds", time.monotonic() - started)


def _fetch(uuid: str, source_url: str, storage: Storage) -> MirroredFile:
    scanner = media.MediaScanner()
    stored = storage.download_and_upload(source_url=source_url, key=f"videos/{uuid}.mp4", on_chunk=scanner.feed)
    return MirroredFile(
        key=stored.key, url=stored.url, size=stored.size, sha256=stored.sha256 or "", media=scanner.result()
    )


def _complete(uuid: str, lease: Lease, file: MirroredFile, *, database: Database) -> None:
    with database.transaction() as tx:
        completed = endings.complete(
            tx,
            video_uuid=uuid,
            fence=lease.fence,
            file=file,
            thumbnail_url=None,
            resolution=media.resolution_name(file.media),
            aspect_ratio=media.aspect_ratio_name(file.media),
        )
    if completed.first() is None:
        logger.error("mirrored, but not completed: the lease or the hold is gone", video_uuid=uuid, fence=lease.fence)
        count("CompletionsRefused")
        return
    logger.info("video completed", video_uuid=uuid, bytes=file.size)
    count("VideosCompleted")


def _refresh_or_fail(
    uuid: str, lease: Lease, error: SourceGoneError, *, database: Database, providers: Mapping[str, Provider]
) -> None:
    """403, 404 and 410 may mean that the address has expired: the provider is asked once for a fresh one."""
    fresh = None if lease.source_refreshed else _fresh_source(lease, providers)
    if fresh is None:
        _fail(uuid, lease, error, database=database)
        return
    with database.transaction() as tx:
        videos.refresh_source(tx, uuid=uuid, source_url=fresh, fence=lease.fence)
        jobs.yield_lease(tx, uuid=uuid, fence=lease.fence, again_seconds=0, detail=str(error))


def _fresh_source(lease: Lease, providers: Mapping[str, Provider]) -> str | None:
    provider = providers.get(lease.provider or "")
    if provider is None or lease.task_id is None:
        return None
    try:
        return provider.ask(lease.task_id).video_url
    except ProviderError:
        return None


def _retry_or_fail(uuid: str, lease: Lease, error: SourceError, *, database: Database, timing: Timing) -> None:
    if lease.attempts >= INVALID_TRIES:
        _fail(uuid, lease, error, database=database)
    else:
        _try_again(uuid, lease, error, database=database, timing=timing)


def _try_again(
    uuid: str, lease: Lease, error: SourceError | StorageError, *, database: Database, timing: Timing
) -> None:
    again = timing.mirror_again_seconds(lease.attempts)
    with database.transaction() as tx:
        jobs.yield_lease(tx, uuid=uuid, fence=lease.fence, again_seconds=again, detail=str(error))
    logger.warning("mirror interrupted", video_uuid=uuid, attempt=lease.attempts, detail=str(error))
    count("MirrorsInterrupted", reason=error.code)


def _fail(uuid: str, lease: Lease, error: SourceError, *, database: Database) -> None:
    with database.transaction() as tx:
        endings.fail(
            tx,
            video_uuid=uuid,
            code=FailureCode.FILE_UNAVAILABLE,
            detail=str(error),
            from_states=(VideoStatus.UPLOADING,),
            fence=lease.fence,
        )
    logger.error("video failed", video_uuid=uuid, reason=FailureCode.FILE_UNAVAILABLE.value, detail=str(error))
    count("VideosFailed", reason=FailureCode.FILE_UNAVAILABLE.value)
