"""Sends an order to the first provider that takes it. It ends in one of three ways: accepted, refused, or unknown."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from clipferry.db import endings, submissions, videos
from clipferry.db.connection import Database
from clipferry.errors import (
    DatabaseUnavailableError,
    ProviderError,
    ProviderRefusedError,
    ProviderSilentError,
    ProviderUnreachableError,
)
from clipferry.models import FailureCode, Order, Submission, Submitted, VideoStatus
from clipferry.observability import count, logger
from clipferry.providers.base import Provider
from clipferry.timing import Timing

SUBMIT_SECONDS: Final = 20.0
"""For every submit of one request, failover included: API Gateway gives up after 30."""
SHORTEST_SUBMIT_SECONDS: Final = 4.0
"""With less time left another provider isn't asked: it would only end unknown."""


def submit_video(
    orders: list[Order],
    *,
    database: Database,
    providers: Mapping[str, Provider],
    sign_callback: Callable[[str, str], str],
    timing: Timing,
) -> Submitted:
    """Tries `orders`, one a provider, in turn; only a refusal lets the next one try. Never sends one twice.

    Accepted: the task is recorded. Unknown: the row stays PENDING with its hold, and only the callback or the deadline
    resolves it. Refused by all: the video fails, the hold is released, and the last refusal is raised.
    `sign_callback(provider, video_uuid)` gives the callback URL.
    """
    give_up = time.monotonic() + SUBMIT_SECONDS
    refusal, refused_by = ProviderError("no order"), None
    for order in orders:
        remaining = give_up - time.monotonic()
        if refused_by and not _may_switch(database, order, refused_by, remaining):
            break
        try:
            submission = _send(order, providers, sign_callback, remaining)
        except (ProviderRefusedError, ProviderUnreachableError) as error:
            refusal, refused_by = error, order.provider
            logger.warning("submit refused", video_uuid=order.video_uuid, provider=order.provider, detail=str(error))
            count("ProviderErrors", provider=order.provider)
        except ProviderSilentError as error:
            return _unknown(database, order, error)
        else:
            status = _record(database, order, submission, timing)
            return Submitted(
                provider=order.provider,
                status=status,
                task_id=submission.task_id,
                estimated_seconds=submission.estimated_seconds,
            )
    raise _given_back(database, orders[0].video_uuid, refusal)


def _send(
    order: Order, providers: Mapping[str, Provider], sign_callback: Callable[[str, str], str], timeout: float
) -> Submission:
    url = sign_callback(order.provider, order.video_uuid)
    return providers[order.provider].submit(order, callback_url=url, timeout=timeout)


def _may_switch(database: Database, order: Order, refused_by: str, remaining: float) -> bool:
    """The row names the provider before the provider is asked: its callback may come before its answer."""
    if remaining < SHORTEST_SUBMIT_SECONDS:
        return False
    with database.transaction() as tx:
        switched = submissions.switch_provider(
            tx, video_uuid=order.video_uuid, refused_by=refused_by, provider=order.provider
        )
    return switched.first() is not None


def _unknown(database: Database, order: Order, error: ProviderSilentError) -> Submitted:
    logger.error("submit unanswered", video_uuid=order.video_uuid, provider=order.provider, detail=str(error))
    count("SubmitsUnanswered", provider=order.provider)
    try:
        with database.transaction() as tx:
            submissions.note_unanswered(tx, video_uuid=order.video_uuid, provider=order.provider)
            current = videos.get(tx, order.video_uuid)
    except DatabaseUnavailableError:
        return Submitted(provider=order.provider, status=VideoStatus.PENDING)
    video = current.first()
    return Submitted(
        provider=order.provider,
        status=video.status if video else VideoStatus.PENDING,
        task_id=video.external_task_id if video else None,
    )


def _record(database: Database, order: Order, submission: Submission, timing: Timing) -> VideoStatus:
    """The provider has the order, whatever the database says now: a lost write is made good by the callback."""
    try:
        with database.transaction() as tx:
            recorded = submissions.record(
                tx,
                video_uuid=order.video_uuid,
                provider=order.provider,
                task_id=submission.task_id,
                estimated_seconds=submission.estimated_seconds,
                deadline_seconds=timing.generation_deadline_seconds,
                first_check_seconds=timing.first_check_seconds(submission.estimated_seconds),
            )
            current = videos.get(tx, order.video_uuid)
    except DatabaseUnavailableError:
        logger.exception("submitted, but not recorded", video_uuid=order.video_uuid, task_id=submission.task_id)
        return VideoStatus.PENDING
    if recorded.first() is None:
        logger.warning("ended before its submit was recorded", video_uuid=order.video_uuid, task_id=submission.task_id)
    video = current.first()
    return video.status if video else VideoStatus.PENDING


def _given_back(database: Database, uuid: str, refusal: ProviderError) -> ProviderError:
    """Fails the video, releases the hold, keeps the answer for a replay, and returns the error to raise."""
    failure = FailureCode(refusal.failure) if isinstance(refusal, ProviderRefusedError) else FailureCode.PROVIDER_BUSY
    refusal.details = {"videoUuid": uuid, "errorCode": failure.value, "reason": failure.sentence}
    states = (VideoStatus.PENDING, VideoStatus.GENERATING)
    with database.transaction() as tx:
        endings.fail(tx, video_uuid=uuid, code=failure, detail=str(refusal), from_states=states)
        submissions.remember_refusal(tx, video_uuid=uuid, refusal=refusal.as_answer())
    count("VideosFailed", reason=failure.value)
    return refusal
