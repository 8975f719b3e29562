"""The queue of webhooks to deliver, and the form of its messages: each names one delivery, an event for an endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from clipferry.aws.sqs import SqsQueue, read_field
from clipferry.errors import ClipferryError, InvalidRequestError
from clipferry.observability import logger

_LARGEST_ID: Final = 2**63 - 1


class WebhookQueue(SqsQueue):
    """The queue that deliver_webhooks takes its messages from."""

    def send(self, delivery_id: int, *, delay_seconds: int = 0) -> None:
        """Asks for a delivery in `delay_seconds`; raises QueueError. A message that comes twice is harmless."""
        self.send_message({"deliveryId": delivery_id}, delay_seconds=delay_seconds)

    def announce(self, delivery_ids: Iterable[int], *, delay_seconds: int = 0) -> None:
        """Asks for deliveries in `delay_seconds`. What can't be asked for, for whatever reason, the schedule finds.

        Nothing is raised: the transaction that has written them is committed.
        """
        for delivery_id in delivery_ids:
            try:
                self.send(delivery_id, delay_seconds=delay_seconds)
            except ClipferryError as error:
                logger.error("webhook message not sent", delivery_id=delivery_id, detail=str(error))


def read_message(body: str) -> int:
    """Returns the delivery's id; raises InvalidRequestError for a message that isn't ours."""
    delivery_id = read_field(body, "deliveryId")
    if type(delivery_id) is not int or not 0 < delivery_id <= _LARGEST_ID:
        raise InvalidRequestError("the message has no deliveryId")
    return delivery_id
