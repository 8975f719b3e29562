"""fal's adapter against fal's documented answers, over a real socket.

The samples have the shapes of "Queue API" (`submit_*`, `status_*`, `result*`), "Webhooks" (`webhook_*`), "Model errors"
and "Request errors" (`error_*`, `result_4*`, `result_5*`) at fal.ai/docs; the statuses are those that fal's Python
client reads. The 403 is what a locked account is answered with.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from clipferry.errors import ProviderError, ProviderRefusedError, TaskNotFoundError
from clipferry.models import TaskReport
from clipferry.provider_cost import Currency, ProviderCost
from clipferry.providers.base import CallbackHint
from clipferry.providers.fal import Fal
from clipferry.providers.transport import JsonApi
from clipferry.verdicts import FailureCode, TaskState
from local.http.messages import Request
from local.providers.fal import fake_fal
from tests.contract.adapters import FAL_ENDPOINTS, fal_adapter, submit
from tests.orders import PROMPT, order
from tests.provider_answers import API_KEY, HTML, ScriptedApi, sample

REQUEST = "764cabcf-b745-4b3e-ae38-1200304cf45b"
TASK = f"fal-ai/veo3.1/requests/{REQUEST}"
FILE = "https://v3b.fal.media/files/b/0a8f9c1d/4x3rx6ny_output.mp4"
ORDER = order(
    model="fal-ai/veo3.1/fast/image-to-video",
    duration=8,
    image_url="https://files.example.com/a.png",
    input={"image_url": "$image_url", "resolution": "$quality", "duration": "8s"},
)


@pytest.fixture
def fal(server: ScriptedApi) -> Fal:
    return fal_adapter(server)


def asked(server: ScriptedApi) -> list[str]:
    return [f"{request.path}?{request.query}".rstrip("?") for request in server.requests]


# Submits


def test_an_order_goes_to_its_endpoint_with_our_callback_in_the_query(server: ScriptedApi, fal: Fal) -> None:
    server.answers(200, sample("fal/submit_accepted"))

    assert submit(fal, ORDER).task_id == TASK

    sent: Request = server.requests[0]
    assert (sent.method, sent.path) == ("POST", "/fal-ai/veo3.1/fast/image-to-video")
    assert sent.query == (
        "fal_webhook=https%3A%2F%2Fapi.example.com%2Fapi%2Fv1%2Fvideo%2Fcallback%2Fany%3FvideoUuid%3Dvid_1%26ts%3D1%26sig%3Dab"
    )
    assert sent.headers["Authorization"] == f"Key {API_KEY}"
    assert server.bodies == [
        {
            "prompt": PROMPT,
            "image_url": "https://files.example.com/a.png",
            "resolution": "720p",
            "duration": "8s",
        }
    ]


# Questions


def test_an_unfinished_request_is_asked_about_once_and_answered_with_202(server: ScriptedApi, fal: Fal) -> None:
    server.answers(202, sample("fal/status_in_progress"))

    assert fal.ask(TASK) == TaskReport(state=TaskState.RUNNING, progress=42, detail="IN_PROGRESS")
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


def test_a_request_without_its_result_is_unknown(server: ScriptedApi, fal: Fal) -> None:
    server.answers(200, sample("fal/status_completed"))
    server.answers(404, sample("fal/error_404"))

    with pytest.raises(TaskNotFoundError):
        fal.ask(TASK)


# Callbacks, which name no app


@pytest.mark.parametrize("name", ["webhook_ok", "webhook_error"])
def test_a_callback_claims_its_request(fal: Fal, name: str) -> None:
    assert fal.read_hint(sample(f"fal/{name}")) == CallbackHint(task_id=REQUEST)


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
        JsonApi(HttpClient(fake.base_url, allow_plain_http=True), key, scheme="Key"), endpoints=lambda: FAL_ENDPOINTS
    )


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


def test_the_fake_forgets_a_request_that_it_was_told_to_stop() -> None:
    with fake_fal(api_key=API_KEY, seconds=3600, film=b"film", retry_scale=0) as fake:
        fal = with_fake(fake)
        task = fal.submit(ORDER, callback_url="http://127.0.0.1:9/callback", timeout=10).task_id

        assert fal.cancel(task)
        with pytest.raises(TaskNotFoundError):
            fal.ask(task)
        assert not fal.cancel(task)
