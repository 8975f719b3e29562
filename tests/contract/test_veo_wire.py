"""KIE's adapter for Veo against KIE's documented answers, over a real socket.

The samples have the shapes of KIE's Veo 3.1 pages: "Generate" (`submit_accepted`), "Get details" (`record_*`) and
"Callbacks" (`callback_*`), whose examples have the URLs as a list, as JSON in a string, and in brackets without quotes.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from clipferry.errors import ProviderError, ProviderRefusedError, ProviderSilentError, TaskNotFoundError
from clipferry.models import Order, TaskReport
from clipferry.providers.kie import Kie
from clipferry.verdicts import FailureCode, TaskState
from tests.provider_answers import ScriptedApi, sample

CALLBACK_URL = "https://api.example.com/api/v1/video/callback/kie?videoUuid=vid_1&ts=1&sig=ab"
TASK = "veo_task_abcdef123456"
FILE = "https://file.aiquickdraw.com/kie/4x3rx6ny.mp4"


@pytest.fixture
def kie(server: ScriptedApi) -> Kie:
    return Kie(server.api)


def order(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "video_uuid": "vid_1",
        "provider": "kie",
        "prompt": "A ferry at dusk",
        "model": "veo3_fast",
        "duration": 8,
        "aspect_ratio": "16:9",
        "quality": "720p",
        "image_url": None,
    }
    return Order(**fields | changes)


def envelope(data: dict[str, Any]) -> bytes:
    return json.dumps({"code": 200, "msg": "success", "data": data}).encode()


@pytest.mark.parametrize(
    ("images", "added"),
    [
        ((), {"generationType": "TEXT_2_VIDEO"}),
        (
            ("https://example.com/a.png",),
            {"generationType": "FIRST_AND_LAST_FRAMES_2_VIDEO", "imageUrls": ["https://example.com/a.png"]},
        ),
    ],
)
def test_veo_has_an_endpoint_and_parameters_of_its_own(
    server: ScriptedApi, kie: Kie, images: tuple[str, ...], added: dict[str, Any]
) -> None:
    server.answers(200, sample("veo/submit_accepted"))

    names = {"generationType": added["generationType"], "imageUrls": "$image_urls", "aspect_ratio": "$aspect_ratio"}
    submission = kie.submit(order(image_urls=images, input=names), callback_url=CALLBACK_URL, timeout=10)

    assert submission.task_id == TASK
    assert [(request.method, request.path) for request in server.requests] == [("POST", "/api/v1/veo/generate")]
    assert server.bodies == [
        {
            "model": "veo3_fast",
            "prompt": "A ferry at dusk",
            "aspect_ratio": "16:9",
            "callBackUrl": CALLBACK_URL,
            **added,
        }
    ]


def test_the_catalogues_own_input_is_sent_at_the_top_level(server: ScriptedApi, kie: Kie) -> None:
    server.answers(200, sample("veo/submit_accepted"))

    kie.submit(order(input={"enableTranslation": False}), callback_url=CALLBACK_URL, timeout=10)

    assert server.bodies[0]["enableTranslation"] is False


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (400, FailureCode.CONTENT_POLICY),
        (422, FailureCode.CONTENT_POLICY),
        (451, FailureCode.INVALID_INPUT),
        (500, FailureCode.PROVIDER_FAILED),
        (501, FailureCode.PROVIDER_FAILED),
    ],
)
def test_a_code_of_veos_is_a_refusal(server: ScriptedApi, kie: Kie, code: int, failure: FailureCode) -> None:
    server.answers(200, sample(f"veo/callback_failed_{code}"))

    with pytest.raises(ProviderRefusedError) as refused:
        kie.submit(order(), callback_url=CALLBACK_URL, timeout=10)

    assert FailureCode(refused.value.failure) is failure


def test_an_acceptance_that_names_no_task_leaves_the_outcome_unknown(server: ScriptedApi, kie: Kie) -> None:
    server.answers(200, envelope({}))

    with pytest.raises(ProviderSilentError):
        kie.submit(order(), callback_url=CALLBACK_URL, timeout=10)


# What became of a task


def test_an_unfinished_task_is_running(server: ScriptedApi, kie: Kie) -> None:
    server.answers(200, sample("veo/record_generating"))

    assert kie.ask(TASK).state is TaskState.RUNNING
    assert [(r.path, r.query) for r in server.requests] == [("/api/v1/veo/record-info", f"taskId={TASK}")]


@pytest.mark.parametrize("name", ["record_success", "record_success_text", "record_success_unquoted"])
def test_a_task_that_succeeded_names_its_file(server: ScriptedApi, kie: Kie, name: str) -> None:
    server.answers(200, sample(f"veo/{name}"))

    assert kie.ask(TASK) == TaskReport(state=TaskState.SUCCEEDED, video_url=FILE)


def test_flags_and_responses_may_be_text(server: ScriptedApi, kie: Kie) -> None:
    server.answers(200, envelope({"successFlag": "1", "response": json.dumps({"resultUrls": [FILE]})}))

    assert kie.ask(TASK).video_url == FILE


@pytest.mark.parametrize("response", [None, "", {}, {"resultUrls": None}, {"resultUrls": []}, {"resultUrls": "[]"}])
def test_a_success_without_a_file_is_an_error(server: ScriptedApi, kie: Kie, response: object) -> None:
    server.answers(200, envelope({"successFlag": 1, "response": response}))

    with pytest.raises(ProviderError) as unanswered:
        kie.ask(TASK)
    assert not isinstance(unanswered.value, TaskNotFoundError)


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("record_failed", FailureCode.CONTENT_POLICY),
        ("record_generation_failed", FailureCode.PROVIDER_FAILED),
    ],
)
def test_a_failure_is_recognised_by_its_flag(server: ScriptedApi, kie: Kie, name: str, failure: FailureCode) -> None:
    server.answers(200, sample(f"veo/{name}"))

    report = kie.ask(TASK)

    assert (report.state, report.failure) == (TaskState.FAILED, failure)
    assert json.loads(sample(f"veo/{name}"))["data"]["errorMessage"] in report.detail


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (400, FailureCode.CONTENT_POLICY),
        (422, FailureCode.CONTENT_POLICY),
        (451, FailureCode.INVALID_INPUT),
        (501, FailureCode.PROVIDER_FAILED),
    ],
)
def test_a_failure_without_a_flag_is_recognised_by_its_code(
    server: ScriptedApi, kie: Kie, code: int, failure: FailureCode
) -> None:
    server.answers(200, sample(f"veo/callback_failed_{code}"))

    report = kie.ask(TASK)

    assert (report.state, report.failure) == (TaskState.FAILED, failure)


def test_a_server_error_does_not_fail_the_task(server: ScriptedApi, kie: Kie) -> None:
    server.answers(200, sample("veo/callback_failed_500"))

    with pytest.raises(ProviderError):
        kie.ask(TASK)


@pytest.mark.parametrize("flag", [4, -1, None, True, "x", [], {}])
def test_an_undocumented_flag_is_unknown(server: ScriptedApi, kie: Kie, flag: object) -> None:
    server.answers(200, envelope({"successFlag": flag}))

    assert kie.ask(TASK).state is TaskState.UNKNOWN


@pytest.mark.parametrize("task", ["veo_task_1", "ee9c2715375b7837f8bb51d641ff5863"])
def test_a_task_is_asked_for_at_the_other_endpoint_where_the_first_does_not_know_it(
    server: ScriptedApi, kie: Kie, task: str
) -> None:
    """An id's form promises nothing."""
    server.answers(200, sample("kie/error_422_no_record"))
    server.answers(200, sample("kie/task_success") if task.startswith("veo_") else sample("veo/record_success"))

    assert kie.ask(task).video_url == FILE
    assert len({request.path for request in server.requests}) == 2


# Callbacks


@pytest.mark.parametrize(
    "name",
    [
        "callback_success",
        "callback_success_text",
        "callback_fallback_success",
        *[f"callback_failed_{code}" for code in (400, 422, 451, 500, 501)],
    ],
)
def test_a_callback_claims_a_task(kie: Kie, name: str) -> None:
    assert kie.read_hint(sample(f"veo/{name}")).task_id == TASK


def test_a_callback_that_echoes_the_order_echoes_our_url(kie: Kie) -> None:
    echoed = kie.read_hint(sample("veo/callback_success")).echoed_url

    assert echoed is not None
    assert "videoUuid=vid_1" in echoed
