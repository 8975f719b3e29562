"""Sends an order to the first provider that takes it. It ends in one of three ways: accepted, refused, or unknown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from clipferry.db import circuits, events, finish_video, provider_costs, submissions, videos
from clipferry.db.circuits import OpenCircuit
from clipferry.db.connection import Database
from clipferry.errors import (
    DatabaseUnavailableError,
    ProviderError,
    ProviderRefusedError,
    ProviderSilentError,
    ProviderUnreachableError,
)
from clipferry.models import Order, Submission, Submitted, VideoStatus
from clipferry.observability import count, logger, quote
from clipferry.outcome_metrics import count_failed
from clipferry.polling import Polling
from clipferry.providers.base import Provider
from clipferry.usecases.provider_health import ProviderHealth
from clipferry.verdicts import FailureCode

SUBMIT_SECONDS: Final = 20.0
"""The limit for all submits of one request, failover included: API Gateway gives up after 30."""
SHORTEST_SUBMIT_SECONDS: Final = 4.0
"""With less time left another provider isn't asked: it would only end unknown."""


def submit_video(
    orders: list[Order],
    open_circuits: Sequence[OpenCircuit] = (),
    *,
    database: Database,
    providers: Mapping[str, Provider],
    sign_callback: Callable[[str, str], str],
    polling: Polling,
    clock: Callable[[], float] = time.monotonic,
) -> Submitted:
    """Tries `orders` in turn; only a refusal lets the next one try, and not one for the content. Never sends one twice.

    The row names the first order's provider. One with an open circuit is passed over, unless there is no other.
    Accepted: the task is recorded. Unknown: the row stays PENDING with its hold, and only the callback or the deadline
    resolves it. Refused by all: the video fails, the hold is released, and the last refusal is raised.
    `sign_callback(provider, video_uuid)` gives the callback URL.
    """
    give_up = clock() + SUBMIT_SECONDS
    refusal, named, health = ProviderError("no order"), orders[0].provider, ProviderHealth()
    for order in _askable(orders, open_circuits, database):
        remaining = give_up - clock()
        if order.provider != named and not _may_switch(database, order, named, remaining, health):
            break
        named = order.provider
        try:
            submission = _send(order, providers, sign_callback, remaining)
        except (ProviderRefusedError, ProviderUnreachableError) as error:
            refusal = error
            health.add(order.provider, is_down=not isinstance(error, ProviderRefusedError) or error.is_down)
            logger.warning(
                "submit refused", video_uuid=order.video_uuid, provider=order.provider, detail=quote(str(error))
            )
            count("ProviderErrors", _errors_to_count(error), provider=order.provider)
            if _is_about_content(error):
                break
        except ProviderSilentError as error:
            health.add(order.provider, is_down=True)
            return _record_unknown(database, order, error, health)
        else:
            health.add(order.provider, is_down=False)
            count("ProviderErrors", 0, provider=order.provider)
            status = _record(database, order, submission, polling, health)
            return Submitted(
                provider=order.provider,
                status=status,
                task_id=submission.task_id,
                estimated_seconds=submission.estimated_seconds,
            )
    raise _fail_and_release(database, orders[0].video_uuid, refusal, health)


def _askable(orders: list[Order], open_circuits: Sequence[OpenCircuit], database: Database) -> Iterator[Order]:
    """Yields the orders whose provider is up or may be probed by this request; else the first one."""
    down = {circuit.provider: circuit for circuit in open_circuits}
    nobody = True
    for order in orders:
        circuit = down.get(order.provider)
        if circuit is None or (circuit.is_half_open and _claim_probe(database, order.provider)):
            nobody = False
            yield order
    if nobody:
        yield orders[0]


def _claim_probe(database: Database, provider: str) -> bool:
    return database.run(circuits.claim_probe, provider).first() is not None


def _send(
    order: Order, providers: Mapping[str, Provider], sign_callback: Callable[[str, str], str], timeout: float
) -> Submission:
    url = sign_callback(order.provider, order.video_uuid)
    return providers[order.provider].submit(order, callback_url=url, timeout=timeout)


def _may_switch(database: Database, order: Order, named: str, remaining: float, health: ProviderHealth) -> bool:
    """Names the provider in the row before it is asked: its callback may come before its answer."""
    if remaining < SHORTEST_SUBMIT_SECONDS:
        return False
    with database.transaction() as tx:
        switched = submissions.switch_provider(
            tx, video_uuid=order.video_uuid, refused_by=named, provider=order.provider
        )
        health.write(tx)
    health.announce()
    return switched.first() is not None


def _record_unknown(database: Database, order: Order, error: ProviderSilentError, health: ProviderHealth) -> Submitted:
    logger.error("submit unanswered", video_uuid=order.video_uuid, provider=order.provider, detail=quote(str(error)))
    count("SubmitsUnanswered", provider=order.provider)
    count("ProviderErrors", provider=order.provider)
    try:
        with database.transaction() as tx:
            events.append(tx, order.video_uuid, "submit_unanswered", provider=order.provider)
            current = videos.get(tx, order.video_uuid)
            health.write(tx)
    except DatabaseUnavailableError:
        return Submitted(provider=order.provider, status=VideoStatus.PENDING)
    health.announce()
    video = current.first()
    return Submitted(
        provider=order.provider,
        status=video.status if video else VideoStatus.PENDING,
        task_id=video.external_task_id if video else None,
    )


def _record(
    database: Database, order: Order, submission: Submission, polling: Polling, health: ProviderHealth
) -> VideoStatus:
    """Records the task. The provider has the order whether or not this works: the callback makes up for it."""
    try:
        with database.transaction() as tx:
            recorded = submissions.record_task(
                tx,
                video_uuid=order.video_uuid,
                provider=order.provider,
                task_id=submission.task_id,
                estimated_seconds=submission.estimated_seconds,
                deadline_seconds=polling.generation_deadline_seconds,
                first_check_seconds=polling.first_check_seconds(submission.estimated_seconds),
            )
            provider_costs.note(tx, uuid=order.video_uuid, task_id=submission.task_id, cost=submission.cost)
            current = videos.get(tx, order.video_uuid)
            health.write(tx)
    except DatabaseUnavailableError:
        logger.exception("submitted, but not recorded", video_uuid=order.video_uuid, task_id=submission.task_id)
        return VideoStatus.PENDING
    health.announce()
    if recorded.first() is None:
        logger.warning("ended before its submit was recorded", video_uuid=order.video_uuid, task_id=submission.task_id)
    video = current.first()
    return video.status if video else VideoStatus.PENDING


def _fail_and_release(database: Database, uuid: str, refusal: ProviderError, health: ProviderHealth) -> ProviderError:
    """Fails the video, releases the hold, keeps the answer for a replay, and returns the error to raise."""
    failure = FailureCode(refusal.failure) if isinstance(refusal, ProviderRefusedError) else FailureCode.PROVIDER_BUSY
    refusal.details = {"videoUuid": uuid, "errorCode": failure.value, "reason": failure.sentence}
    states = (VideoStatus.PENDING, VideoStatus.GENERATING)
    with database.transaction() as tx:
        finish_video.fail(tx, video_uuid=uuid, code=failure, detail=str(refusal), from_states=states)
        submissions.store_refusal(tx, video_uuid=uuid, refusal=refusal.as_answer())
        health.write(tx)
    health.announce()
    count_failed(failure)
    return refusal


def _errors_to_count(refusal: ProviderError) -> int:
    """Returns 1, or 0 for a prompt against the provider's rules: whoever sends those must not set off an alarm."""
    return int(not _is_about_content(refusal))


def _is_about_content(refusal: ProviderError) -> bool:
    """Whether the provider's content rules refuse it: who shops such a prompt around risks every provider's account."""
    return isinstance(refusal, ProviderRefusedError) and refusal.failure == FailureCode.CONTENT_POLICY
