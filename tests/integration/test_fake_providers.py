"""The fake providers: they answer what our adapters read, refuse what the providers refuse, and go wrong as told."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from clipferry.errors import ProviderError, ProviderRefusedError, TaskNotFoundError
from clipferry.net.http_client import HttpClient
from clipferry.providers.base import Provider
from clipferry.providers.evolink import Evolink
from clipferry.providers.kie import Kie
from clipferry.providers.replicate import Replicate
from clipferry.providers.transport import JsonApi
from clipferry.verdicts import TaskState
from local.providers import callback_urls
from local.providers.base import FakeProvider
from local.providers.evolink import fake_evolink
from local.providers.faults import Faults, drawn
from local.providers.kie import fake_kie
from local.providers.replicate import fake_replicate
from tests.callback_receiver import PATIENCE, Receiver
from tests.orders import order

KEY = "key"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
MODELS = {
    "evolink": "seedance-2.0-text-to-video",
    "kie": "bytedance/seedance-2",
    "veo": "veo3_fast",
    "replicate": "google/veo-3.1-fast",
}
"""A model of each API; Veo is KIE's too."""
NOBODY = "http://127.0.0.1:9/callback"


@dataclass(frozen=True, slots=True)
class Pair:
    """A fake, and our adapter that asks it."""

    fake: FakeProvider
    adapter: Provider
    model: str

    def submit(self, callback_url: str) -> str:
        """The task's id."""
        return self.adapter.submit(order(model=self.model), callback_url=callback_url, timeout=PATIENCE).task_id


@contextmanager
def pair(kind: str, **options: Any) -> Iterator[Pair]:
    """Its tasks end at once unless the options say otherwise."""
    usual = {"api_key": KEY, "seconds": 0, "retry_scale": 0.001, "film": b"film"} | options
    with ExitStack() as scope:
        fake: FakeProvider
        if kind == "evolink":
            fake = scope.enter_context(fake_evolink(**usual))
        elif kind == "replicate":
            fake = scope.enter_context(fake_replicate(webhook_secret=SECRET, **usual))
        else:
            fake = scope.enter_context(fake_kie(**usual))
        client = HttpClient(fake.base_url, allow_plain_http=True)
        scope.callback(client.close)
        api = JsonApi(client, KEY, sleep=lambda _: None)
        adapters = {"evolink": Evolink(api), "replicate": Replicate(api, webhook_secrets=[SECRET])}
        yield Pair(fake, adapters.get(kind, Kie(api)), MODELS[kind])


@pytest.fixture
def kie() -> Iterator[Pair]:
    with pair("kie") as kie:
        yield kie


def ask(fake: FakeProvider, path: str, body: Any = None, *, key: str = KEY) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the answer; a body makes it a POST."""
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(fake.base_url + path, data=content, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


# What it refuses

IMAGE = "https://files.example.com/a.png"
SUBMIT = {"evolink": "/v1/videos/generations", "kie": "/api/v1/jobs/createTask", "veo": "/api/v1/veo/generate"}
ORDERS: dict[str, dict[str, Any]] = {
    "evolink": {"model": MODELS["evolink"], "prompt": "A ferry", "duration": 5},
    "kie": {"model": MODELS["kie"], "input": {"prompt": "A ferry", "duration": 5}},
    "veo": {"model": MODELS["veo"], "prompt": "A ferry"},
}


@pytest.mark.parametrize(
    ("kind", "change", "code"),
    [
        ("evolink", {"prompt": ""}, "invalid_parameters"),
        ("evolink", {"prompt": " \n"}, "invalid_parameters"),
        ("evolink", {"duration": True}, "invalid_parameters"),
        ("evolink", {"duration": 3}, "invalid_parameters"),
        ("evolink", {"quality": "high"}, "invalid_parameters"),
        ("evolink", {"something_new": 1}, "invalid_parameters"),
        ("evolink", {"model": "seedance-2.0-image-to-video"}, "invalid_parameters"),
        ("evolink", {"model": "seedance-1.5-pro", "image_urls": [7]}, "invalid_parameters"),
        ("evolink", {"model": "seedance-1.5-pro", "image_urls": ["ftp://a.example/1.png"]}, "invalid_parameters"),
        ("evolink", {"callback_url": "/callback"}, "invalid_parameters"),
        ("evolink", {"model": "SORA-2"}, "model_not_found"),
        ("evolink", {"model": None}, "invalid_parameters"),
        ("kie", {"input": {"prompt": "A ferry", "duration": "5"}}, 422),
        ("kie", {"input": {"prompt": "A ferry", "image_url": IMAGE}}, 422),
        ("kie", {"input": None}, 422),
        ("kie", {"model": "seedance-9"}, 422),
        ("kie", {"model": "sora-2-text-to-video"}, 500),
        ("veo", {"prompt": " "}, 422),
        ("veo", {"model": "veo9"}, 422),
        ("veo", {"duration": 8}, 422),
        ("veo", {"imageUrls": [IMAGE], "generationType": "TEXT_2_VIDEO"}, 422),
        ("veo", {"generationType": "FIRST_AND_LAST_FRAMES_2_VIDEO"}, 422),
    ],
)
def test_an_order_against_the_documentation_is_refused(kind: str, change: dict[str, Any], code: str | int) -> None:
    """What else the pages of a model say is `facts`, which tests/contract/test_catalog_facts.py tries."""
    with pair(kind) as provider:
        fake = provider.fake
        _, refused = ask(fake, SUBMIT[kind], ORDERS[kind] | change)
        assert not fake.tasks
        ask(fake, SUBMIT[kind], ORDERS[kind])

    assert refused.get("error", refused)["code"] == code
    assert len(fake.tasks) == 1


@pytest.mark.parametrize("kind", SUBMIT)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"[" * 50_000, b" " * (1 << 21)])
def test_a_body_that_is_no_json_object_or_too_large_is_refused(kind: str, body: bytes) -> None:
    with pair(kind) as provider:
        status, refused = ask(provider.fake, SUBMIT[kind], body)

    assert refused["code"] == 422 if "code" in refused else status in (400, 413)


@pytest.mark.parametrize("kind", MODELS)
def test_a_wrong_key_is_refused_in_the_providers_own_words(kind: str) -> None:
    with pair(kind) as provider:
        provider.fake.options = replace(provider.fake.options, api_key="another")

        with pytest.raises(ProviderRefusedError, match=r"401|permissions"):
            provider.submit(NOBODY)


@pytest.mark.parametrize(
    "url",
    [
        *("https://api.example.com/" + "x" * 2048, "https://api.example.com/a b", "https://api.example.com:99999/"),
        *("ftp://api.example.com/c", "c", 7, None),
    ],
)
def test_callbacks_go_to_an_http_url_of_2048_characters_at_most(url: object) -> None:
    assert callback_urls.problem_with(url)
    assert callback_urls.problem_with("https://api.example.com/callback?sig=".ljust(2048, "x")) is None
    assert callback_urls.problem_with("http://127.0.0.1:8787/callback") is None


def test_kie_knows_a_task_at_its_own_endpoint_alone(kie: Pair) -> None:
    task_id = kie.submit(NOBODY)

    assert ask(kie.fake, f"/api/v1/jobs/recordInfo?taskId={task_id}")[1]["code"] == 200
    assert ask(kie.fake, f"/api/v1/veo/record-info?taskId={task_id}")[1]["code"] == 422
    assert ask(kie.fake, "/api/v1/jobs/recordInfo")[1]["code"] == 400


# What goes wrong as told, with any fake


def test_a_lost_task_is_never_called_back_and_nobody_knows_it(kie: Pair, receiver: Receiver) -> None:
    kie.fake.next(Faults(lost=True))
    task_id = kie.submit(receiver.url)
    kie.fake.runner.join()

    assert receiver.requests == []
    with pytest.raises(TaskNotFoundError):
        kie.adapter.ask(task_id)


def test_callbacks_can_be_repeated_delayed_and_overtaken(kie: Pair, receiver: Receiver) -> None:
    kie.fake.next(Faults(overtaken=True))
    kie.fake.next(Faults(callbacks=2, late=0.05))
    first, second = (kie.submit(receiver.url) for _ in range(2))
    kie.fake.runner.join()

    heard = [json.loads(request.body or b"")["data"]["taskId"] for request in receiver.requests]
    assert heard[0] == second
    assert sorted(heard) == sorted([first, second, second])


def test_forged_callbacks_come_first_and_the_true_one_after_them(kie: Pair, receiver: Receiver) -> None:
    kie.fake.next(Faults(forged=True))
    task_id = kie.submit(receiver.url)
    kie.fake.runner.join()

    *forged, genuine = receiver.requests
    assert [json.loads(request.body or b"")["data"]["taskId"] == task_id for request in forged] == [True, False, True]
    assert [request.query == genuine.query for request in forged] == [True, True, False]
    assert json.loads(forged[0].body or b"")["data"]["state"] == "fail"


def test_the_first_questions_can_be_answered_badly(kie: Pair) -> None:
    kie.fake.next(Faults(questions=("page", "cut", "busy", "slow")))
    task_id = kie.submit(NOBODY)
    kie.fake.runner.join()

    with pytest.raises(ProviderError):
        kie.adapter.ask(task_id)  # twice: a page, then nothing
    with pytest.raises(ProviderError):
        kie.adapter.ask(task_id)  # busy
    assert kie.adapter.ask(task_id).state is TaskState.SUCCEEDED  # slowly


def test_drawn_faults_are_the_same_for_the_same_seed_and_there_is_one_of_each() -> None:
    many = [drawn(7, f"video {number}") for number in range(500)]

    assert many == [drawn(7, f"video {number}") for number in range(500)]
    assert many != [drawn(8, f"video {number}") for number in range(500)]
    assert {fault.submit for fault in many} == {"answered", "held", "cut", "page"}
    assert {fault.result for fault in many} == {"film", "missing", "page", "truncated"}
    assert {fault.callbacks for fault in many} == {0, 1, 2, 3}
    for name in ("refuse", "fail", "fail_later", "lost", "slow", "early_callback", "late", "overtaken", "forged"):
        assert {bool(getattr(fault, name)) for fault in many} == {True, False}, name
    assert {question for fault in many for question in fault.questions} == {"page", "slow", "cut", "busy"}
    assert not any(drawn(7, f"video {number}", callbacks=False).callbacks for number in range(500))


# The end


def test_nothing_that_is_held_keeps_a_fake_from_ending() -> None:
    with pair("kie", seconds=3600) as kie:
        kie.fake.next(Faults(questions=("held",)))
        task_id = kie.submit(NOBODY)
        with pytest.raises(TimeoutError):
            hold(kie.fake, f"/api/v1/jobs/recordInfo?taskId={task_id}")
        kie.fake.next(Faults(submit="held"))
        with pytest.raises(TimeoutError):
            hold(kie.fake, SUBMIT["kie"], json.dumps(ORDERS["kie"]).encode())

    assert len(kie.fake.submissions) == 2


def hold(fake: FakeProvider, path: str, body: bytes | None = None) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(fake.base_url + path, data=body, headers=headers), timeout=0.2)


@pytest.mark.parametrize("name", ["evolink", "kie"])
def test_it_runs_alone_and_stops_when_told_to(name: str) -> None:
    command = [sys.executable, "-m", f"local.providers.{name}", "--port", "0", "--api-key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert url is not None
        with socket.create_connection(("127.0.0.1", int(url[0].rpartition(":")[2])), timeout=PATIENCE):
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=PATIENCE)

    assert (process.returncode, errors) == (0, "")
