"""The fake Evolink over real HTTP: its answers, its films, its callbacks, and everything that it can get wrong."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

import av
import pytest

from local.http.messages import NoResponse
from local.providers.evolink import FakeEvolink, fake_evolink
from local.providers.faults import Failure, Faults, Refusal
from tests.callback_receiver import PATIENCE, Receiver, receiving, until

API_KEY = "sk-evo-test"
AUTHORIZED = {"Authorization": f"Bearer {API_KEY}"}
ORDER: dict[str, Any] = {
    "model": "seedance-2.0-text-to-video",
    "prompt": "A ferry at dusk",
    "aspect_ratio": "16:9",
    "duration": 4,
    "quality": "480p",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


@pytest.fixture
def evolink() -> Iterator[FakeEvolink]:
    with fake_evolink(api_key=API_KEY, seconds=0, retry_scale=0.001) as server:
        yield server


@pytest.fixture
def slow_evolink() -> Iterator[FakeEvolink]:
    """Its tasks end an hour after the test."""
    with fake_evolink(api_key=API_KEY, seconds=3600) as server:
        yield server


@contextmanager
def connected(evolink: FakeEvolink, *, timeout: float = PATIENCE) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(urlsplit(evolink.base_url).netloc, timeout=timeout)
    try:
        yield connection
    finally:
        connection.close()


def ask(
    evolink: FakeEvolink, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    with connected(evolink) as connection:
        connection.request(method, path, body, dict(headers or {}))
        with connection.getresponse() as answer:
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(status=answer.status, headers=names, body=answer.read())


def post(evolink: FakeEvolink, body: bytes, *, headers: Mapping[str, str] | None = None) -> Answer:
    headers = {"Content-Type": "application/json", **AUTHORIZED} if headers is None else headers
    return ask(evolink, "POST", "/v1/videos/generations", body=body, headers=headers)


def submit(evolink: FakeEvolink, **fields: Any) -> Answer:
    return post(evolink, json.dumps(ORDER | fields).encode())


def query(evolink: FakeEvolink, task_id: str) -> Answer:
    return ask(evolink, "GET", f"/v1/tasks/{task_id}", headers=AUTHORIZED)


def ended(evolink: FakeEvolink, task_id: str) -> dict[str, Any]:
    until(lambda: evolink.tasks[task_id].ended)
    return query(evolink, task_id).json


def film_path(evolink: FakeEvolink, **fields: Any) -> str:
    """The path of a finished film."""
    [url] = ended(evolink, submit(evolink, **fields).json["id"])["results"]
    assert url.startswith(f"{evolink.base_url}/files/")
    return urlsplit(url).path


# The submit


def test_a_submit_is_answered_as_documented(slow_evolink: FakeEvolink) -> None:
    before = int(time.time())

    answer = submit(slow_evolink)

    assert answer.status == 200
    task_id, created = answer.json["id"], answer.json["created"]
    assert before <= created <= int(time.time())
    assert re.fullmatch(rf"task-unified-{created}-[a-z0-9]{{8}}", task_id)
    assert answer.json == {
        "created": created,
        "id": task_id,
        "model": "seedance-2.0-text-to-video",
        "object": "video.generation.task",
        "progress": 0,
        "status": "pending",
        "type": "video",
        "task_info": {"can_cancel": True, "estimated_time": 3600, "video_duration": 4},
        "usage": {"billing_rule": "per_second", "credits_reserved": 4, "user_group": "default"},
    }


@pytest.mark.parametrize(
    ("order", "headers", "status", "kind"),
    [
        (ORDER | {"duration": True}, {}, 400, "invalid_request_error"),
        (ORDER | {"model": "seedance-9"}, {}, 404, "not_found_error"),
        (ORDER, {"Content-Type": "application/x-www-form-urlencoded"}, 400, "invalid_request_error"),
        (ORDER | {"padding": "x" * (1 << 20)}, {}, 413, "request_too_large_error"),
    ],
    ids=["a wrong value", "an unknown model", "another content type", "more than a mebibyte"],
)
def test_an_order_against_the_rules_is_refused_in_the_envelope(
    slow_evolink: FakeEvolink, order: dict[str, Any], headers: dict[str, str], status: int, kind: str
) -> None:
    slow_evolink.next(Faults(refuse=Refusal(status=503)))  # waits for an order that is valid
    usual = {"Content-Type": "application/json", **AUTHORIZED}
    answer = post(slow_evolink, json.dumps(order).encode(), headers=usual | headers)

    assert (answer.status, answer.json["error"]["type"]) == (status, kind)
    assert not slow_evolink.tasks
    assert submit(slow_evolink).status == 503


def test_a_chunked_body_is_refused(slow_evolink: FakeEvolink) -> None:
    headers = {**AUTHORIZED, "Content-Type": "application/json", "Transfer-Encoding": "chunked"}

    assert post(slow_evolink, b"0\r\n\r\n", headers=headers).status == 411


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/videos/generations"), ("GET", "/v1/tasks/task-unified-1-abcdefgh"), ("GET", "/v1/credits")],
)
def test_nothing_is_said_without_the_key(slow_evolink: FakeEvolink, method: str, path: str) -> None:
    for wrong in ("", "Bearer", "Bearer ", "Bearer wrong", API_KEY, f"Basic {API_KEY}", f"Bearer {API_KEY}é"):
        answer = ask(slow_evolink, method, path, headers={"Authorization": wrong})
        error = answer.json["error"]
        assert (answer.status, error["code"], error["type"]) == (401, "unauthorized", "authentication_error"), wrong
    assert ask(slow_evolink, method, path).status == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v1/videos/generations"), ("POST", "/v1/credits"), ("PUT", "/files/x.mp4")],
)
def test_there_is_nothing_elsewhere(slow_evolink: FakeEvolink, method: str, path: str) -> None:
    assert ask(slow_evolink, method, path, headers=AUTHORIZED).status == 404


# The task


@pytest.mark.parametrize(
    ("elapsed", "status", "progress"),
    [(0, "pending", 0), (1800, "processing", 50), (7200, "processing", 99)],
    ids=["at first", "half-way", "its time over, but not its film ready"],
)
def test_a_task_that_runs_says_how_far_it_is(
    slow_evolink: FakeEvolink, elapsed: int, status: str, progress: int
) -> None:
    task_id = submit(slow_evolink).json["id"]
    slow_evolink.tasks[task_id].started -= elapsed

    answer = query(slow_evolink, task_id).json

    assert (answer["status"], answer["progress"]) == (status, progress)
    assert answer["task_info"] == {"can_cancel": True}
    assert not {"results", "error"} & answer.keys()
    assert ask(slow_evolink, "GET", f"/files/{task_id}.mp4").status == 404


def test_a_completed_task_is_reported_as_documented(evolink: FakeEvolink) -> None:
    receipt = submit(evolink).json

    assert ended(evolink, receipt["id"]) == {
        "created": receipt["created"],
        "id": receipt["id"],
        "model": "seedance-2.0-text-to-video",
        "object": "video.generation.task",
        "progress": 100,
        "status": "completed",
        "type": "video",
        "results": [f"{evolink.base_url}/files/{receipt['id']}.mp4"],
        "task_info": {"can_cancel": False},
    }


def test_a_failed_task_is_reported_as_documented(evolink: FakeEvolink) -> None:
    evolink.next(Faults(fail=Failure(code="content_policy_violation", message="Blocked.\nTry another prompt.")))
    task_id = submit(evolink).json["id"]

    assert ended(evolink, task_id) == {
        "id": task_id,
        "object": "video.generation.task",
        "status": "failed",
        "model": "seedance-2.0-text-to-video",
        "progress": 0,
        "error": {
            "code": "content_policy_violation",
            "message": "Blocked.\nTry another prompt.",
            "type": "task_error",
        },
    }
    assert ask(evolink, "GET", f"/files/{task_id}.mp4").status == 404


@pytest.mark.parametrize(
    ("task_id", "status", "code"),
    [
        ("task-unified-1757169743-7cvnl5zw", 404, "task_not_found"),
        ("7cvnl5zw", 400, "invalid_task_id"),
        ("", 400, "invalid_task_id"),
    ],
)
def test_a_task_that_is_not_there(slow_evolink: FakeEvolink, task_id: str, status: int, code: str) -> None:
    answer = query(slow_evolink, task_id)

    assert answer.status == status
    assert answer.json["error"]["code"] == code


def test_credits_are_taken_for_what_completed(evolink: FakeEvolink) -> None:
    ended(evolink, submit(evolink).json["id"])
    evolink.next(Faults(fail=Failure(code="service_error")))
    ended(evolink, submit(evolink).json["id"])

    answer = ask(evolink, "GET", "/v1/credits", headers=AUTHORIZED).json

    assert answer == {
        "data": {
            "token": {"remaining_credits": 99_996, "used_credits": 4, "unlimited_credits": False},
            "user": {"remaining_credits": 99_996, "used_credits": 4},
        },
        "message": "",
        "success": True,
    }


# The film


def test_the_film_plays_as_ordered(evolink: FakeEvolink) -> None:
    film = ask(evolink, "GET", film_path(evolink, aspect_ratio="9:16"))

    assert (film.status, film.headers["content-type"]) == (200, "video/mp4")
    with av.open(io.BytesIO(film.body), "r") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (480, 854)
        assert container.duration == 4_000_000
        assert sum(1 for _ in container.decode(stream)) == 4 * 12


def test_the_film_can_be_fetched_in_parts(evolink: FakeEvolink) -> None:
    path = film_path(evolink)
    film = ask(evolink, "GET", path)
    size, etag = len(film.body), film.headers["etag"]

    first = ask(evolink, "GET", path, headers={"Range": "bytes=0-999", "If-Range": etag})
    rest = ask(evolink, "GET", path, headers={"Range": "bytes=1000-", "If-Range": etag})
    beyond = ask(evolink, "GET", path, headers={"Range": f"bytes={size}-"})
    other = ask(evolink, "GET", path, headers={"If-Match": '"other"'})

    assert (first.status, rest.status, beyond.status, other.status) == (206, 206, 416, 412)
    assert rest.headers["content-range"] == f"bytes 1000-{size - 1}/{size}"
    assert rest.headers["content-length"] == str(size - 1000)
    assert first.body + rest.body == film.body


# The callback


@pytest.mark.parametrize("failure", [None, Failure(code="generation_timeout")])
def test_a_callback_carries_what_a_query_answers(
    evolink: FakeEvolink, receiver: Receiver, failure: Failure | None
) -> None:
    evolink.next(Faults(fail=failure))
    task_id = submit(evolink, callback_url=receiver.url).json["id"]
    until(lambda: evolink.callbacks)

    [request] = receiver.requests
    assert (request.method, request.headers["Content-Type"]) == ("POST", "application/json")
    assert request.body == query(evolink, task_id).body
    assert json.loads(request.body or b"")["status"] == ("failed" if failure else "completed")
    assert [(attempt.url, attempt.status) for attempt in evolink.callbacks] == [(receiver.url, 200)]


def test_a_callback_is_given_up_after_three_retries(evolink: FakeEvolink, receiver: Receiver) -> None:
    receiver.answers = [500] * 9
    submit(evolink, callback_url=receiver.url)
    evolink.runner.join()

    assert [attempt.status for attempt in evolink.callbacks] == [500] * 4


# The faults


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Refusal(status=402, code="insufficient_quota", message="No credits left"), "insufficient_quota"),
        (Refusal(status=429, code=429), 429),
        (Refusal(status=500), "internal_error"),
    ],
)
def test_a_submit_can_be_refused_in_the_envelope(evolink: FakeEvolink, refusal: Refusal, code: int | str) -> None:
    evolink.next(Faults(refuse=refusal))

    answer = submit(evolink)

    assert answer.status == refusal.status
    assert answer.json["error"]["code"] == code
    assert answer.json["error"]["message"] == refusal.message
    assert not evolink.submissions
    assert submit(evolink).status == 200


def test_a_held_submit_is_never_answered_and_its_callback_comes(evolink: FakeEvolink, receiver: Receiver) -> None:
    evolink.next(Faults(submit="held"))
    with connected(evolink, timeout=0.2) as connection:
        headers = {"Content-Type": "application/json", **AUTHORIZED}
        body = json.dumps(ORDER | {"callback_url": receiver.url})
        connection.request("POST", "/v1/videos/generations", body, headers)
        with pytest.raises(TimeoutError):
            connection.getresponse()

    until(lambda: receiver.requests)
    [task_id] = evolink.tasks
    assert json.loads(receiver.requests[0].body or b"")["id"] == task_id
    assert len(evolink.submissions) == 1


def test_a_truncated_result_ends_half_way_wherever_one_starts(evolink: FakeEvolink) -> None:
    evolink.next(Faults(result="truncated"))
    path = film_path(evolink)
    size = int(ask(evolink, "HEAD", path).headers["content-length"])

    with pytest.raises(IncompleteRead) as whole:
        ask(evolink, "GET", path)
    with pytest.raises(IncompleteRead) as rest:
        ask(evolink, "GET", path, headers={"Range": f"bytes={size // 2}-"})

    assert len(whole.value.partial) == size // 2
    assert (len(rest.value.partial), rest.value.expected) == (0, size - size // 2)
    assert ask(evolink, "GET", path, headers={"Range": "bytes=0-99"}).status == 206


# The end


def test_no_thread_is_left_whatever_was_going_on() -> None:
    before = set(threading.enumerate())

    def submit_and_wait(server: FakeEvolink, callback_url: str) -> None:
        with suppress(ConnectionError):
            submit(server, callback_url=callback_url)

    with receiving() as receiver:
        receiver.answers = [NoResponse.HOLD] * 9
        with fake_evolink(api_key=API_KEY, seconds=3600) as server, connected(server) as idle:
            idle.request("GET", "/v1/credits", headers=AUTHORIZED)
            idle.getresponse().read()
            submit(server)  # its task waits for an hour
            server.next(Faults(submit="held"))
            server.next(Faults(early_callback=True, fail=Failure(code="service_error")))  # its callback hangs
            clients = [threading.Thread(target=submit_and_wait, args=(server, receiver.url)) for _ in range(2)]
            for client in clients:
                client.start()
            until(lambda: len(server.submissions) == 3)
        for client in clients:
            client.join()

    assert set(threading.enumerate()) <= before


def test_it_runs_alone_and_stops_when_told_to() -> None:
    command = [sys.executable, "-m", "local.providers.evolink", "--port", "0", "--api-key", API_KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert url is not None
        connection = HTTPConnection(urlsplit(url[0]).netloc, timeout=PATIENCE)
        connection.request("GET", "/v1/credits", headers=AUTHORIZED)
        with connection.getresponse() as answer:
            assert answer.status == 200
        connection.close()

        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE)

    assert (process.returncode, errors) == (0, "")
