"""Puts on the queue what is due and isn't there: later attempts, and webhooks whose message was lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from clipferry.db import webhook_deliveries, webhook_endpoints
from clipferry.db.connection import Database
from clipferry.webhooks.queue import WebhookQueue

BATCH: Final = 100
SECONDS_FOR_BATCH: Final = 8.0
"""With less time left the next run takes over."""


def queue_webhooks(
    *,
    database: Database,
    queue: WebhookQueue,
    url: str | None,
    credits_low: int | None,
    seconds_left: Callable[[], float],
) -> int:
    """Returns how many were queued. `url` and `credits_low` are the owner's endpoint, as the settings name it now.

    Raises QueueError; then what couldn't be sent is found again in two minutes.
    """
    set_owners_endpoint(database=database, url=url, credits_low=credits_low)
    queued = 0
    while seconds_left() > SECONDS_FOR_BATCH:
        with database.transaction() as tx:
            webhook_deliveries.drop_of_switched_off(tx)
            taking = webhook_deliveries.take_due(tx, limit=BATCH)
        due = [row["id"] for row in taking.all()]
        for delivery_id in due:
            queue.send(delivery_id)
        queued += len(due)
        if len(due) < BATCH:
            break
    return queued


def set_owners_endpoint(*, database: Database, url: str | None, credits_low: int | None) -> None:
    """Tells the database which endpoint the owner has: a video's end is announced to it from now on."""
    with database.transaction() as tx:
        webhook_endpoints.set_owners(tx, url=url, credits_low=credits_low)
