"""A message that fails goes back to the queue, the log says why, and where none succeeds Lambda counts an error."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from clipferry import runtime
from local.lambda_runtime.function_instances import load
from local.lambda_runtime.lambda_context import Invoke, invoker
from local.lambda_runtime.queues import QueuePoller, create_queues
from local.moto_server import embedded_aws
from local.sam_template.environment import in_process
from local.sam_template.read import read_template
from tests.http_api import environment
from tests.log_lines import captured, events


@pytest.fixture
def stack(database_url: str) -> Iterator[dict[str, str]]:
    values = environment(database_url)
    with in_process(values):
        runtime.reset()
        yield values
        runtime.reset()


def event(*bodies: str) -> dict[str, Any]:
    records = [
        {
            "messageId": f"message-{number}",
            "receiptHandle": "handle",
            "body": body,
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:1:mirror",
            "awsRegion": "us-east-1",
        }
        for number, body in enumerate(bodies, start=1)
    ]
    return {"Records": records}


def handler() -> Invoke:
    function = read_template().function("MirrorVideoFunction")
    return invoker(function, load(function))


def deliver(*bodies: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Returns the messages that go back, and what was logged."""
    with captured() as log:
        answer = handler()(event(*bodies))
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]], events(log())


def crash(*bodies: str) -> tuple[BatchProcessingError, list[dict[str, Any]]]:
    """Returns the error that Lambda gets, and what was logged."""
    with captured() as log, pytest.raises(BatchProcessingError) as raised:
        handler()(event(*bodies))
    return raised.value, events(log())


def message(uuid: str) -> str:
    return json.dumps({"videoUuid": uuid})


def test_a_message_of_an_unknown_video_is_done(stack: dict[str, str]) -> None:
    failed, (line,) = deliver(message("vid_nobodys"))
    assert failed == []
    assert (line["message"], line["video_uuid"]) == ("nothing to mirror", "vid_nobodys")


def test_what_is_no_message_of_ours_goes_back_and_is_logged(stack: dict[str, str]) -> None:
    failed, lines = deliver("garbage", message("vid_nobodys"), "{}")
    assert failed == ["message-1", "message-3"]
    assert [line["level"] for line in lines] == ["WARNING", "INFO", "WARNING"]
    assert [line.get("video_uuid") for line in lines] == [None, "vid_nobodys", None]
    assert "InvalidRequestError" in lines[0]["exception"]


def test_without_a_database_it_is_an_error_and_the_line_names_the_video(stack: dict[str, str]) -> None:
    with in_process({**stack, "DATABASE_URL": "postgresql://u:password-hunter2@127.0.0.1:9/x"}):
        runtime.reset()
        error, (line,) = crash(message("vid_1"))
    assert (line["level"], line["video_uuid"]) == ("WARNING", "vid_1")
    assert "DatabaseUnavailableError" in line["exception"]
    assert "hunter2" not in json.dumps(line) + str(error)


def test_what_lambda_is_told_quotes_nothing_of_what_went_wrong(stack: dict[str, str]) -> None:
    """It writes that into the log by itself, past the logger that takes secrets out."""
    error, lines = crash('{"videoUuid": "a prompt"', "https://files.example.com/a.mp4?signature=secret")

    assert [line["level"] for line in lines] == ["WARNING", "WARNING"]
    assert str(error).strip() == "every message failed; the lines before this one say why"
    assert error.__cause__ is error.__context__ is None


def test_the_message_of_a_crash_comes_again_and_is_not_lost(stack: dict[str, str]) -> None:
    """The queue is the template's but for the waits: five tries, and then the message is a dead letter."""
    shape = read_template()
    [source] = shape.function("MirrorVideoFunction").queues
    credentials = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}
    with embedded_aws() as aws, closing(boto3.client("sqs", endpoint_url=aws.endpoint, **credentials)) as sqs:
        queues = create_queues(sqs, shape.queues, visibility_seconds=1)
        crashes = Counter(handler())
        poller = QueuePoller(client=sqs, queue=queues[source.queue], source=source, invoke=crashes)
        sqs.send_message(QueueUrl=queues[source.queue]["Ref"], MessageBody="garbage")
        with closing(poller):
            poller.start()
            dead = first_message(sqs, queues["MirrorDeadLetters"]["Ref"])

    assert dead == "garbage"
    assert crashes.raised == 5


class Counter:
    """The handler, and how often it raised."""

    def __init__(self, invoke: Invoke) -> None:
        self.raised = 0
        self._invoke = invoke

    def __call__(self, event: Any) -> Any:
        try:
            return self._invoke(event)
        except BatchProcessingError:
            self.raised += 1
            raise


def first_message(sqs: Any, url: str) -> str:
    for _ in range(600):
        for found in sqs.receive_message(QueueUrl=url).get("Messages", []):
            return found["Body"]
        threading.Event().wait(0.05)
    pytest.fail("nothing came")
