"""Mirrors a FAILED video again while its source still lives, and holds its credits again first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clipferry.db import callers, reopening, videos
from clipferry.db.connection import Database
from clipferry.errors import (
    ConflictError,
    InsufficientCreditsError,
    OriginalExpiredError,
    ProviderError,
    QueueError,
    SourceGoneError,
    SourceInvalidError,
    UnauthorizedError,
    VideoNotFoundError,
)
from clipferry.mirror_queue import MirrorQueue
from clipferry.models import Credential, Video, VideoStatus
from clipferry.observability import follow, logger
from clipferry.providers.base import Provider
from clipferry.timing import Timing


def retry_video(
    uuid: str,
    *,
    credential: Credential,
    database: Database,
    providers: Mapping[str, Provider],
    check_source: Callable[[str], None],
    queue: MirrorQueue,
    timing: Timing,
) -> Video:
    """The video, UPLOADING. `check_source(url)` raises SourceGoneError when nothing is there any more.

    Raises VideoNotFoundError, ConflictError (it isn't FAILED, or another retry was first), OriginalExpiredError, or
    InsufficientCreditsError.
    """
    follow(uuid)
    video = _own(uuid, credential, database)
    _retry(video, database=database, providers=providers, check_source=check_source, queue=queue, timing=timing)
    return _own(uuid, credential, database)


def retry_for_owner(
    uuid: str,
    *,
    database: Database,
    providers: Mapping[str, Provider],
    check_source: Callable[[str], None],
    queue: MirrorQueue,
    timing: Timing,
) -> Video:
    """`retry_video` as an operator does it, in the owner's name and at the owner's cost. Raises the same."""
    video = _anybodys(uuid, database)
    _retry(video, database=database, providers=providers, check_source=check_source, queue=queue, timing=timing)
    return _anybodys(uuid, database)


def _retry(
    video: Video,
    *,
    database: Database,
    providers: Mapping[str, Provider],
    check_source: Callable[[str], None],
    queue: MirrorQueue,
    timing: Timing,
) -> None:
    if video.status is not VideoStatus.FAILED:
        raise ConflictError(f"status is {video.status}")
    source_url = _living_source(video, providers, check_source)
    _reopen(video, source_url, database, timing)
    try:
        queue.send(video.uuid)
    except QueueError as error:
        logger.error("mirror message not sent", video_uuid=video.uuid, detail=str(error))


def _own(uuid: str, credential: Credential, database: Database) -> Video:
    with database.transaction() as tx:
        caller = callers.sign_in(tx, credential)
        found = videos.get_own(tx, uuid)
    if caller.first() is None:
        raise UnauthorizedError("no such session or key")
    video = found.first()
    if video is None:
        raise VideoNotFoundError(uuid)
    return video


def _anybodys(uuid: str, database: Database) -> Video:
    with database.transaction() as tx:
        found = videos.get(tx, uuid)
    video = found.first()
    if video is None or video.is_deleted:
        raise VideoNotFoundError(uuid)
    return video


def _living_source(video: Video, providers: Mapping[str, Provider], check_source: Callable[[str], None]) -> str:
    """The address that we know, or a fresh one from the provider."""
    for find in (lambda: video.original_video_url, lambda: _fresh_source(video, providers)):
        url = find()
        if url is None:
            continue
        try:
            check_source(url)
        except (SourceGoneError, SourceInvalidError):
            continue
        return url
    raise OriginalExpiredError(video.uuid)


def _fresh_source(video: Video, providers: Mapping[str, Provider]) -> str | None:
    provider = providers.get(video.provider or "")
    if provider is None or video.external_task_id is None:
        return None
    try:
        return provider.ask(video.external_task_id).video_url
    except ProviderError:
        return None


def _reopen(video: Video, source_url: str, database: Database, timing: Timing) -> None:
    with database.transaction() as tx:
        reopened = reopening.reopen(
            tx,
            video_uuid=video.uuid,
            source_url=source_url,
            deadline_seconds=timing.upload_deadline_seconds,
            next_check_seconds=timing.check_seconds,
        )
    result = reopened.first()
    if result is None or result.verdict == "NOT_FAILED":
        raise ConflictError("another retry was first")
    if result.verdict == "INSUFFICIENT_CREDITS":
        raise InsufficientCreditsError(
            details={"requiredCredits": result.required_credits, "availableCredits": result.available_credits}
        )
    logger.info("video retried", video_uuid=video.uuid)
