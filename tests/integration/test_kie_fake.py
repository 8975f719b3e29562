"""The fake KIE: it refuses what KIE's pages refuse, and can go wrong."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from clipferry.errors import InvalidSignatureError, ProviderError
from clipferry.net.http_client import HttpClient
from clipferry.providers.kie import Kie
from clipferry.providers.transport import JsonApi
from clipferry.verdicts import TaskState
from local.providers.base import FakeProvider
from local.providers.faults import Failure, Faults, drawn
from local.providers.kie import FakeKie, fake_kie
from tests.callback_receiver import PATIENCE, Receiver, until

KEY = "key"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
CALLBACK_URL = "https://api.example.com/api/v1/video/callback/kie?videoUuid=vid_1&ts=1&sig=abcdef"
IMAGE = "https://files.example.com/a.png"
SEEDANCE: dict[str, Any] = {
    "model": "bytedance/seedance-2",
    "input": {"prompt": "A ferry", "duration": 5, "resolution": "480p", "aspect_ratio": "16:9"},
}
VEO: dict[str, Any] = {"model": "veo3_fast", "prompt": "A ferry"}


@pytest.fixture
def kie() -> Iterator[FakeKie]:
    with fake_kie(api_key=KEY, seconds=0, retry_scale=0.001, film=b"film") as kie:
        yield kie


@contextmanager
def api_of(fake: FakeProvider) -> Iterator[JsonApi]:
    client = HttpClient(fake.base_url, allow_plain_http=True)
    yield JsonApi(client, KEY, sleep=lambda _: None)
    client.close()


def post(kie: FakeKie, path: str, body: Any, *, key: str = KEY) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the envelope."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(kie.base_url + path, data=content, headers=headers)
    return _answer(request)


def get(kie: FakeKie, path: str) -> tuple[int, dict[str, Any]]:
    return _answer(urllib.request.Request(kie.base_url + path, headers={"Authorization": f"Bearer {KEY}"}))


def _answer(request: urllib.request.Request) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def create(kie: FakeKie, order: dict[str, Any], **changes: Any) -> dict[str, Any]:
    path = "/api/v1/veo/generate" if order is VEO else "/api/v1/jobs/createTask"
    return post(kie, path, order | changes)[1]


# What it refuses


@pytest.mark.parametrize(
    "change",
    [
        {"duration": "5"},
        {"duration": 5.0},
        {"duration": True},
        {"duration": 3},
        {"duration": 16},
        {"resolution": "360p"},
        {"aspect_ratio": "16/9"},
        {"prompt": ""},
        {"prompt": None},
        {"prompt": 7},
        {"prompt": "x" * 20_001},
        {"first_frame_url": "a.png"},
        {"reference_image_urls": [IMAGE] * 10},
        {"reference_image_urls": [IMAGE], "first_frame_url": IMAGE},
        {"generate_audio": "true"},
        {"image_url": IMAGE},
    ],
)
def test_input_against_a_models_page_is_422(kie: FakeKie, change: dict[str, Any]) -> None:
    answer = create(kie, SEEDANCE, input=SEEDANCE["input"] | change)

    assert (answer["code"], answer["data"]) == (422, None)
    assert not kie.tasks


@pytest.mark.parametrize("change", [{"model": "seedance-9"}, {"model": None}, {"input": None}, {"input": "text"}])
def test_an_order_without_a_model_or_an_input_is_422(kie: FakeKie, change: dict[str, Any]) -> None:
    assert create(kie, SEEDANCE, **change)["code"] == 422


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": " "},
        {"model": "veo9"},
        {"aspect_ratio": "1:1"},
        {"duration": 8},
        {"imageUrls": "a.png"},
        {"imageUrls": [IMAGE] * 4},
        {"imageUrls": [IMAGE], "generationType": "TEXT_2_VIDEO"},
        {"generationType": "FIRST_AND_LAST_FRAMES_2_VIDEO"},
        {"generationType": "ANY_2_VIDEO"},
        {"enableTranslation": "yes"},
    ],
)
def test_input_against_veos_page_is_422(kie: FakeKie, change: dict[str, Any]) -> None:
    assert create(kie, VEO, **change)["code"] == 422


def test_a_model_that_wants_its_duration_in_quotes_gets_it_in_quotes(kie: FakeKie) -> None:
    given = {"prompt": "A ferry", "mode": "std", "multi_shots": False, "sound": False, "aspect_ratio": "16:9"}
    given |= {"multi_prompt": []}

    codes = [
        create(kie, SEEDANCE, model="kling-3.0/video", input=given | {"duration": duration})["code"]
        for duration in (5, "5")
    ]

    assert codes == [422, 200]


def test_sora_is_paused(kie: FakeKie) -> None:
    answer = create(kie, SEEDANCE, model="sora-2-text-to-video")

    assert (answer["code"], answer["msg"]) == (500, "This interface is temporarily paused")


@pytest.mark.parametrize("order", [SEEDANCE, VEO])
@pytest.mark.parametrize(
    "url",
    ["http://api.example.com/c", "https://127.0.0.1/c", "https://10.0.0.1/c", "https://localhost/c", "c", 7, None],
)
def test_callbacks_go_to_the_public_by_https(order: dict[str, Any], url: object) -> None:
    with fake_kie(api_key=KEY, seconds=3600, local=False, film=b"film") as strict:
        assert create(strict, order, callBackUrl=url)["code"] == 422
        assert create(strict, order, callBackUrl=CALLBACK_URL)["code"] == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"[" * 50_000])
def test_a_body_that_is_no_json_object_is_refused(kie: FakeKie, body: bytes) -> None:
    assert post(kie, "/api/v1/jobs/createTask", body)[1]["code"] == 422


@pytest.mark.parametrize(("mirrors", "status"), [(False, 200), (True, 401)])
def test_a_wrong_key_is_401_in_the_envelope(mirrors: bool, status: int) -> None:
    with fake_kie(api_key=KEY, mirrors_codes=mirrors) as kie:
        answer = post(kie, "/api/v1/jobs/createTask", SEEDANCE, key="wrong")

    assert answer == (status, {"code": 401, "msg": "You do not have access permissions", "data": None})


# Tasks and callbacks


@pytest.mark.parametrize(("order", "path"), [(SEEDANCE, "jobs/recordInfo"), (VEO, "veo/record-info")])
def test_a_task_is_known_at_its_own_endpoint(kie: FakeKie, order: dict[str, Any], path: str) -> None:
    task_id = create(kie, order)["data"]["taskId"]
    other = "veo/record-info" if path.startswith("jobs") else "jobs/recordInfo"

    assert get(kie, f"/api/v1/{path}?taskId={task_id}")[1]["data"]["taskId"] == task_id
    assert get(kie, f"/api/v1/{other}?taskId={task_id}")[1] == {"code": 422, "msg": "recordInfo is null", "data": None}
    assert get(kie, f"/api/v1/{path}")[1]["code"] == 400


@pytest.mark.parametrize("order", [SEEDANCE, VEO])
@pytest.mark.parametrize("failure", [None, Failure(code="501"), Failure(code="GENERATION_FAILED")])
def test_our_adapter_reads_the_end_of_a_task_and_its_callback(
    kie: FakeKie, receiver: Receiver, order: dict[str, Any], failure: Failure | None
) -> None:
    kie.next(Faults(fail=failure))
    task_id = create(kie, order, callBackUrl=receiver.url)["data"]["taskId"]
    until(lambda: receiver.requests)
    body = receiver.requests[0].body or b""
    with api_of(kie) as api:
        report, hint = Kie(api).ask(task_id), Kie(api).read_hint(body)

    assert report.state is (TaskState.FAILED if failure else TaskState.SUCCEEDED)
    assert report.video_url == (None if failure else f"{kie.base_url}/files/{task_id}.mp4")
    assert hint.task_id == task_id
    assert hint.echoed_url == (None if order is VEO and failure else receiver.url)


def test_a_key_signs_the_callbacks(receiver: Receiver) -> None:
    with fake_kie(api_key=KEY, seconds=0, film=b"film", webhook_key="hmac") as kie, api_of(kie) as api:
        create(kie, SEEDANCE, callBackUrl=receiver.url)
        until(lambda: receiver.requests)
        (request,) = receiver.requests
        headers = {name.lower(): value for name, value in request.headers.items()}

        Kie(api, webhook_key="hmac").authenticate(headers, request.body or b"", now=datetime.now(UTC))
        with pytest.raises(InvalidSignatureError):
            Kie(api, webhook_key="another").authenticate(headers, request.body or b"", now=datetime.now(UTC))


# Faults, of any fake


def test_a_lost_task_is_never_called_back_and_nobody_knows_it(kie: FakeKie, receiver: Receiver) -> None:
    kie.next(Faults(lost=True))
    task_id = create(kie, SEEDANCE, callBackUrl=receiver.url)["data"]["taskId"]
    kie.runner.join()

    assert receiver.requests == []
    assert get(kie, f"/api/v1/jobs/recordInfo?taskId={task_id}")[1]["code"] == 422


def test_callbacks_can_be_repeated_delayed_and_overtaken(kie: FakeKie, receiver: Receiver) -> None:
    kie.next(Faults(overtaken=True))
    kie.next(Faults(callbacks=2, late=0.05))
    first, second = (create(kie, SEEDANCE, callBackUrl=receiver.url)["data"]["taskId"] for _ in range(2))
    kie.runner.join()

    heard = [json.loads(request.body or b"")["data"]["taskId"] for request in receiver.requests]
    assert heard[0] == second
    assert sorted(heard) == sorted([first, second, second])


def test_forged_callbacks_come_first_and_the_true_one_after_them(kie: FakeKie, receiver: Receiver) -> None:
    kie.next(Faults(forged=True))
    task_id = create(kie, SEEDANCE, callBackUrl=receiver.url)["data"]["taskId"]
    kie.runner.join()

    *forged, genuine = receiver.requests
    assert [json.loads(request.body or b"")["data"]["taskId"] == task_id for request in forged] == [True, False, True]
    assert [request.query == genuine.query for request in forged] == [True, True, False]
    assert json.loads(forged[0].body or b"")["data"]["state"] == "fail"


def test_the_first_questions_can_be_answered_badly(kie: FakeKie) -> None:
    kie.next(Faults(questions=("page", "cut", "busy", "slow")))
    task_id = create(kie, SEEDANCE)["data"]["taskId"]
    kie.runner.join()
    with api_of(kie) as api:
        adapter = Kie(api)
        with pytest.raises(ProviderError):
            adapter.ask(task_id)  # twice: a page, then nothing
        with pytest.raises(ProviderError):
            adapter.ask(task_id)  # busy
        assert adapter.ask(task_id).state is TaskState.SUCCEEDED  # slowly


def test_a_held_question_is_never_answered_and_ends_with_the_fake(kie: FakeKie) -> None:
    kie.next(Faults(questions=("held",)))
    task_id = create(kie, SEEDANCE)["data"]["taskId"]
    url = f"{kie.base_url}/api/v1/jobs/recordInfo?taskId={task_id}"

    with pytest.raises(TimeoutError):
        urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": f"Bearer {KEY}"}), timeout=0.2)


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
