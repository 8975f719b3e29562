"""Mirrors a FAILED video again while its source still exists, and holds its credits again first."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clipferry.db import rate_limits, sign_in, videos
from clipferry.db.connection import Database
from clipferry.db.retry_video import reopen
from clipferry.errors import (
    ConflictError,
    InsufficientCreditsError,
    KeyCapReachedError,
    OriginalExpiredError,
    ProviderError,
    RateLimitedError,
    SourceGoneError,
    SourceInvalidError,
    TooManyJobsError,
    VideoNotFoundError,
)
from clipferry.mirror_queue import send_to_mirror
from clipferry.models import Credential, Video, VideoStatus
from clipferry.observability import logger, set_log_context
from clipferry.polling import Polling
from clipferry.providers.base import Provider, find_source
from clipferry.usecases.advance_video import AdvanceContext
from clipferry.verdicts import RetryVerdict


def retry_video(
    uuid: str,
    *,
    credential: Credential,
    database: Database,
    context: AdvanceContext,
    check_source: Callable[[str], None],
    max_concurrent: int,
    rate_limit_per_minute: int,
) -> Video:
    """The video, UPLOADING. `check_source(url)` raises SourceGoneError when nothing is there any more.

    Raises ConflictError (it isn't FAILED, or another retry was first), OriginalExpiredError, InsufficientCreditsError,
    VideoNotFoundError and, as a request for a new video does, RateLimitedError and TooManyJobsError.
    """
    set_log_context(uuid)
    video, api_key_id = _own_video(uuid, credential, database)
    if video.status is VideoStatus.FAILED:
        _count_request(video.user_id, database, rate_limit_per_minute)
    source_url = _available_source(video, context.providers, check_source)
    _reopen(video, source_url, database, context.polling, max_concurrent, api_key_id)
    send_to_mirror(video.uuid, context.queue)
    return _own_video(uuid, credential, database)[0]


def retry_as_operator(
    uuid: str, *, database: Database, context: AdvanceContext, check_source: Callable[[str], None]
) -> Video:
    """`retry_video` at the owner's cost and without the owner's limits. Raises the same."""
    video = _any_video(uuid, database)
    source_url = _available_source(video, context.providers, check_source)
    _reopen(video, source_url, database, context.polling)
    send_to_mirror(video.uuid, context.queue)
    return _any_video(uuid, database)


def _own_video(uuid: str, credential: Credential, database: Database) -> tuple[Video, int | None]:
    """The video, and the id of the API key that asks."""
    with database.transaction() as tx:
        caller = sign_in.authenticate(tx, credential)
        found = videos.get_own(tx, uuid)
    key_id = sign_in.signed_in(caller).key_id
    video = found.first()
    if video is None:
        raise VideoNotFoundError(uuid)
    return video, key_id


def _count_request(user_id: str, database: Database, rate_limit_per_minute: int) -> None:
    """Counts the retry as a request for a new video is counted: it asks the source, and perhaps the provider."""
    counted = database.run(rate_limits.count_request, user_id)
    if any(row["requests"] > rate_limit_per_minute for row in counted.all()):
        raise RateLimitedError


def _any_video(uuid: str, database: Database) -> Video:
    video = database.run(videos.get, uuid).first()
    if video is None or video.is_deleted:
        raise VideoNotFoundError(uuid)
    return video


def _available_source(video: Video, providers: Mapping[str, Provider], check_source: Callable[[str], None]) -> str:
    """Returns the address that we know, or else a fresh one from the provider."""
    if video.status is not VideoStatus.FAILED:
        raise ConflictError(f"status is {video.status}")
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


def _reopen(
    video: Video,
    source_url: str,
    database: Database,
    polling: Polling,
    max_concurrent: int | None = None,
    api_key_id: int | None = None,
) -> None:
    result = database.run(
        reopen,
        video_uuid=video.uuid,
        source_url=source_url,
        deadline_seconds=polling.upload_deadline_seconds,
        next_check_seconds=polling.check_seconds,
        max_concurrent=max_concurrent,
        api_key_id=api_key_id,
    ).first()
    if result is None or result.verdict is RetryVerdict.NOT_FAILED:
        raise ConflictError("another retry was first")
    if result.verdict is RetryVerdict.TOO_MANY_JOBS:
        raise TooManyJobsError(details={"inFlight": result.jobs})
    if result.verdict is RetryVerdict.KEY_CAP_REACHED:
        raise KeyCapReachedError(
            details={
                "requiredCredits": result.required_credits,
                "usedCredits": result.used_credits,
                "monthlyCredits": result.monthly_credits,
            }
        )
    if result.verdict is RetryVerdict.INSUFFICIENT_CREDITS:
        raise InsufficientCreditsError(
            details={"requiredCredits": result.required_credits, "availableCredits": result.available_credits}
        )
    logger.info("video retried", video_uuid=video.uuid)
