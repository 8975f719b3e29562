"""Sends one webhook: claims it, posts it, and writes down what came of it. One sender at a time for each."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from clipferry.db import webhook_deliveries
from clipferry.db.connection import Database
from clipferry.db.webhook_deliveries import Claimed
from clipferry.errors import NetworkError, RequestNotSentError
from clipferry.net.guarded_post import PostAnswer
from clipferry.observability import count, logger, quote, set_log_context
from clipferry.verdicts import Attempt
from clipferry.webhooks import signature as webhook_signature
from clipferry.webhooks.queue import WebhookQueue

Post = Callable[[str, dict[str, str], bytes], PostAnswer]
"""Posts (url, headers, body); raises NetworkError."""

PAUSES: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Seconds from a failed attempt to the next: ten attempts in a little more than three days."""
LONGEST_PAUSE: Final = 95_040.0
"""A day and a tenth, whatever a receiver asks for."""
_JITTER: Final = 0.1
_BY_QUEUE_SECONDS: Final = 60
"""A shorter pause is the queue's affair, because the schedule looks once a minute."""
_ASKS_FOR_TIME: Final = frozenset({429, 503})


def deliver_webhook(
    delivery_id: int,
    *,
    database: Database,
    post: Post,
    secrets: Sequence[str],
    queue: WebhookQueue,
    now: Callable[[], datetime],
    jitter: Callable[[], float] = random.random,
) -> Attempt:
    """Sends the webhook if it is due and nobody else is sending it. `jitter` returns 0 to 1.

    `secrets` are the owner's: the one that signs, and during a rotation the one before it.
    2xx ends it; 410 switches its endpoint off; anything else is tried again after a pause, ten times in all.
    """
    delivery = database.run(webhook_deliveries.claim, delivery_id).first()
    if delivery is None:
        return Attempt.NOT_DUE
    set_log_context(delivery.video_uuid)
    status, error, retry_after = None, None, None
    try:
        answer = send(delivery, post=post, secrets=secrets, now=now())
    except NetworkError as failure:
        error = str(failure)
    else:
        status, retry_after = answer.status, answer.retry_after
    logger.info(
        "webhook attempted",
        event_id=delivery.event_id,
        attempt=delivery.attempts,
        status=status,
        detail=None if error is None else quote(error),
    )
    if status is not None and 200 <= status < 300:
        with database.transaction() as tx:
            webhook_deliveries.note_delivered(tx, delivery.id, status=status)
        count("WebhooksDelivered")
        return Attempt.DELIVERED
    pause = pause_seconds(delivery.attempts, status=status, retry_after=retry_after, jitter=jitter())
    _note_failed(delivery, status, error, pause, database=database, queue=queue)
    return Attempt.FAILED


def send(delivery: Claimed, *, post: Post, secrets: Sequence[str], now: datetime) -> PostAnswer:
    """Posts the event's body as it was written, under a signature of `now`; raises NetworkError.

    Nothing is sent unsigned: an owner may take the secret away while there are webhooks to send.
    """
    if not secrets:
        raise RequestNotSentError("WEBHOOK_SECRET is not set")
    body = delivery.body.encode()
    signed = webhook_signature.headers(
        _secrets_of(delivery.user_id, secrets),
        event_id=delivery.event_id,
        timestamp=int(now.timestamp()),
        body=body,
    )
    return post(delivery.url, {"Content-Type": "application/json", **signed}, body)


def _secrets_of(user_id: str | None, owners: Sequence[str]) -> Sequence[str]:
    """Returns those for the owner's endpoint (None), or for one that `user_id` has named."""
    return owners if user_id is None else [webhook_signature.user_secret(secret, user_id) for secret in owners]


def pause_seconds(attempts: int, *, status: int | None, retry_after: str | None, jitter: float) -> float | None:
    """Seconds until the next attempt, None after the last one. A receiver that asks for more time gets it.

    `jitter` of 0 to 1 lengthens the pause by up to a tenth, so that what failed together doesn't come together again.
    """
    if attempts > len(PAUSES):
        return None
    pause = PAUSES[attempts - 1] * (1 + _JITTER * jitter)
    asked = retry_after.strip() if retry_after and status in _ASKS_FOR_TIME else ""
    if asked.isascii() and asked.isdigit():  # a date is ignored: whose clock it is by, nobody knows
        pause = max(pause, float(asked[:9]))
    return min(pause, LONGEST_PAUSE)


def _note_failed(
    delivery: Claimed,
    status: int | None,
    error: str | None,
    pause: float | None,
    *,
    database: Database,
    queue: WebhookQueue,
) -> None:
    is_queued = pause is not None and pause < _BY_QUEUE_SECONDS
    with database.transaction() as tx:
        noting = webhook_deliveries.note_failed(
            tx, delivery, status=status, error=error, pause_seconds=pause, is_queued=is_queued
        )
        webhook_deliveries.drop_of_switched_off(tx)
    count("WebhookAttemptsFailed")
    endpoint = noting.first()
    if endpoint is not None and endpoint["switched_off"] is not None:
        logger.error("webhook endpoint switched off", reason=endpoint["switched_off"], event_id=delivery.event_id)
        _count_undelivered(delivery)
    elif pause is None:
        logger.error("webhook given up", event_id=delivery.event_id)
        _count_undelivered(delivery)
    elif is_queued:
        queue.announce([delivery.id], delay_seconds=int(pause) + 1)  # to arrive when it is due


def _count_undelivered(delivery: Claimed) -> None:
    """A user's own address is the user's affair: it sets off no alarm."""
    if delivery.user_id is None:
        count("OwnerWebhooksUndelivered")
