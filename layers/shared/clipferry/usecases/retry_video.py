"""Mirrors a FAILED video again while its source still lives, and holds its credits again first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clipferry.db import callers, rates, reopening, users, videos
from clipferry.db.connection import Database
from clipferry.errors import (
    ConflictError,
    InsufficientCreditsError,
    OriginalExpiredError,
    ProviderError,
    QueueError,
    RateLimitedError,
    SourceGoneError,
    SourceInvalidError,
    TooManyJobsError,
    UnauthorizedError,
    VideoNotFoundError,
)
from clipferry.mirror_queue import MirrorQueue
from clipferry.models import Credential, Video, VideoStatus
from clipferry.observability import follow, logger
from clipferry.providers.base import Provider, find_source
from clipferry.timing import Timing


def retry_video(
    uuid: str,
    *,
    credential: Credential,
    database: Database,
    retry: Callable[..., None],
    max_concurrent: int,
    rate_limit_per_minute: int,
) -> Video:
    """The video, UPLOADING. `retry` is `retry_failed`.

    Raises what that raises, VideoNotFoundError and, as an order does, RateLimitedError.
    """
    follow(uuid)
    video = _own(uuid, credential, database)
    if video.status is VideoStatus.FAILED:
        _count(video.user_id, database, rate_limit_per_minute)
    retry(video, max_concurrent=max_concurrent)
    return _own(uuid, credential, database)


def retry_for_owner(uuid: str, *, database: Database, retry: Callable[..., None]) -> Video:
    """`retry_video` as an operator does it, at the owner's cost and without the owner's limits. Raises the same."""
    retry(_anybodys(uuid, database))
    return _anybodys(uuid, database)


def retry_failed(
    video: Video,
    *,
    database: Database,
    providers: Mapping[str, Provider],
    check_source: Callable[[str], None],
    queue: MirrorQueue,
    timing: Timing,
    max_concurrent: int | None = None,
) -> None:
    """FAILED → UPLOADING, and a message. `check_source(url)` raises SourceGoneError when nothing is there any more.

    Raises ConflictError (it isn't FAILED, or another retry was first), OriginalExpiredError, InsufficientCreditsError,
    and TooManyJobsError where `max_concurrent` says how many of a user's videos may be in the making.
    """
    if video.status is not VideoStatus.FAILED:
        raise ConflictError(f"status is {video.status}")
    source_url = _living_source(video, providers, check_source)
    _reopen(video, source_url, database, timing, max_concurrent)
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


def _count(user_id: str, database: Database, rate_limit_per_minute: int) -> None:
    """A retry asks the source and perhaps the provider: it counts as an order does."""
    with database.transaction() as tx:
        users.enter(tx, user_id)
        counted = rates.count_request(tx)
    if any(row["requests"] > rate_limit_per_minute for row in counted.all()):
        raise RateLimitedError


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
    try:
        return find_source(video.provider, video.external_task_id, providers=providers)
    except ProviderError:
        return None


def _reopen(video: Video, source_url: str, database: Database, timing: Timing, max_concurrent: int | None) -> None:
    with database.transaction() as tx:
        reopened = reopening.reopen(
            tx,
            video_uuid=video.uuid,
            source_url=source_url,
            deadline_seconds=timing.upload_deadline_seconds,
            next_check_seconds=timing.check_seconds,
            max_concurrent=max_concurrent,
        )
    result = reopened.first()
    if result is None or result.verdict == "NOT_FAILED":
        raise ConflictError("another retry was first")
    if result.verdict == "TOO_MANY_JOBS":
        raise TooManyJobsError(details={"inFlight": result.jobs})
    if result.verdict == "INSUFFICIENT_CREDITS":
        raise InsufficientCreditsError(
            details={"requiredCredits": result.required_credits, "availableCredits": result.available_credits}
        )
    logger.info("video retried", video_uuid=video.uuid)
