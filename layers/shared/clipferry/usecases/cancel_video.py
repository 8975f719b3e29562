"""Has a provider stop a task. The video ends as the provider then says: cancelled, failed, or finished all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clipferry.db import cancellations, sign_in, videos
from clipferry.db.connection import Database, Rows
from clipferry.errors import NotCancellableError, ProviderError, ProviderSilentError
from clipferry.models import Credential, Video, VideoStatus
from clipferry.observability import logger, set_log_context
from clipferry.providers.base import Provider
from clipferry.usecases.advance_video import AdvanceContext, advance_video
from clipferry.usecases.query_videos import found_video, get_video
from clipferry.verdicts import FailureCode

AGAIN_SECONDS: Final = 15.0
"""After so long a repeat tells the provider again: whoever was to tell it may have died."""


def cancel_video(uuid: str, *, credential: Credential, database: Database, context: AdvanceContext) -> Video:
    """The video after the provider was told, and asked what has become of it. The hold stays until the video has ended.

    A repeat is answered as the first was, whether or not the video has ended by then. Raises VideoNotFoundError,
    NotCancellableError (there is no task yet or any more, or the provider stops none) and ProviderError.
    """
    set_log_context(uuid)
    video, claimed = _claim(uuid, credential, database)
    set_log_context(uuid, prompt=video.prompt)
    claim = claimed.first()
    if claim is None:
        return _as_before(video)
    if not _tell(video, context.providers, database, is_first=claim["is_first"]):
        raise NotCancellableError(uuid, details={"status": video.status.value})
    advance_video(video, database=database, context=context)
    return get_video(uuid, credential=credential, database=database)


def _claim(uuid: str, credential: Credential, database: Database) -> tuple[Video, Rows[dict[str, Any]]]:
    with database.transaction() as tx:
        caller = sign_in.authenticate(tx, credential)
        claimed = cancellations.claim(tx, uuid=uuid, again_seconds=AGAIN_SECONDS)
        found = videos.get_own(tx, uuid)
    return found_video(uuid, caller, found), claimed


def _as_before(video: Video) -> Video:
    is_cancelled = video.error_code == FailureCode.CANCELLED
    if is_cancelled or (video.is_cancel_asked and video.status is VideoStatus.GENERATING):
        return video
    raise NotCancellableError(video.uuid, details={"status": video.status.value})


def _tell(video: Video, providers: Mapping[str, Provider], database: Database, *, is_first: bool) -> bool:
    """Whether the provider is stopping it. One that was told before may say that the task is over: so it was."""
    provider = providers.get(video.provider or "")
    try:
        is_stopping = provider is not None and provider.cancel(video.external_task_id or "")
    except ProviderSilentError:  # it may have been told
        raise
    except ProviderError:
        if is_first:
            _withdraw(video, database)
        raise
    logger.info("cancel", video_uuid=video.uuid, provider=video.provider, is_stopping=is_stopping)
    if is_first and not is_stopping:
        _withdraw(video, database)
    return is_stopping or not is_first


def _withdraw(video: Video, database: Database) -> None:
    with database.transaction() as tx:
        cancellations.withdraw(tx, video.uuid)
