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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

import av
import pytest

from local.http.messages import Request, Response
from local.http.server import HttpServer
from local.providers.evolink import FakeEvolink, fake_evolink
from local.providers.faults import Failure, Faults, Refusal

API_KEY = "sk-evo-test"
AUTHORIZED = {"Authorization": f"Bearer {API_KEY}"}
ORDER: dict[str, Any] = {
    "model": "seedance-2.0-text-to-video",
    "prompt": "A ferry at dusk",
    "aspect_ratio": "16:9",
    "duration": 4,
    "quality": "480p",
}
PATIENCE = 30.0
"""Seconds after which a test gives up on something that should happen much sooner."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


@dataclass
class Receiver:
    """Where callbacks go: keeps each request and answers with the next of `statuses`, or 200."""

    url: str
    statuses: list[int] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    on_request: Callable[[], object] = lambda: None

    def answer(self, request: Request) -> Response:
        self.on_request()
        self.requests.append(request)
        return Response(status=self.statuses.pop(0) if self.statuses else 200, headers={"Location": "/elsewhere"})


@pytest.fixture
def evolink() -> Iterator[FakeEvolink]:
    with fake_evolink(api_key=API_KEY, seconds=0, retry_scale=0.001) as server:
        yield server


@pytest.fixture
def slow_evolink() -> Iterator[FakeEvolink]:
    """Its tasks end an hour after the test."""
    with fake_evolink(api_key=API_KEY, seconds=3600) as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = HttpServer()
    receiver = Receiver(url=f"{server.url}/callback?videoUuid=vid_1&sig=abc")
    with server.serving(receiver.answer):
        yield receiver


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


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it didn't happen"
        time.sleep(0.005)


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


def test_accepted_submits_are_kept_in_order_and_refused_ones_are_not(slow_evolink: FakeEvolink) -> None:
    submit(slow_evolink, prompt="first")
    submit(slow_evolink, prompt=17)
    submit(slow_evolink, prompt="second")

    assert slow_evolink.submissions == [ORDER | {"prompt": "first"}, ORDER | {"prompt": "second"}]
    assert len(slow_evolink.tasks) == 2


def test_task_ids_repeat_with_the_seed_and_differ_within_a_run() -> None:
    def suffixes() -> list[str]:
        with fake_evolink(api_key=API_KEY, seconds=3600, seed=7) as server:
            return [submit(server).json["id"].rsplit("-")[-1] for _ in range(3)]

    first = suffixes()

    assert len(set(first)) == 3
    assert suffixes() == first


@pytest.mark.parametrize(
    ("fields", "status", "kind", "param"),
    [
        ({"duration": True}, 400, "invalid_request_error", "duration"),
        ({"aspect_ratio": "16:10"}, 400, "invalid_request_error", "aspect_ratio"),
        ({"callback_url": "file:///callback"}, 400, "invalid_request_error", "callback_url"),
        ({"model": "seedance-9"}, 404, "not_found_error", "model"),
    ],
)
def test_an_order_against_the_rules_is_refused_in_the_envelope(
    slow_evolink: FakeEvolink, fields: dict[str, Any], status: int, kind: str, param: str
) -> None:
    answer = submit(slow_evolink, **fields)

    assert answer.status == status
    assert (answer.json["error"]["type"], answer.json["error"]["param"]) == (kind, param)
    assert not slow_evolink.tasks


def test_a_strict_server_calls_back_to_the_public_only() -> None:
    with fake_evolink(api_key=API_KEY, seconds=3600, local=False) as strict:
        assert submit(strict, callback_url="http://127.0.0.1:8787/callback").status == 400
        assert submit(strict, callback_url="https://api.example.com/callback").status == 200


def test_another_content_type_is_refused(slow_evolink: FakeEvolink) -> None:
    headers = {**AUTHORIZED, "Content-Type": "application/x-www-form-urlencoded"}

    assert post(slow_evolink, json.dumps(ORDER).encode(), headers=headers).status == 400


def test_a_body_of_one_mebibyte_is_read_and_one_byte_more_is_not(slow_evolink: FakeEvolink) -> None:
    order = json.dumps(ORDER).encode()

    assert post(slow_evolink, order.ljust(1 << 20)).status == 200
    refused = post(slow_evolink, order.ljust((1 << 20) + 1))

    assert refused.status == 413
    assert refused.json["error"]["type"] == "request_too_large_error"
    assert len(slow_evolink.tasks) == 1


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


def test_a_task_is_pending_then_processing(slow_evolink: FakeEvolink) -> None:
    task_id = submit(slow_evolink).json["id"]
    pending = query(slow_evolink, task_id).json

    slow_evolink.tasks[task_id].started -= 1800
    processing = query(slow_evolink, task_id).json

    assert (pending["status"], pending["progress"]) == ("pending", 0)
    assert (processing["status"], processing["progress"]) == ("processing", 50)
    for answer in (pending, processing):
        assert answer["task_info"] == {"can_cancel": True}
        assert not {"results", "error"} & answer.keys()


def test_a_task_whose_time_is_over_is_not_complete_before_its_film_is(slow_evolink: FakeEvolink) -> None:
    task_id = submit(slow_evolink).json["id"]
    slow_evolink.tasks[task_id].started -= 7200

    answer = query(slow_evolink, task_id).json

    assert (answer["status"], answer["progress"]) == ("processing", 99)


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


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"aspect_ratio": "16:9", "quality": "480p"}, (854, 480)),
        ({"aspect_ratio": "9:16", "quality": "720p", "duration": 5}, (720, 1280)),
        ({"aspect_ratio": "adaptive"}, (854, 480)),
        ({"model": "seedance-2.5-text-to-video", "duration": -1}, (854, 480)),
    ],
)
def test_the_film_plays_as_ordered(evolink: FakeEvolink, fields: dict[str, Any], size: tuple[int, int]) -> None:
    seconds = {5: 5, -1: 5}.get(fields.get("duration", 4), 4)

    film = ask(evolink, "GET", film_path(evolink, **fields))

    assert film.status == 200
    assert film.headers["content-type"] == "video/mp4"
    with av.open(io.BytesIO(film.body), "r") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == size
        assert container.duration == seconds * 1_000_000
        assert sum(1 for _ in container.decode(stream)) == seconds * 12


def test_the_film_is_not_there_before_the_task_ends(slow_evolink: FakeEvolink) -> None:
    task_id = submit(slow_evolink).json["id"]

    assert ask(slow_evolink, "GET", f"/files/{task_id}.mp4").status == 404


def test_a_head_describes_the_film_and_sends_nothing(evolink: FakeEvolink) -> None:
    path = film_path(evolink)

    film, head = ask(evolink, "GET", path), ask(evolink, "HEAD", path)

    assert head.status == 200
    assert head.body == b""
    names = ("content-length", "content-type", "etag", "last-modified", "accept-ranges")
    assert [head.headers[name] for name in names] == [film.headers[name] for name in names]
    assert head.headers["content-length"] == str(len(film.body))
    assert head.headers["accept-ranges"] == "bytes"
    assert re.fullmatch(r'"[0-9a-f]{32}"', head.headers["etag"])


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


def test_a_callback_carries_what_a_query_answers(evolink: FakeEvolink, receiver: Receiver) -> None:
    task_id = submit(evolink, callback_url=receiver.url).json["id"]
    until(lambda: evolink.callbacks)

    [request] = receiver.requests
    assert (request.method, request.path) == ("POST", "/callback")
    assert request.headers["Content-Type"] == "application/json"
    assert request.body == query(evolink, task_id).body
    assert json.loads(request.body or b"")["status"] == "completed"
    assert [(attempt.url, attempt.status) for attempt in evolink.callbacks] == [(receiver.url, 200)]


def test_a_failed_task_calls_back_too(evolink: FakeEvolink, receiver: Receiver) -> None:
    evolink.next(Faults(fail=Failure(code="generation_timeout")))
    task_id = submit(evolink, callback_url=receiver.url).json["id"]
    until(lambda: evolink.callbacks)

    assert [request.body for request in receiver.requests] == [query(evolink, task_id).body]


def test_a_callback_is_given_up_after_three_retries_and_follows_no_redirect(
    evolink: FakeEvolink, receiver: Receiver
) -> None:
    receiver.statuses = [302] * 9
    submit(evolink, callback_url=receiver.url)
    until(lambda: len(evolink.callbacks) == 4)
    evolink.runner.join()

    assert [attempt.status for attempt in evolink.callbacks] == [302] * 4
    assert {request.path for request in receiver.requests} == {"/callback"}


def test_without_a_callback_url_nobody_is_called(evolink: FakeEvolink) -> None:
    ended(evolink, submit(evolink).json["id"])
    evolink.runner.join()

    assert evolink.callbacks == []


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


def test_a_submit_can_be_refused_by_a_gateway(evolink: FakeEvolink) -> None:
    evolink.next(Faults(refuse=Refusal(status=502, page="<h1>Bad gateway</h1>")))

    answer = submit(evolink)

    assert (answer.status, answer.body) == (502, b"<h1>Bad gateway</h1>")
    assert answer.headers["content-type"] == "text/html"
    assert not evolink.tasks


def test_a_fault_waits_for_a_submission_that_is_valid(evolink: FakeEvolink) -> None:
    evolink.next(Faults(refuse=Refusal(status=503)))

    assert submit(evolink, duration=True).status == 400
    assert submit(evolink).status == 503


def test_a_standing_fault_applies_until_it_is_taken_back(evolink: FakeEvolink) -> None:
    evolink.faults = Faults(refuse=Refusal(status=503))
    evolink.next(Faults())

    assert [submit(evolink).status for _ in range(3)] == [200, 503, 503]
    evolink.faults = Faults()
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


def test_a_cut_submit_loses_its_connection_and_its_callback_comes(evolink: FakeEvolink, receiver: Receiver) -> None:
    evolink.next(Faults(submit="cut"))

    with pytest.raises(RemoteDisconnected):
        submit(evolink, callback_url=receiver.url)

    until(lambda: receiver.requests)
    assert len(evolink.submissions) == len(evolink.tasks) == 1


def test_callbacks_can_be_dropped(evolink: FakeEvolink, receiver: Receiver) -> None:
    evolink.next(Faults(callbacks=0))
    ended(evolink, submit(evolink, callback_url=receiver.url).json["id"])
    evolink.runner.join()

    assert receiver.requests == []


def test_callbacks_can_be_repeated(evolink: FakeEvolink, receiver: Receiver) -> None:
    evolink.next(Faults(callbacks=3))
    submit(evolink, callback_url=receiver.url)
    until(lambda: len(receiver.requests) == 3)
    evolink.runner.join()

    assert len({request.body for request in receiver.requests}) == 1
    assert len(receiver.requests) == 3


def test_a_callback_can_come_before_the_answer(slow_evolink: FakeEvolink, receiver: Receiver) -> None:
    order: list[str] = []
    receiver.on_request = lambda: order.append(slow_evolink.tasks[next(iter(slow_evolink.tasks))].state)
    slow_evolink.next(Faults(early_callback=True))

    receipt = submit(slow_evolink, callback_url=receiver.url).json
    order.append("answered")

    assert order == ["completed", "answered"]
    assert receipt["status"] == "pending"
    assert json.loads(receiver.requests[0].body or b"")["id"] == receipt["id"]


def test_only_the_first_attempt_comes_before_the_answer(receiver: Receiver) -> None:
    receiver.statuses = [503]
    with fake_evolink(api_key=API_KEY, seconds=3600, retry_scale=3600) as server:
        server.next(Faults(early_callback=True))

        assert submit(server, callback_url=receiver.url).status == 200
        assert [attempt.status for attempt in server.callbacks] == [503]


def test_an_early_callback_to_nowhere_delays_nothing(slow_evolink: FakeEvolink) -> None:
    slow_evolink.next(Faults(early_callback=True))

    assert submit(slow_evolink).status == 200


def test_a_result_can_be_missing(evolink: FakeEvolink) -> None:
    evolink.next(Faults(result="missing"))

    assert ask(evolink, "GET", film_path(evolink)).status == 404


def test_a_result_can_come_back(evolink: FakeEvolink) -> None:
    evolink.next(Faults(result="missing"))
    path = film_path(evolink)

    [task] = evolink.tasks.values()
    task.faults = Faults()

    assert ask(evolink, "GET", path).status == 200


def test_a_result_can_be_a_page(evolink: FakeEvolink) -> None:
    evolink.next(Faults(result="page"))

    answer = ask(evolink, "GET", film_path(evolink))

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html"
    assert b"<title>" in answer.body


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
    let_go = threading.Event()
    hanging = HttpServer()

    def hold(_: Request) -> Response:
        let_go.wait(PATIENCE)
        return Response(status=200)

    def submit_and_wait(server: FakeEvolink) -> None:
        with suppress(ConnectionError):
            submit(server, callback_url=hanging.url)

    with hanging.serving(hold):
        with fake_evolink(api_key=API_KEY, seconds=3600) as server, connected(server) as idle:
            idle.request("GET", "/v1/credits", headers=AUTHORIZED)
            idle.getresponse().read()
            submit(server)  # its task waits for an hour
            server.next(Faults(submit="held"))
            server.next(Faults(early_callback=True, fail=Failure(code="service_error")))  # its callback hangs
            clients = [threading.Thread(target=submit_and_wait, args=(server,)) for _ in range(2)]
            for client in clients:
                client.start()
            until(lambda: len(server.submissions) == 3)
        for client in clients:
            client.join()
        let_go.set()

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
