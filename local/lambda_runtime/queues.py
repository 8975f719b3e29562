"""SQS without Lambda's poller: creates the template's queues, and hands their messages to the functions."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore, Thread
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.lambda_runtime.events import sqs_event
from local.lambda_runtime.lambda_context import Invoke
from local.sam_template.resources import Queue, QueueSource

logger = logging.getLogger(__name__)

_WAIT_SECONDS: Final = 1
"""A long poll; short, because stopping waits for it."""
_BATCH_LIMIT: Final = 10
"""The most messages of one ReceiveMessage; Lambda makes its larger batches of several."""
_FIRST_POLLERS: Final = 5
"""Batches at work before Lambda scales: docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html."""


def create_queues(
    client: Any, queues: Iterable[Queue], *, prefix: str = "", visibility_seconds: int | None = None
) -> dict[str, dict[str, str]]:
    """Creates them, or brings those that exist in line. `client` is a boto3 SQS client.

    Answers what `template.read` takes as attributes: by logical id, Ref (the URL), Arn and QueueName.
    `visibility_seconds` replaces the template's, so that a retry needn't wait for half an hour.
    """
    wanted = tuple(queues)
    created = {queue.name: _create(client, f"{prefix}{queue.name}") for queue in wanted}
    for queue in wanted:
        attributes = {"VisibilityTimeout": str(visibility_seconds or queue.visibility_seconds)}
        if queue.retention_seconds is not None:
            attributes["MessageRetentionPeriod"] = str(queue.retention_seconds)
        if queue.dead_letters is not None:
            target = created[queue.dead_letters]["Arn"]
            redrive = {"deadLetterTargetArn": target, "maxReceiveCount": queue.max_receive_count}
            attributes["RedrivePolicy"] = json.dumps(redrive)
        client.set_queue_attributes(QueueUrl=created[queue.name]["Ref"], Attributes=attributes)
    return created


def _create(client: Any, name: str) -> dict[str, str]:
    url = client.create_queue(QueueName=name)["QueueUrl"]
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return {"Ref": url, "Arn": answer["Attributes"]["QueueArn"], "QueueName": name}


class QueuePoller:
    """Lambda's event source mapping for one queue and one function."""

    def __init__(self, *, client: Any, queue: Mapping[str, str], source: QueueSource, invoke: Invoke) -> None:
        """`queue` is what `create_queues` answered for it."""
        self._client = client
        self._url = queue["Ref"]
        self._arn = queue["Arn"]
        self._source = source
        self._invoke = invoke
        workers = min(source.maximum_concurrency or _FIRST_POLLERS, _FIRST_POLLERS)
        self._free = Semaphore(workers)
        self._workers = ThreadPoolExecutor(max_workers=workers, thread_name_prefix=source.queue)
        self._stopping = Event()
        self._thread = Thread(target=self._poll, name=f"poll {source.queue}")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stops receiving and waits for the batches at work."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._workers.shutdown()

    def _poll(self) -> None:
        while not self._stopping.is_set():
            if not self._free.acquire(timeout=_WAIT_SECONDS):
                continue
            messages = self._receive()
            if messages:
                self._workers.submit(self._deliver, messages)
            else:
                self._free.release()

    def _receive(self) -> list[dict[str, Any]]:
        try:
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(self._source.batch_size, _BATCH_LIMIT),
                WaitTimeSeconds=_WAIT_SECONDS,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except (BotoCoreError, ClientError):
            logger.exception("receiving from %s failed", self._source.queue)
            self._stopping.wait(_WAIT_SECONDS)
            return []
        return answer.get("Messages", [])

    def _deliver(self, messages: list[dict[str, Any]]) -> None:
        """Calls the function, and deletes what it handled; the rest comes again after the visibility time-out."""
        try:
            answer = self._invoke(sqs_event(*messages, queue_arn=self._arn))
            for message in self._done(messages, answer):
                self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        except Exception:
            logger.exception("a batch of %d from %s failed", len(messages), self._source.queue)
        finally:
            self._free.release()

    def _done(self, messages: list[dict[str, Any]], answer: Any) -> list[dict[str, Any]]:
        """Returns the messages to delete. As in Lambda, a failure outside the batch fails all of it."""
        if not self._source.reports_batch_failures or not answer:
            return messages
        failed = {failure["itemIdentifier"] for failure in answer.get("batchItemFailures") or ()}
        if not failed <= {message["MessageId"] for message in messages}:
            raise ValueError(f"batchItemFailures names messages that are not in the batch: {answer}")
        return [message for message in messages if message["MessageId"] not in failed]
