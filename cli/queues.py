"""The mirror queue and its dead letters, as an operator sees them.

With boto3, not with the layer's own signer: an operator signs in by profile, SSO or role, and boto3 knows them all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import typer

from clipferry.errors import InvalidRequestError, QueueError
from clipferry.mirror_queue import read_message

BATCH: Final = 10
"""What SQS gives at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """Messages of a queue; SQS calls its own numbers approximate."""

    waiting: int
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was received too often. `video_uuid` is None when it isn't one of ours."""

    message_id: str
    receipt: str
    body: str
    attributes: dict[str, Any]
    sent_at: datetime

    @property
    def video_uuid(self) -> str | None:
        try:
            return read_message(self.body)
        except InvalidRequestError:
            return None


class MirrorQueues:
    """The queue at `queue_url`, and the queue of dead letters that its redrive policy names.

    Everything raises QueueError.
    """

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url
        policy = self._attributes(queue_url).get("RedrivePolicy")
        if policy is None:
            raise QueueError("the mirror queue has no dead-letter queue")
        arn = json.loads(policy)["deadLetterTargetArn"].split(":")
        with _translated("GetQueueUrl"):
            self._letters_url = client.get_queue_url(QueueName=arn[5], QueueOwnerAWSAccountId=arn[4])["QueueUrl"]

    def depth(self) -> Depth:
        return self._depth(self._queue_url)

    def dead_letters_depth(self) -> Depth:
        return self._depth(self._letters_url)

    def receive_dead_letters(self, *, hidden_seconds: int) -> list[DeadLetter]:
        """Up to ten, which nobody else gets for `hidden_seconds`; none when there are none."""
        with _translated("ReceiveMessage"):
            answer = self._client.receive_message(
                QueueUrl=self._letters_url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=hidden_seconds,
                WaitTimeSeconds=1,  # a short poll asks some of SQS's servers, and may find nothing where there is
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
        return [_letter(message) for message in answer.get("Messages", ())]

    def send_back(self, letter: DeadLetter) -> None:
        """Sends it to the mirror queue, and only then deletes it: what fails between the two is there twice."""
        with _translated("SendMessage"):
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=letter.body, MessageAttributes=letter.attributes
            )
        with _translated("DeleteMessage"):
            self._client.delete_message(QueueUrl=self._letters_url, ReceiptHandle=letter.receipt)

    def put_back(self, letters: Iterable[DeadLetter]) -> None:
        """Lets others see them again at once."""
        for letter in letters:
            with _translated("ChangeMessageVisibility"):
                self._client.change_message_visibility(
                    QueueUrl=self._letters_url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
                )

    def _depth(self, url: str) -> Depth:
        found = self._attributes(url)
        return Depth(
            waiting=int(found["ApproximateNumberOfMessages"]),
            in_flight=int(found["ApproximateNumberOfMessagesNotVisible"]),
        )

    def _attributes(self, url: str) -> dict[str, str]:
        with _translated("GetQueueAttributes"):
            return self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]).get("Attributes", {})


@contextmanager
def opened() -> Iterator[MirrorQueues]:
    """The queues of MIRROR_QUEUE_URL, with AWS's credentials wherever boto3 finds them. Exit 2 when it isn't set."""
    url = os.environ.get("MIRROR_QUEUE_URL")
    if not url:
        typer.echo("Set MIRROR_QUEUE_URL to the queue of videos to mirror.", err=True)
        raise typer.Exit(2)
    region, endpoint = os.environ.get("AWS_REGION") or "us-east-1", os.environ.get("AWS_ENDPOINT_URL_SQS")
    with at(url, region=region, endpoint=endpoint) as queues:
        yield queues


@contextmanager
def at(queue_url: str, *, region: str, endpoint: str | None) -> Iterator[MirrorQueues]:
    """The queues of `queue_url`."""
    from boto3.session import Session

    with _translated("SQS"):
        client: Any = Session().client("sqs", region_name=region, endpoint_url=endpoint or None)
    try:
        yield MirrorQueues(client, queue_url)
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


@contextmanager
def _translated(action: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise QueueError(f"{action}: {error}") from error
