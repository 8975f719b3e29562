"""Events as AWS sends them, routes as API Gateway finds them, answers as it reads them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from local.lambda_runtime import events, responses, routes
from local.lambda_runtime.lambda_context import LambdaContext, invoker
from local.lambda_runtime.responses import MalformedResponseError
from local.lambda_runtime.routes import Route
from tests.local_functions import local_function

NOON = datetime(2026, 3, 12, 12, 0, 0, tzinfo=UTC)


def test_an_http_event_has_every_field_of_payload_2() -> None:
    event = events.http_event(
        "POST",
        "/videos/caf%C3%A9/file%2Fname",
        route_key="POST /videos/{id}/{name}",
        query="a=1&a=2&b=x%20y&empty=",
        headers=[
            ("X-One", "1"),
            ("x-one", "2"),
            ("Cookie", "s=1; t=2"),
            ("User-Agent", "curl"),
            ("Content-Type", "application/json"),
        ],
        body='{"a":"ä"}',
        domain="abc.execute-api.us-east-1.amazonaws.com",
        source_ip="192.0.2.1",
        at=NOON,
    )
    request_id = event["requestContext"].pop("requestId")

    assert len(request_id) == 36
    assert event == {
        "version": "2.0",
        "routeKey": "POST /videos/{id}/{name}",
        "rawPath": "/videos/café/file/name",
        "rawQueryString": "a=1&a=2&b=x%20y&empty=",
        "cookies": ["s=1", "t=2"],
        "headers": {
            "x-one": "1,2",
            "user-agent": "curl",
            "content-type": "application/json",
            "content-length": "10",
            "host": "abc.execute-api.us-east-1.amazonaws.com",
        },
        "queryStringParameters": {"a": "1,2", "b": "x y", "empty": ""},
        "pathParameters": {"id": "café", "name": "file/name"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "abc.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abc",
            "http": {
                "method": "POST",
                "path": "/videos/café/file/name",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl",
            },
            "routeKey": "POST /videos/{id}/{name}",
            "stage": "$default",
            "time": "12/Mar/2026:12:00:00 +0000",
            "timeEpoch": 1773316800000,
        },
        "body": '{"a":"ä"}',
        "isBase64Encoded": False,
    }


def test_what_a_request_does_not_have_its_event_does_not_have() -> None:
    event = events.http_event("GET", "/")

    assert event["routeKey"] == "$default"
    assert not {"body", "cookies", "queryStringParameters", "pathParameters"} & set(event)


@pytest.mark.parametrize(
    ("content_type", "is_text"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("text/plain", True),
        ("application/xml", True),
        ("application/problem+json", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("application/octet-stream", False),
        ("", False),
    ],
)
def test_only_a_few_content_types_come_as_text(content_type: str, is_text: bool) -> None:
    event = events.http_event("POST", "/", headers={"Content-Type": content_type}, body=b"hello")

    assert event["isBase64Encoded"] is not is_text
    assert event["body"] == ("hello" if is_text else base64.b64encode(b"hello").decode())
    no_utf_8 = events.http_event("POST", "/", headers={"Content-Type": content_type}, body=b"\xff\xfe")
    assert (no_utf_8["isBase64Encoded"], base64.b64decode(no_utf_8["body"])) == (True, b"\xff\xfe")


def test_an_sqs_event_keeps_what_the_queue_says_of_a_message() -> None:
    received = {
        "MessageId": "m-1",
        "ReceiptHandle": "r-1",
        "Body": "hello",
        "Attributes": {"ApproximateReceiveCount": "3"},
        "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "mirror"}},
    }
    (record,) = events.sqs_event(received, queue_arn="arn:aws:sqs:us-east-1:1:jobs")["Records"]

    assert (record["messageId"], record["receiptHandle"], record["body"]) == ("m-1", "r-1", "hello")
    assert record["attributes"]["ApproximateReceiveCount"] == "3"
    assert record["messageAttributes"]["kind"]["stringValue"] == "mirror"
    assert record["md5OfBody"] == "5d41402abc4b2a76b9719d911017c592"
    assert (record["eventSource"], record["eventSourceARN"]) == ("aws:sqs", "arn:aws:sqs:us-east-1:1:jobs")
    assert [body["body"] for body in events.sqs_event("one", "two")["Records"]] == ["one", "two"]


def test_a_schedule_event_is_eventbridges() -> None:
    event = events.schedule_event(rule="reconcile", at=NOON)

    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert event["time"] == "2026-03-12T12:00:00Z"
    assert event["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/reconcile"]


TABLE = [
    Route(method="ANY", path="$default", function="Default"),
    Route(method="GET", path="/videos/{id}", function="One"),
    Route(method="ANY", path="/videos/{id}", function="AnyOne"),
    Route(method="GET", path="/videos/list", function="List"),
    Route(method="GET", path="/videos/{id}/status", function="Status"),
]


@pytest.mark.parametrize(
    ("request_line", "function", "parameters"),
    [
        ("GET /videos/list", "List", {}),
        ("GET /videos/lists", "One", {"id": "lists"}),
        ("GET /videos/a%2Fb", "One", {"id": "a/b"}),
        ("PUT /videos/list", "AnyOne", {"id": "list"}),
        ("GET /videos/1/status", "Status", {"id": "1"}),
        ("GET /videos/1/file/2", "Default", {}),
        ("GET /videos/", "Default", {}),
        ("GET /videos//status", "Default", {}),
        ("GET /Videos/list", "Default", {}),
        ("GET /", "Default", {}),
    ],
)
def test_the_most_specific_route_takes_a_request(request_line: str, function: str, parameters: dict[str, str]) -> None:
    method, path = request_line.split(" ")
    found = routes.find(TABLE, method, path)

    assert found is not None
    assert (found.function, routes.path_parameters(found.path, path)) == (function, parameters)
    assert routes.find(TABLE[1:2], "POST", "/videos/1") is None


def test_a_functions_answer_becomes_a_response() -> None:
    response = responses.from_function(
        {
            "statusCode": 201,
            "headers": {
                "Content-Type": "image/png",
                "X-Count": 3,
                "Connection": "close",
                "Content-Length": "99",
            },
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "AAEC",
            "isBase64Encoded": True,
        }
    )

    assert (response.status, response.body) == (201, b"\x00\x01\x02")
    assert response.headers == {"content-type": "image/png", "x-count": "3"}
    assert response.cookies == ("a=1; Path=/", "b=2")
    assert responses.from_function({"message": "hello"}).body == b'{"message": "hello"}'


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": "soon"},
        {"statusCode": True},
        {"statusCode": 42},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "body": "not base64!", "isBase64Encoded": True},
        {"statusCode": 200, "headers": {"x": "a\r\nset-cookie: b"}},
        {"statusCode": 200, "headers": {"x": ["a"]}},
        {"statusCode": 200, "headers": ["x"]},
    ],
)
def test_an_answer_that_api_gateway_would_not_understand_is_malformed(answer: object) -> None:
    with pytest.raises(MalformedResponseError):
        responses.from_function(answer)


def test_a_handler_is_given_a_context_whose_time_runs_out() -> None:
    def handler(event: object, context: LambdaContext) -> object:
        return [
            event,
            context.function_name,
            context.memory_limit_in_mb,
            context.get_remaining_time_in_millis(),
        ]

    event, name, memory, remaining = invoker(local_function("Echo"), handler)({"a": [1]})

    assert (event, name, memory) == ({"a": [1]}, "Echo", 256)
    assert 0 < remaining <= 30_000


def test_an_answer_that_is_not_json_is_the_handlers_error() -> None:
    with pytest.raises(TypeError):
        invoker(local_function("Echo"), lambda _event, _context: {1, 2})({})
