"""Mirrors one finished file into the bucket and, with COMPLETED, settles its hold. One worker at a time.

The lease says who that is. Its fencing number is checked in SQL whenever progress is kept, which is before an upload is
used, before it is completed and before it is aborted: a worker that wakes up late finds out and touches nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from aws_lambda_powertools.metrics import MetricUnit

from clipferry.db.connection import Database
from clipferry.db.leases import Lease
from clipferry.errors import DatabaseUnavailableError, NotAVideoError, SourceError, StorageError
from clipferry.media.thumbnail import MissReason, make_thumbnail
from clipferry.models import MirroredFile
from clipferry.observability import count, logger, set_log_context
from clipferry.outcome_metrics import count_completed
from clipferry.polling import Polling
from clipferry.providers.base import Provider
from clipferry.s3.multipart import Progress
from clipferry.storage import Storage
from clipferry.usecases.end_failed_mirror import end_failed_mirror
from clipferry.usecases.film_in_transit import FilmInTransit
from clipferry.usecases.mirror_job import LeaseLostError, MirrorJob

THUMBNAIL_SECONDS: Final = 10.0
ENDING_SECONDS: Final = 10.0
"""Reserved at the end of the function's time, to write down how far it has come."""


def mirror_video(
    uuid: str,
    *,
    database: Database,
    storage: Storage,
    providers: Mapping[str, Provider],
    polling: Polling,
    seconds_left: Callable[[], float],
) -> None:
    """Returns when the video is COMPLETED, FAILED, somebody else's, or scheduled to be tried again."""
    set_log_context(uuid)
    attempt = partial(
        _attempt,
        uuid,
        database=database,
        storage=storage,
        providers=providers,
        polling=polling,
        seconds_left=seconds_left,
    )
    # Whoever paid for what is no film gets the credits back now, and not after the schedule's next minute.
    if attempt() and seconds_left() > 2 * ENDING_SECONDS:
        attempt()


def _attempt(
    uuid: str,
    *,
    database: Database,
    storage: Storage,
    providers: Mapping[str, Provider],
    polling: Polling,
    seconds_left: Callable[[], float],
) -> bool:
    """Returns whether the provider has just given a fresh address."""
    job = MirrorJob(uuid, database=database, seconds_left=seconds_left)
    lease = job.take_lease()
    if lease is None:
        logger.info("nothing to mirror", video_uuid=uuid)
        return False
    started, film = time.monotonic(), FilmInTransit()
    try:
        file = _fetch(job, lease, film, storage=storage, seconds_left=seconds_left)
        thumbnail_url = _thumbnail_url(uuid, film.scanner.leading_clip(), storage, seconds_left)
        is_completed = job.complete(lease, file, thumbnail_url)
    except LeaseLostError:
        logger.warning("another worker has taken over", video_uuid=uuid, fence=lease.fence)
        count("LeasesLost")
    except (SourceError, StorageError) as error:
        return end_failed_mirror(
            job, lease, error, reached=film.reached, storage=storage, providers=providers, polling=polling
        )
    except DatabaseUnavailableError as error:
        logger.error("mirror given up for the database", video_uuid=uuid, fence=lease.fence, detail=str(error))
        job.release(lease, error)
    else:
        _report(uuid, lease, file, is_completed=is_completed)
        count("MirroredBytes", file.size, unit=MetricUnit.Bytes)
        count("MirrorSeconds", time.monotonic() - started, unit=MetricUnit.Seconds)
    return False


def _fetch(
    job: MirrorJob, lease: Lease, film: FilmInTransit, *, storage: Storage, seconds_left: Callable[[], float]
) -> MirroredFile:
    def save(progress: Progress | None) -> None:
        film.note(progress)
        job.save_progress(lease, progress)

    stored = storage.download_and_upload(
        source_url=lease.source_url,
        key=job.key,
        on_chunk=film.feed,
        on_restart=film.restart,
        progress=job.read_progress(),
        on_progress=save,
        deadline=max(seconds_left() - ENDING_SECONDS, 1.0),
    )
    no_film = film.scanner.no_film()
    if no_film is not None:
        job.note_rejected(lease, stored.size)
        raise NotAVideoError(f"{no_film} ({stored.size} bytes, sha256 {stored.sha256})")
    for oddity in film.scanner.oddities():
        logger.warning("the film is damaged", video_uuid=job.uuid, detail=oddity)
    found = film.scanner.result()
    return MirroredFile(key=job.key, url=stored.url, size=stored.size, sha256=stored.sha256, media=found)


def _thumbnail_url(uuid: str, clip: bytes | None, storage: Storage, seconds_left: Callable[[], float]) -> str | None:
    """Stores the first frame beside the video. Whatever goes wrong with it costs the thumbnail, never the video."""

    def time_left() -> float:
        return max(min(THUMBNAIL_SECONDS, seconds_left() - ENDING_SECONDS), 0.1)

    thumbnail = make_thumbnail(clip, timeout_seconds=time_left())
    if thumbnail is None:
        return None
    try:
        stored = storage.upload_file(
            key=f"videos/{uuid}.jpg",
            body=thumbnail,
            content_type="image/jpeg",
            immutable=True,
            deadline=time_left(),
        )
    except StorageError as error:
        logger.warning("no thumbnail", video_uuid=uuid, detail=str(error))
        count("ThumbnailsMissed", reason=MissReason.NOT_STORED)
        return None
    return stored.url


def _report(uuid: str, lease: Lease, file: MirroredFile, *, is_completed: bool) -> None:
    if is_completed:
        logger.info("video completed", video_uuid=uuid, bytes=file.size)
        count_completed()
    else:
        logger.error("mirrored, but not completed: the lease or the hold is gone", video_uuid=uuid, fence=lease.fence)
        count("CompletionsRefused")
