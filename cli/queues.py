"""A queue and its dead-letter queue, through boto3.

The layer's own signer isn't used here, because an operator may sign in by a profile, SSO or a role, as boto3 allows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from cli import local_stack
from cli.output import stop
from cli.stacks import translate_aws_errors
from clipferry.errors import InvalidRequestError, QueueError

Named = TypeVar("Named")
BATCH: Final = 10
"""The largest number of messages that SQS returns at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """The number of messages in a queue, which is approximate in SQS."""

    waiting: int
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message in a dead-letter queue."""

    message_id: str
    receipt: str
    body: str
    attributes: dict[str, Any]
    sent_at: datetime

    def read(self, read_message: Callable[[str], Named]) -> Named | None:
        """Returns what the message names; None if it isn't Clipferry's."""
        try:
            return read_message(self.body)
        except InvalidRequestError:
            return None


class DeadLetterQueues:
    """The queue at `queue_url`, and the dead-letter queue of its redrive policy. Every method raises QueueError."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url
        policy = self._attributes(queue_url).get("RedrivePolicy")
        if policy is None:
            raise QueueError("the queue has no dead-letter queue")
        arn = json.loads(policy)["deadLetterTargetArn"].split(":")
        with translate_aws_errors("GetQueueUrl", QueueError):
            self._dead_letters_url = client.get_queue_url(QueueName=arn[5], QueueOwnerAWSAccountId=arn[4])["QueueUrl"]

    def depth(self) -> Depth:
        return self._depth(self._queue_url)

    def dead_letters_depth(self) -> Depth:
        return self._depth(self._dead_letters_url)

    def receive_dead_letters(self, *, hidden_seconds: int) -> list[DeadLetter]:
        """Receives up to ten messages, and hides them from other receivers for `hidden_seconds`."""
        with translate_aws_errors("ReceiveMessage", QueueError):
            answer = self._client.receive_message(
                QueueUrl=self._dead_letters_url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=hidden_seconds,
                WaitTimeSeconds=1,  # a short poll asks only some of SQS's servers, and may miss messages
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        return [_letter(message) for message in answer.get("Messages", ())]

    def redrive(self, letter: DeadLetter) -> None:
        """Sends the message to its queue again, then deletes it here: a failure in between leaves it in both."""
        with translate_aws_errors("SendMessage", QueueError):
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=letter.body, MessageAttributes=letter.attributes
            )
        with translate_aws_errors("DeleteMessage", QueueError):
            self._client.delete_message(QueueUrl=self._dead_letters_url, ReceiptHandle=letter.receipt)

    def make_visible(self, letters: Iterable[DeadLetter]) -> None:
        """Ends the hiding of received messages, so that they can be received again at once."""
        for letter in letters:
            with translate_aws_errors("ChangeMessageVisibility", QueueError):
                self._client.change_message_visibility(
                    QueueUrl=self._dead_letters_url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
                )

    def _depth(self, url: str) -> Depth:
        found = self._attributes(url)
        return Depth(
            waiting=int(found["ApproximateNumberOfMessages"]),
            in_flight=int(found["ApproximateNumberOfMessagesNotVisible"]),
        )

    def _attributes(self, url: str) -> dict[str, str]:
        with translate_aws_errors("GetQueueAttributes", QueueError):
            return self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]).get("Attributes", {})


@contextmanager
def connect(variable: str) -> Iterator[DeadLetterQueues]:
    """The queues of the URL in `variable`, closed after the block. Without it the command ends with exit status 2."""
    if not os.environ.get(variable):
        local_stack.use()
    url = os.environ.get(variable)
    if not url:
        stop(f"Set {variable} to the queue's URL.")
    region, endpoint = os.environ.get("AWS_REGION") or "us-east-1", os.environ.get("AWS_ENDPOINT_URL_SQS")
    with connect_to(url, region=region, endpoint=endpoint) as queues:
        yield queues


@contextmanager
def connect_to(queue_url: str, *, region: str, endpoint: str | None) -> Iterator[DeadLetterQueues]:
    """The queue at `queue_url` and its dead-letter queue, closed after the block."""
    from boto3.session import Session

    with translate_aws_errors("SQS", QueueError):
        client: Any = Session().client("sqs", region_name=region, endpoint_url=endpoint or None)
    try:
        yield DeadLetterQueues(client, queue_url)
    finally:
        client.close()


def _letter(message: dict[str, Any]) -> DeadLetter:
    sent_at = int(message.get("Attributes", {}).get("SentTimestamp", "0"))
    return DeadLetter(
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        body=message["Body"],
        attributes=message.get("MessageAttributes", {}),
        sent_at=datetime.fromtimestamp(sent_at / 1000, UTC),
    )
