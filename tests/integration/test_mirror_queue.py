"""The mirror queue against moto's SQS, and against peers that refuse or say nothing."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from clipferry.aws.sigv4 import Credentials, sign
from clipferry.errors import ConfigurationError, InvalidRequestError, QueueError
from clipferry.mirror_queue import MirrorQueue, read_message
from tests.web import web

KEYS = Credentials(access_key="testing", secret_key="testing", session_token="token")
UUID = "vid_abcdefghijklmnopqrstu"


@pytest.fixture(scope="module")
def sqs(aws_client: Callable[..., Any]) -> Any:
    return aws_client("sqs")


@pytest.fixture
def queue_url(sqs: Any) -> Iterator[str]:
    url = sqs.create_queue(QueueName="mirror")["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def queue(aws: str, queue_url: str) -> Iterator[MirrorQueue]:
    queue = MirrorQueue(queue_url, region="us-east-1", endpoint_url=aws, credentials=lambda: KEYS)
    yield queue
    queue.close()


def test_what_is_sent_is_what_is_read(queue: MirrorQueue, sqs: Any, queue_url: str) -> None:
    queue.send(UUID)
    (message,) = sqs.receive_message(QueueUrl=queue_url)["Messages"]

    assert json.loads(message["Body"]) == {"videoUuid": UUID}
    assert read_message(message["Body"]) == UUID


def test_many_messages_go_out(queue: MirrorQueue, sqs: Any, queue_url: str) -> None:
    for _ in range(5):
        queue.send(UUID)

    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"])
    assert attributes["Attributes"]["ApproximateNumberOfMessages"] == "5"


def test_a_delayed_message_waits(queue: MirrorQueue, sqs: Any, queue_url: str) -> None:
    queue.send_message({"videoUuid": UUID}, delay_seconds=900)

    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    assert [attributes[name] for name in names] == ["0", "1"]


def test_a_refusal_is_an_error_that_may_be_tried_again(aws: str, queue_url: str) -> None:
    queue = MirrorQueue(f"{queue_url}-gone", region="us-east-1", endpoint_url=aws, credentials=lambda: KEYS)
    with pytest.raises(QueueError, match="QueueDoesNotExist") as raised:
        queue.send(UUID)
    queue.close()

    assert raised.value.retryable


def test_nobody_listening_is_an_error_that_may_be_tried_again() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
        queue = MirrorQueue(f"{endpoint}/1/mirror", region="us-east-1", endpoint_url=endpoint, credentials=lambda: KEYS)
        with pytest.raises(QueueError, match="ConnectionRefusedError"):
            queue.send(UUID)


def test_no_answer_is_an_error_that_may_be_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hang_up = threading.Thread(target=lambda: listener.accept()[0].close())  # noqa: PLW0108
        hang_up.start()
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        queue = MirrorQueue(f"{endpoint}/1/mirror", region="us-east-1", endpoint_url=endpoint, credentials=lambda: KEYS)
        with pytest.raises(QueueError, match="SendMessage"):
            queue.send(UUID)
        hang_up.join()


def test_the_call_is_sqs_json_signed_with_the_credentials_of_the_moment() -> None:
    given = iter([KEYS, Credentials(access_key="later", secret_key="x", session_token="later-token")])
    with web(200, b"{}") as sqs:
        queue = MirrorQueue(
            "https://sqs.eu-west-1.amazonaws.com/1/mirror",
            region="eu-west-1",
            endpoint_url=sqs.url,
            credentials=lambda: next(given),
        )
        queue.send(UUID)
        queue.send_message({"videoUuid": UUID}, delay_seconds=5)
        queue.close()

    first, second = (request.headers for request in sqs.requests)
    path, body = sqs.requests[0].path, sqs.requests[0].body or b""
    assert path == "/"
    assert first["x-amz-target"] == "AmazonSQS.SendMessage"
    assert first["content-type"] == "application/x-amz-json-1.0"
    assert "/eu-west-1/sqs/aws4_request, SignedHeaders=content-type;host;x-amz-date;" in first["authorization"]
    expected = sign(
        method="POST",
        url=f"http://{first['host']}/",
        region="eu-west-1",
        service="sqs",
        headers={name: first[name] for name in ("content-type", "x-amz-target")},
        payload_sha256=hashlib.sha256(body).hexdigest(),
        credentials=KEYS,
        now=datetime.strptime(first["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC),
    )
    assert first["authorization"] == expected["Authorization"]
    assert json.loads(body)["QueueUrl"] == "https://sqs.eu-west-1.amazonaws.com/1/mirror"
    assert [first["x-amz-security-token"], second["x-amz-security-token"]] == ["token", "later-token"]


def test_plain_http_needs_an_endpoint_of_its_own() -> None:
    with pytest.raises(ConfigurationError):
        MirrorQueue("http://sqs.example.com/1/mirror", region="us-east-1", endpoint_url=None, credentials=lambda: KEYS)


@pytest.mark.parametrize(
    "body",
    ["", "null", "[]", "7", '"vid_1"', "{}", '{"videoUuid": null}', '{"videoUuid": 7}', '{"videoUuid": ""}', "{",
     '{"videoUuid": "a\\u0000b"}', "[" * 100_000],
)  # fmt: skip
def test_a_message_that_is_not_ours_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequestError):
        read_message(body)


def test_a_message_may_grow_more_fields() -> None:
    assert read_message('{"videoUuid": "vid_1", "attempt": 2}') == "vid_1"
