"""fal's adapter against fal's documented answers, over a real socket.

The samples have the shapes of "Queue API" (`submit_*`, `status_*`, `result*`), "Webhooks" (`webhook_*`), "Model errors"
and "Request errors" (`error_*`, `result_4*`, `result_5*`) at fal.ai/docs; the statuses are those that fal's Python
client reads. The 403 is what a locked account is answered with.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from clipferry.errors import ProviderError, ProviderRefusedError, ProviderSilentError, TaskNotFoundError
from clipferry.models import Order, TaskReport
from clipferry.provider_cost import Currency, ProviderCost
from clipferry.providers.base import CallbackHint
from clipferry.providers.fal import Fal
from clipferry.providers.transport import JsonApi
from clipferry.verdicts import FailureCode, TaskState
from local.http.messages import Request
from local.providers.fal import fake_fal
from local.providers.faults import Failure, Faults
from tests.provider_answers import API_KEY, GARBAGE, HTML, ScriptedApi, sample

CALLBACK_URL = "https://api.example.com/api/v1/video/callback/fal?videoUuid=vid_1&ts=1&sig=ab"
REQUEST = "764cabcf-b745-4b3e-ae38-1200304cf45b"
TASK = f"fal-ai/veo3.1/requests/{REQUEST}"
FILE = "https://v3b.fal.media/files/b/0a8f9c1d/4x3rx6ny_output.mp4"
ENDPOINTS = ("bytedance/seedance-2.0/text-to-video", "fal-ai/veo3.1/fast", "fal-ai/veo3.1/fast/image-to-video")
ORDER = Order(
    video_uuid="vid_1",
    provider="fal",
    prompt="A ferry at dusk",
    model="fal-ai/veo3.1/fast/image-to-video",
    duration=8,
    aspect_ratio="16:9",
    quality="720p",
    image_url="https://files.example.com/a.png",
    input={"image_url": "$image_url", "resolution": "$quality", "duration": "8s"},
)


@pytest.fixture
def fal(server: ScriptedApi) -> Fal:
    return Fal(JsonApi(server.client, API_KEY, scheme="Key", sleep=server.naps.append), endpoints=lambda: ENDPOINTS)


def asked(server: ScriptedApi) -> list[str]:
    return [f"{request.path}?{request.query}".rstrip("?") for request in server.requests]


# Submits


def test_an_order_goes_to_its_endpoint_with_our_callback_in_the_query(server: ScriptedApi, fal: Fal) -> None:
    server.answers(200, sample("fal/submit_accepted"))

    assert fal.submit(ORDER, callback_url=CALLBACK_URL, timeout=10).task_id == TASK

    sent: Request = server.requests[0]
    assert (sent.method, sent.path) == ("POST", "/fal-ai/veo3.1/fast/image-to-video")
    assert sent.query == (
        "fal_webhook=https%3A%2F%2Fapi.example.com%2Fapi%2Fv1%2Fvideo%2Fcallback%2Ffal%3FvideoUuid%3Dvid_1%26ts%3D1%26sig%3Dab"
    )
    assert sent.headers["Authorization"] == f"Key {API_KEY}"
    assert server.bodies == [
        {
            "prompt": "A ferry at dusk",
            "image_url": "https://files.example.com/a.png",
            "resolution": "720p",
            "duration": "8s",
        }
    ]


@pytest.mark.parametrize(
    ("status", "name", "failure", "is_down"),
    [
        (401, "error_401", FailureCode.PROVIDER_FAILED, False),
        (403, "error_403", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
        (404, "error_404", FailureCode.PROVIDER_FAILED, False),
        (422, "error_422", FailureCode.INVALID_INPUT, False),
        (422, "result_422_content", FailureCode.CONTENT_POLICY, False),
        (429, "error_429", FailureCode.PROVIDER_BUSY, False),
        (500, "error_500", FailureCode.PROVIDER_FAILED, True),
    ],
)
def test_a_refusal_says_why(
    server: ScriptedApi, fal: Fal, status: int, name: str, failure: FailureCode, is_down: bool
) -> None:
    server.answers(status, sample(f"fal/{name}"))

    with pytest.raises(ProviderRefusedError) as refused:
        fal.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)

    assert (refused.value.failure, refused.value.is_down) == (failure, is_down)
    assert str(refused.value).startswith(f"HTTP {status} ")
    assert API_KEY not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (504, b'{"detail": "Gateway Timeout"}'),
        (408, b'{"detail": "Request timeout"}'),
        (502, HTML),
        (500, b"{}"),
        (200, b'{"status": "IN_QUEUE"}'),
        (200, json.dumps({"request_id": "x" * 490}).encode()),
        (200, b'{"request_id": "a b"}'),
        *((200, body) for body in GARBAGE),
    ],
)
def test_an_unclear_answer_leaves_the_outcome_unknown(server: ScriptedApi, fal: Fal, status: int, body: bytes) -> None:
    server.answers(status, body)

    with pytest.raises(ProviderSilentError):
        fal.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)
    assert server.comes_to(1)


# Questions


@pytest.mark.parametrize(
    ("name", "status", "progress", "detail"),
    [
        ("submit_accepted", 202, 0, "IN_QUEUE 2"),
        ("status_in_queue", 202, 0, "IN_QUEUE 3"),
        ("status_in_progress", 202, 42, "IN_PROGRESS"),
        ("status_in_progress", 200, 42, "IN_PROGRESS"),
        ("status_in_progress_without_logs", 202, None, "IN_PROGRESS"),
    ],
)
def test_an_unfinished_request_tells_its_place_or_its_progress(
    server: ScriptedApi, fal: Fal, name: str, status: int, progress: int | None, detail: str
) -> None:
    server.answers(status, sample(f"fal/{name}"))

    assert fal.ask(TASK) == TaskReport(state=TaskState.RUNNING, progress=progress, detail=detail)
    assert asked(server) == [f"/fal-ai/veo3.1/requests/{REQUEST}/status?logs=1"]


@pytest.mark.parametrize("name", ["result", "result_older"])
def test_a_finished_request_names_its_file(server: ScriptedApi, fal: Fal, name: str) -> None:
    server.answers(200, sample("fal/status_completed"))
    server.answers(200, sample(f"fal/{name}"), X_Fal_Billable_Units="8.0")

    cost = ProviderCost(amount=Decimal("8.0"), currency=Currency.UNITS)
    assert fal.ask(TASK) == TaskReport(state=TaskState.SUCCEEDED, video_url=FILE, progress=100, cost=cost)
    assert asked(server)[1] == f"/fal-ai/veo3.1/requests/{REQUEST}"


@pytest.mark.parametrize(
    ("completed", "status", "name", "failure"),
    [
        ("status_completed", 422, "result_422_content", FailureCode.CONTENT_POLICY),
        ("status_completed", 422, "result_422_input", FailureCode.INVALID_INPUT),
        ("status_completed", 422, "error_422", FailureCode.INVALID_INPUT),
        ("status_completed", 400, "result_400_downstream", FailureCode.PROVIDER_FAILED),
        ("status_completed", 504, "result_504", FailureCode.TIMED_OUT),
        ("status_completed_error", 500, "error_500", FailureCode.TIMED_OUT),
    ],
)
def test_a_result_that_is_an_error_tells_why_it_failed(
    server: ScriptedApi, fal: Fal, completed: str, status: int, name: str, failure: FailureCode
) -> None:
    server.answers(200, sample(f"fal/{completed}"))
    server.answers(status, sample(f"fal/{name}"))

    report = fal.ask(TASK)

    assert (report.state, report.failure, report.video_url) == (TaskState.FAILED, failure, None)
    assert report.detail.startswith(f"HTTP {status} ")
    assert "A ferry at dusk" not in report.detail


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"{}"),
        (200, b'{"video": null}'),
        (200, b'{"video": {"url": "ftp://x"}, "videos": [7]}'),
        (401, sample("fal/error_401")),
        (403, sample("fal/error_403")),
        (429, sample("fal/error_429")),
        (500, sample("fal/error_500")),
        (502, HTML),
        (422, HTML),
    ],
)
def test_what_may_be_fals_bad_minute_fails_no_video(server: ScriptedApi, fal: Fal, status: int, body: bytes) -> None:
    server.answers(200, sample("fal/status_completed"))
    server.answers(status, body)

    with pytest.raises(ProviderError) as error:
        fal.ask(TASK)
    assert not isinstance(error.value, TaskNotFoundError)


@pytest.mark.parametrize(("status", "body"), [(500, HTML), (401, b'{"detail": "no"}'), (200, HTML), (202, b"[]")])
def test_a_question_without_an_answer_is_an_error(server: ScriptedApi, fal: Fal, status: int, body: bytes) -> None:
    server.answers(status, body)

    with pytest.raises(ProviderError):
        fal.ask(TASK)


@pytest.mark.parametrize("answers", [[404], [200, 404]], ids=["the request", "its result"])
def test_an_unknown_request_is_told_as_such(server: ScriptedApi, fal: Fal, answers: list[int]) -> None:
    for status in answers:
        server.answers(status, sample("fal/status_completed") if status == 200 else sample("fal/error_404"))

    with pytest.raises(TaskNotFoundError):
        fal.ask(TASK)


# Callbacks, which name no app


def test_a_callback_claims_its_request_and_is_never_believed(fal: Fal) -> None:
    fal.authenticate({}, b"anything", now=datetime(2026, 11, 30, tzinfo=UTC))

    assert fal.read_hint(sample("fal/webhook_ok")) == CallbackHint(task_id=REQUEST)
    assert fal.read_hint(sample("fal/webhook_error")) == CallbackHint(task_id=REQUEST)
    assert fal.read_report(sample("fal/webhook_ok")) is None


@pytest.mark.parametrize("body", GARBAGE)
def test_no_body_makes_it_fail(fal: Fal, body: bytes) -> None:
    assert fal.read_hint(body).task_id is None


@pytest.mark.parametrize(
    ("claimed", "another"), [(REQUEST, False), (TASK, False), ("1200304cf45b", True), (None, False)]
)
def test_a_hint_is_about_the_task_whose_name_ends_with_it(claimed: str | None, another: bool) -> None:
    assert CallbackHint(task_id=claimed).is_about_another(TASK) is another


def test_a_request_without_its_app_is_looked_for_under_those_that_we_order_from(server: ScriptedApi, fal: Fal) -> None:
    server.answers(404, sample("fal/error_404"))
    server.answers(202, sample("fal/status_in_queue"))

    report = fal.ask(REQUEST)

    assert (report.state, report.task_id) == (TaskState.RUNNING, TASK)
    assert asked(server) == [
        f"/bytedance/seedance-2.0/requests/{REQUEST}/status?logs=1",
        f"/fal-ai/veo3.1/requests/{REQUEST}/status?logs=1",
    ]


def test_a_request_that_no_app_knows_is_unknown(server: ScriptedApi, fal: Fal) -> None:
    server.answers(404, sample("fal/error_404"))

    with pytest.raises(TaskNotFoundError):
        fal.ask(REQUEST)
    assert len(server.requests) == 2


# The strict fake


def with_fake(fake: Any, *, key: str = API_KEY) -> Fal:
    from clipferry.net.http_client import HttpClient

    return Fal(
        JsonApi(HttpClient(fake.base_url, allow_plain_http=True), key, scheme="Key"), endpoints=lambda: ENDPOINTS
    )


def test_the_fake_answers_the_adapter_as_the_samples_do() -> None:
    with fake_fal(api_key=API_KEY, seconds=0, film=b"film", retry_scale=0) as fake:
        fal = with_fake(fake)
        task = fal.submit(ORDER, callback_url="http://127.0.0.1:9/callback", timeout=10).task_id
        fake.runner.join()
        found = fal.ask(task)
        bare = fal.ask(task.rpartition("/")[2])

        assert (found.state, found.video_url) == (TaskState.SUCCEEDED, fake.result_url(*fake.tasks.values()))
        assert bare.task_id == task
        fake.next(Faults(fail=Failure(code="content_policy_violation")))
        failed = fal.submit(ORDER, callback_url="http://127.0.0.1:9/callback", timeout=10).task_id
        fake.runner.join()
        assert fal.ask(failed).failure is FailureCode.CONTENT_POLICY


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"model": "fal-ai/veo9"}, 404),
        ({"input": {"image_url": "$image_url", "duration": 8}}, 422),
        ({"input": {"resolution": "$quality"}}, 422),
        ({"input": {"image_url": "$image_url", "length": "8s"}}, 422),
    ],
)
def test_the_fake_refuses_what_fal_refuses(change: dict[str, Any], status: int) -> None:
    from dataclasses import replace

    with fake_fal(api_key=API_KEY, seconds=0, film=b"film", retry_scale=0) as fake:
        with pytest.raises(ProviderRefusedError, match=f"HTTP {status} "):
            with_fake(fake).submit(replace(ORDER, **change), callback_url="http://127.0.0.1:9/c", timeout=10)
        with pytest.raises(ProviderRefusedError, match="HTTP 401 "):
            with_fake(fake, key="wrong").submit(ORDER, callback_url="http://127.0.0.1:9/c", timeout=10)
        with pytest.raises(TaskNotFoundError):
            with_fake(fake).ask("fal-ai/veo3.1/requests/nobody")


# Cancels


@pytest.mark.parametrize(
    ("status", "word", "stops"),
    [(202, "CANCELLATION_REQUESTED", True), (400, "ALREADY_COMPLETED", False), (404, "NOT_FOUND", False)],
)
def test_a_request_is_stopped_where_it_was_made(
    server: ScriptedApi, fal: Fal, status: int, word: str, stops: bool
) -> None:
    server.answers(status, json.dumps({"status": word}).encode())

    assert fal.cancel(TASK) is stops
    assert [(sent.method, sent.path) for sent in server.requests] == [("PUT", f"/{TASK}/cancel")]


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_cancel_that_is_not_answered_is_an_error(server: ScriptedApi, fal: Fal, status: int) -> None:
    server.answers(status, HTML)

    with pytest.raises(ProviderError):
        fal.cancel(TASK)


def test_the_fake_forgets_a_request_that_it_was_told_to_stop() -> None:
    with fake_fal(api_key=API_KEY, seconds=3600, film=b"film", retry_scale=0) as fake:
        fal = with_fake(fake)
        task = fal.submit(ORDER, callback_url="http://127.0.0.1:9/callback", timeout=10).task_id

        assert fal.cancel(task)
        with pytest.raises(TaskNotFoundError):
            fal.ask(task)
        assert not fal.cancel(task)
