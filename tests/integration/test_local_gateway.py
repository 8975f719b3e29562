"""HTTP through the local gateway to small handlers and back."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from local.lambda_runtime.gateway import BODY_LIMIT, Gateway
from local.lambda_runtime.lambda_context import Handler, invoker
from local.lambda_runtime.routes import Route
from local.public_bucket import public_bucket
from local.sam_template.resources import Cors
from tests.local_functions import local_function

TABLE = (
    Route(method="POST", path="/echo/{id}", function="Echo"),
    Route(method="GET", path="/broken", function="Broken"),
    Route(method="GET", path="/garbage", function="Garbage"),
    Route(method="GET", path="/picture", function="Picture"),
    Route(method="GET", path="/slow", function="Slow"),
    Route(method="ANY", path="/any", function="Echo"),
)


def echo(event: dict[str, Any], _context: object) -> dict[str, Any]:
    headers = {"content-type": "application/json", "access-control-allow-origin": "https://mine.example"}
    return {"statusCode": 202, "headers": headers, "cookies": ["a=1", "b=2"], "body": json.dumps(event)}


def broken(_event: object, _context: object) -> object:
    raise LookupError("a fault of the handler")


def garbage(_event: object, _context: object) -> object:
    return {"statusCode": 200, "body": ["not", "a", "string"]}


def picture(_event: object, _context: object) -> object:
    body = base64.b64encode(b"\x89PNG").decode()
    return {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": body, "isBase64Encoded": True}


@contextmanager
def running(*, rules: Cors | None = None, workers: int = 4, **handlers: Handler) -> Iterator[Gateway]:
    every = {"Echo": echo, "Broken": broken, "Garbage": garbage, "Picture": picture, **handlers}
    invoke = {name: invoker(local_function(name), handler) for name, handler in every.items()}
    gateway = Gateway(table=TABLE, rules=rules, workers=workers)
    gateway.start(invoke)
    with closing(gateway):
        yield gateway


def ask(
    gateway: Gateway, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[HTTPResponse, bytes]:
    with closing(HTTPConnection(gateway.url.removeprefix("http://"), timeout=10)) as connection:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response, response.read()


def test_a_request_reaches_its_handler_as_an_event_and_the_answer_comes_back() -> None:
    with running() as gateway:
        headers = {"Content-Type": "application/json", "X-Twice": "1"}
        response, body = ask(gateway, "POST", "/echo/a%20b?q=1", body=b'{"x":1}', headers=headers)
        event = json.loads(body)

    assert response.status == 202
    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert (event["routeKey"], event["rawPath"]) == ("POST /echo/{id}", "/echo/a b")
    assert (event["pathParameters"], event["queryStringParameters"]) == ({"id": "a b"}, {"q": "1"})
    assert (event["body"], event["isBase64Encoded"]) == ('{"x":1}', False)
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert f"http://{event['requestContext']['domainName']}" == gateway.url


def test_a_binary_body_arrives_as_base64_and_a_binary_answer_leaves_as_bytes() -> None:
    with running() as gateway:
        _, body = ask(gateway, "POST", "/echo/1", body=b"\x00\xff", headers={"Content-Type": "image/png"})
        picture_response, picture_body = ask(gateway, "GET", "/picture")

    assert base64.b64decode(json.loads(body)["body"]) == b"\x00\xff"
    assert (picture_response.headers["content-type"], picture_body) == ("image/png", b"\x89PNG")


def test_head_without_a_body_promises_no_length() -> None:
    """It would be that of GET's body, which the function has dropped."""

    def empty(_event: object, _context: object) -> object:
        return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": ""}

    with running(Echo=empty) as gateway:
        response, body = ask(gateway, "HEAD", "/any")
        assert (response.status, response.headers["content-length"], body) == (200, None, b"")
        response, _ = ask(gateway, "GET", "/any")
        assert response.headers["content-length"] == "0"


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("GET", "/echo/1"), ("HEAD", "/broken")])
def test_what_no_route_takes_is_not_found(method: str, path: str) -> None:
    with running() as gateway:
        response, body = ask(gateway, method, path)

    assert response.status == 404
    assert body == (b"" if method == "HEAD" else b'{"message":"Not Found"}')


@pytest.mark.parametrize(("path", "words"), [("/broken", "a fault of the handler"), ("/garbage", "must be a string")])
def test_a_handlers_fault_is_a_500_and_its_traceback_is_in_the_log(
    path: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running() as gateway:
        response, body = ask(gateway, "GET", path)

    assert (response.status, body) == (500, b'{"message":"Internal Server Error"}')
    assert "Traceback" in caplog.text
    assert words in caplog.text


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"x" * (BODY_LIMIT + 1), {}, 413, b"Request Entity Too Large"),
        (b"x" * 5_000_000, {}, 413, b"Request Entity Too Large"),
        (b"", {"X-Long": "x" * 11_000}, 431, b"Request Header Fields Too Large"),
    ],
    ids=["API Gateway's body", "Lambda's event", "API Gateway's headers"],
)
def test_what_is_beyond_a_limit_is_refused(body: bytes, headers: dict[str, str], status: int, words: bytes) -> None:
    with running() as gateway:
        response, content = ask(gateway, "POST", "/echo/1", body=body, headers=headers)

    assert (response.status, content) == (status, b'{"message":"%s"}' % words)


def test_as_many_handlers_run_at_once_as_there_are_workers_and_not_one_more() -> None:
    running_now: list[int] = []
    most: list[int] = []
    lock = threading.Lock()
    two_run = threading.Event()

    def slow(_event: object, _context: object) -> object:
        with lock:
            running_now.append(1)
            most.append(len(running_now))
            if len(running_now) == 2:
                two_run.set()
        two_run.wait(10)
        with lock:
            running_now.pop()
        return {"statusCode": 204}

    with running(workers=2, Slow=slow) as gateway:
        clients = [threading.Thread(target=ask, args=(gateway, "GET", "/slow")) for _ in range(6)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    assert (len(most), max(most)) == (6, 2)


def test_closing_waits_for_the_request_at_work() -> None:
    at_work, finish = threading.Event(), threading.Event()
    answers: list[int] = []

    def slow(_event: object, _context: object) -> object:
        at_work.set()
        finish.wait(10)
        return {"statusCode": 204}

    with running(Slow=slow) as gateway:
        client = threading.Thread(target=lambda: answers.append(ask(gateway, "GET", "/slow")[0].status))
        client.start()
        assert at_work.wait(10)
        closer = threading.Thread(target=gateway.close)
        closer.start()
        finish.set()
        closer.join()
        client.join()

    assert answers == [204]


ORIGIN = {"Origin": "https://a.example"}
PREFLIGHT = {**ORIGIN, "Access-Control-Request-Method": "POST"}


@pytest.mark.parametrize(
    ("path", "headers", "status", "allowed"),
    [
        ("/any", PREFLIGHT, 202, "https://a.example"),  # the function answers, as a route takes every method
        ("/echo/1", PREFLIGHT, 204, "https://a.example"),  # the gateway itself
        ("/echo/1", PREFLIGHT | {"Origin": "https://b.other"}, 204, None),
    ],
)
def test_a_preflight_is_answered_by_the_apis_own_rules(
    path: str, headers: dict[str, str], status: int, allowed: str | None
) -> None:
    rules = Cors(origins=("https://a.example",), methods=("POST",), headers=("content-type",), max_age_seconds=600)
    with running(rules=rules) as gateway:
        response, _ = ask(gateway, "OPTIONS", path, headers=headers)

    assert response.status == status
    assert response.headers.get_all("access-control-allow-origin") == (allowed and [allowed])
    assert response.headers["access-control-allow-methods"] == (allowed and "POST")
    assert response.headers["access-control-max-age"] == (allowed and "600")


def test_the_gateways_cors_headers_replace_the_functions() -> None:
    with running(rules=Cors(origins=("https://a.example",), credentials=True)) as gateway:
        response, _ = ask(gateway, "POST", "/echo/1", headers=ORIGIN)

    assert response.headers.get_all("access-control-allow-origin") == ["https://a.example"]
    assert response.headers["access-control-allow-credentials"] == "true"


def test_mirrored_files_are_served_with_ranges_and_their_type(aws_client: Callable[..., Any]) -> None:
    storage = aws_client("s3")
    storage.create_bucket(Bucket="clips")
    storage.put_object(Bucket="clips", Key="videos/a b.mp4", Body=b"0123456789", ContentType="video/mp4")
    with running() as gateway:
        gateway.mount("/files/", public_bucket(storage=storage, bucket="clips", prefix="/files/"))
        whole, content = ask(gateway, "GET", "/files/videos/a%20b.mp4")
        part, middle = ask(gateway, "GET", "/files/videos/a%20b.mp4", headers={"Range": "bytes=2-4"})
        head, nothing = ask(gateway, "HEAD", "/files/videos/a%20b.mp4")
        missing, _ = ask(gateway, "GET", "/files/videos/none.mp4")
        beyond, _ = ask(gateway, "GET", "/files/videos/a%20b.mp4", headers={"Range": "bytes=99-"})

    assert (whole.status, content, whole.headers["content-type"]) == (200, b"0123456789", "video/mp4")
    assert (part.status, middle, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert (head.status, nothing, head.headers["content-length"]) == (200, b"", "10")
    assert (missing.status, beyond.status) == (404, 416)
