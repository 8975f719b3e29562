"""KIE's adapter for Veo against KIE's documented answers, over a real socket.

The samples have the shapes of KIE's Veo 3.1 pages: "Generate" (`submit_accepted`), "Get details" (`record_*`) and
"Callbacks" (`callback_*`), whose examples have the URLs as a list, as JSON in a string, and in brackets without quotes.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from clipferry.providers.kie import Kie
from clipferry.verdicts import FailureCode, TaskState
from tests.contract.adapters import CALLBACK_URL, submit
from tests.orders import PROMPT, order
from tests.provider_answers import ScriptedApi, sample

TASK = "veo_task_abcdef123456"
FILE = "https://file.aiquickdraw.com/kie/4x3rx6ny.mp4"


@pytest.fixture
def kie(server: ScriptedApi) -> Kie:
    return Kie(server.api)


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
    submission = submit(kie, order(model="veo3_fast", image_urls=images, input=names))

    assert submission.task_id == TASK
    assert [(request.method, request.path) for request in server.requests] == [("POST", "/api/v1/veo/generate")]
    assert server.bodies == [
        {
            "model": "veo3_fast",
            "prompt": PROMPT,
            "aspect_ratio": "16:9",
            "callBackUrl": CALLBACK_URL,
            **added,
        }
    ]


def test_the_catalogues_own_input_is_sent_at_the_top_level(server: ScriptedApi, kie: Kie) -> None:
    server.answers(200, sample("veo/submit_accepted"))

    submit(kie, order(model="veo3_fast", input={"enableTranslation": False}))

    assert server.bodies[0]["enableTranslation"] is False


# What became of a task


def test_flags_and_responses_may_be_text(server: ScriptedApi, kie: Kie) -> None:
    server.answers(200, envelope({"successFlag": "1", "response": json.dumps({"resultUrls": [FILE]})}))

    assert kie.ask(TASK).video_url == FILE


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


@pytest.mark.parametrize("task", ["veo_task_1", "ee9c2715375b7837f8bb51d641ff5863"])
def test_a_task_is_asked_for_at_the_other_endpoint_where_the_first_does_not_know_it(
    server: ScriptedApi, kie: Kie, task: str
) -> None:
    """An id's form promises nothing."""
    server.answers(200, sample("kie/error_422_no_record"))
    server.answers(200, sample("kie/task_success") if task.startswith("veo_") else sample("veo/record_success"))

    assert kie.ask(task).video_url == FILE
    first, second = ("veo/record-info", "jobs/recordInfo") if "veo" in task else ("jobs/recordInfo", "veo/record-info")
    assert [request.path for request in server.requests] == [f"/api/v1/{first}", f"/api/v1/{second}"]
