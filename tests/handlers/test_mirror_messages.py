"""A message that fails goes back to the queue, and the log says why: nothing else would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from clipferry import runtime
from local import template
from local.environment import in_process
from local.instances import load
from local.lambda_context import invoker
from tests.handlers.conftest import environment
from tests.log_lines import captured, events


@pytest.fixture
def stack(database_url: str) -> Iterator[dict[str, str]]:
    values = environment(database_url)
    with in_process(values):
        runtime.reset()
        yield values
        runtime.reset()


def deliver(*bodies: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Which messages go back, and what was logged."""
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
    function = template.read().function("MirrorVideoFunction")
    with captured() as log:
        answer = invoker(function, load(function))({"Records": records})
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]], events(log())


def message(uuid: str) -> str:
    return json.dumps({"videoUuid": uuid})


def test_a_message_of_a_video_that_nobody_knows_is_done(stack: dict[str, str]) -> None:
    failed, (line,) = deliver(message("vid_nobodys"))
    assert failed == []
    assert (line["message"], line["video_uuid"]) == ("nothing to mirror", "vid_nobodys")


def test_what_is_no_message_of_ours_goes_back_and_is_logged(stack: dict[str, str]) -> None:
    failed, lines = deliver("garbage", message("vid_nobodys"), "{}")
    assert failed == ["message-1", "message-3"]
    assert [line["level"] for line in lines] == ["WARNING", "INFO", "WARNING"]
    assert [line.get("video_uuid") for line in lines] == [None, "vid_nobodys", None]
    assert "InvalidRequestError" in lines[0]["exception"]


def test_without_a_database_it_goes_back_and_the_line_names_the_video(stack: dict[str, str]) -> None:
    with in_process({**stack, "DATABASE_URL": "postgresql://u:password-hunter2@127.0.0.1:9/x"}):
        runtime.reset()
        failed, (line,) = deliver(message("vid_1"))
    assert failed == ["message-1"]
    assert (line["level"], line["video_uuid"]) == ("WARNING", "vid_1")
    assert "DatabaseUnavailableError" in line["exception"]
    assert "hunter2" not in json.dumps(line)
