"""The local poller against a real SQS (moto's): what is deleted, what comes again, what is given up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from local.lambda_runtime.queues import QueuePoller, create_queues
from local.lambda_runtime.schedules import ScheduleRunner
from local.sam_template.resources import Queue, QueueSource

JOBS = Queue(name="Jobs", visibility_seconds=1800, retention_seconds=None, dead_letters="Dead", max_receive_count=2)
DEAD = Queue(name="Dead", visibility_seconds=30, retention_seconds=1209600, dead_letters=None, max_receive_count=None)


@pytest.fixture(scope="module")
def sqs(aws_client: Callable[..., Any]) -> Any:
    return aws_client("sqs")


@pytest.fixture
def queues(sqs: Any) -> Iterator[dict[str, dict[str, str]]]:
    """A message that was received stays hidden for longer than a test takes, unless `release` shows it again."""
    created = create_queues(sqs, [JOBS, DEAD], visibility_seconds=300)
    yield created
    for queue in created.values():
        sqs.delete_queue(QueueUrl=queue["Ref"])


class Recorder:
    """A handler that keeps what it was called with, and answers as it is told to."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any]) -> None:
        self.records: list[dict[str, Any]] = []
        self.batches: list[int] = []
        self._answer = answer
        self._changed = threading.Condition()

    def __call__(self, event: Any) -> Any:
        with self._changed:
            self.records += event["Records"]
            self.batches.append(len(event["Records"]))
            self._changed.notify_all()
        return self._answer(event)

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.records) >= count, timeout=20)

    @property
    def bodies(self) -> list[str]:
        return [record["body"] for record in self.records]


def poller(sqs: Any, queues: dict[str, dict[str, str]], handler: Recorder, *, batch_size: int = 10) -> QueuePoller:
    source = QueueSource(queue="Jobs", batch_size=batch_size, reports_batch_failures=True, maximum_concurrency=2)
    made = QueuePoller(client=sqs, queue=queues["Jobs"], source=source, invoke=handler)
    made.start()
    return made


def send(sqs: Any, queues: dict[str, dict[str, str]], *bodies: str) -> None:
    for body in bodies:
        sqs.send_message(QueueUrl=queues["Jobs"]["Ref"], MessageBody=body)


def release(sqs: Any, queues: dict[str, dict[str, str]], record: dict[str, Any]) -> None:
    """Makes the message visible at once. A short time-out would do so, too, but too early for a batch that is slow."""
    sqs.change_message_visibility(
        QueueUrl=queues["Jobs"]["Ref"], ReceiptHandle=record["receiptHandle"], VisibilityTimeout=0
    )


def wait_until_gone(sqs: Any, url: str) -> None:
    """Fails by the test's own patience when a message stays: seen or unseen, it is counted."""
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    for _ in range(200):
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))["Attributes"]
        if all(found[count] == "0" for count in counts):
            return
        threading.Event().wait(0.05)
    pytest.fail("a message is still in the queue")


def test_the_queues_get_the_templates_attributes_and_redrive_policy(sqs: Any) -> None:
    create_queues(sqs, [JOBS, DEAD], prefix="clipferry-", visibility_seconds=7)
    created = create_queues(sqs, [JOBS, DEAD], prefix="clipferry-")  # brings those that exist in line
    found = sqs.get_queue_attributes(QueueUrl=created["Jobs"]["Ref"], AttributeNames=["All"])["Attributes"]
    dead = sqs.get_queue_attributes(QueueUrl=created["Dead"]["Ref"], AttributeNames=["All"])["Attributes"]

    assert created["Jobs"]["QueueName"] == "clipferry-Jobs"
    assert found["VisibilityTimeout"] == "1800"
    assert f'"deadLetterTargetArn": "{created["Dead"]["Arn"]}"' in found["RedrivePolicy"]
    assert dead["MessageRetentionPeriod"] == "1209600"


def test_only_the_message_that_failed_comes_again(sqs: Any, queues: dict[str, dict[str, str]]) -> None:
    def fail_bad_once(event: dict[str, Any]) -> dict[str, Any]:
        bad = [
            record
            for record in event["Records"]
            if record["body"] == "bad" and record["attributes"]["ApproximateReceiveCount"] == "1"
        ]
        for record in bad:
            release(sqs, queues, record)
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in bad]}

    handler = Recorder(fail_bad_once)
    send(sqs, queues, "good", "bad", "fine")
    with closing(poller(sqs, queues, handler)):
        handler.wait_for(4)
        wait_until_gone(sqs, queues["Jobs"]["Ref"])

    assert sorted(handler.bodies) == ["bad", "bad", "fine", "good"]
    assert [record["attributes"]["ApproximateReceiveCount"] for record in handler.records] == ["1", "1", "1", "2"]
    assert {record["eventSourceARN"] for record in handler.records} == {queues["Jobs"]["Arn"]}


def test_a_handler_that_raises_keeps_its_batch_which_ends_as_dead_letters(
    sqs: Any, queues: dict[str, dict[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: dict[str, Any]) -> Any:
        release(sqs, queues, event["Records"][0])
        raise LookupError("a fault of the handler")

    handler = Recorder(fail)
    with closing(poller(sqs, queues, handler)):
        send(sqs, queues, "poison")
        dead = []
        for _ in range(20):
            dead = sqs.receive_message(QueueUrl=queues["Dead"]["Ref"], WaitTimeSeconds=1).get("Messages", [])
            if dead:
                break

    assert [message["Body"] for message in dead] == ["poison"]
    assert handler.bodies == ["poison", "poison"]
    assert "a fault of the handler" in caplog.text


@pytest.mark.parametrize("identifier", ["", "unknown"])
def test_a_failure_that_names_no_message_of_the_batch_fails_all_of_it(
    sqs: Any, queues: dict[str, dict[str, str]], identifier: str
) -> None:
    def answer(event: dict[str, Any]) -> dict[str, Any]:
        if event["Records"][0]["attributes"]["ApproximateReceiveCount"] != "1":
            return {"batchItemFailures": []}
        release(sqs, queues, event["Records"][0])
        return {"batchItemFailures": [{"itemIdentifier": identifier}]}

    handler = Recorder(answer)
    with closing(poller(sqs, queues, handler)):
        send(sqs, queues, "one")
        handler.wait_for(2)
        wait_until_gone(sqs, queues["Jobs"]["Ref"])

    assert handler.bodies == ["one", "one"]


def test_a_batch_is_never_larger_than_the_template_says(sqs: Any, queues: dict[str, dict[str, str]]) -> None:
    handler = Recorder(lambda _event: None)
    send(sqs, queues, "1", "2", "3", "4", "5")
    with closing(poller(sqs, queues, handler, batch_size=2)):
        handler.wait_for(5)

    assert max(handler.batches) <= 2


def test_closing_waits_for_the_batch_at_work(sqs: Any, queues: dict[str, dict[str, str]]) -> None:
    finish = threading.Event()
    finished: list[str] = []

    def slow(_event: dict[str, Any]) -> None:
        finish.wait(10)
        finished.append("done")

    handler = Recorder(slow)
    running = poller(sqs, queues, handler)
    send(sqs, queues, "long")
    handler.wait_for(1)
    closer = threading.Thread(target=running.close)
    closer.start()
    finish.set()
    closer.join()

    assert finished == ["done"]


def test_a_schedule_calls_again_and_again_but_never_twice_at_once_though_its_handler_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    at_work = threading.Lock()
    overlapped: list[bool] = []
    enough = threading.Semaphore(0)

    def tick(event: Any) -> None:
        overlapped.append(not at_work.acquire(blocking=False))
        threading.Event().wait(0.02)
        at_work.release()
        enough.release()
        raise LookupError(event["source"])

    runner = ScheduleRunner(name="reconcile", seconds=0.01, invoke=tick)
    runner.start()
    with closing(runner):
        for _ in range(3):
            assert enough.acquire(timeout=10)

    assert not any(overlapped)
    assert "aws.events" in caplog.text
