"""Evolink's adapter against Evolink's documented answers, over a real socket.

The samples have the shapes of Evolink's own documentation: the video generation pages (create: `submit_*`), "Get task
details" (`task_*`; a callback's body is the same), and their error responses (`error_*`), whose codes are integers in
the older pages and strings in the newer ones. `task_completed_older` is the founding document's own, older shape.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from clipferry.errors import (
    ConfigurationError,
    ProviderError,
    ProviderRefusedError,
    ProviderSilentError,
    ProviderUnreachableError,
)
from clipferry.net.http_client import HttpClient
from clipferry.provider_cost import Currency, ProviderCost
from clipferry.providers.evolink import Evolink
from clipferry.providers.transport import JsonApi
from clipferry.verdicts import FailureCode, TaskState
from tests.contract.adapters import CALLBACK_URL, submit
from tests.orders import PROMPT, order
from tests.provider_answers import API_KEY, HTML, ScriptedApi, sample, storable

ORDER = order(
    model="seedance-2.0-text-to-video",
    input={
        "duration": "$duration",
        "aspect_ratio": "$aspect_ratio",
        "quality": "$quality",
        "image_urls": "$image_urls",
    },
)
TASK = "task-unified-1756817821-4x3rx6ny"


@pytest.fixture
def evolink(server: ScriptedApi) -> Evolink:
    return Evolink(server.api)


# What is sent


def test_an_order_is_sent_as_evolink_documents_it(server: ScriptedApi, evolink: Evolink) -> None:
    server.answers(200, sample("evolink/submit_accepted"))

    submit(evolink, ORDER)

    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/videos/generations")
    assert request.headers["authorization"] == f"Bearer {API_KEY}"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {
        "model": "seedance-2.0-text-to-video",
        "prompt": PROMPT,
        "aspect_ratio": "16:9",
        "duration": 5,
        "quality": "720p",
        "callback_url": CALLBACK_URL,
    }


def test_the_catalogue_names_every_parameter(server: ScriptedApi, evolink: Evolink) -> None:
    """Wan 2.7's picture is `image_start`, with a `generation_mode`, and not `image_urls` as for most of its models."""
    server.answers(200, sample("evolink/submit_accepted"))
    names = {
        "image_start": "$image_url",
        "image_end": "$last_image_url",
        "generation_mode": "first_last_frame",
        "model_params": {"seed": "$seed", "negative_prompt": "$negative_prompt", "none": ["$video_url"]},
    }
    wan = replace(ORDER, model="wan2.7-image-to-video", image_url="a", last_image_url="b", seed=7, input=names)

    submit(evolink, wan)

    assert server.bodies == [
        {
            "model": "wan2.7-image-to-video",
            "prompt": PROMPT,
            "image_start": "a",
            "image_end": "b",
            "generation_mode": "first_last_frame",
            "model_params": {"seed": 7},
            "callback_url": CALLBACK_URL,
        }
    ]


# Accepted


def test_an_accepted_order_has_a_task_and_an_estimate(server: ScriptedApi, evolink: Evolink) -> None:
    server.answers(200, sample("evolink/submit_accepted"))

    submission = submit(evolink, ORDER)

    assert submission.task_id == "task-unified-1757169743-7cvnl5zw"
    assert submission.estimated_seconds == 300
    assert submission.cost == ProviderCost(amount=Decimal(7), currency=Currency.CREDITS)


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize(
    "info", ["null", "{}", "[]", '{"estimated_time": "300"}', '{"estimated_time": -1}', '{"estimated_time": NaN}']
)
def test_an_order_without_a_usable_estimate_is_accepted_all_the_same(
    server: ScriptedApi, evolink: Evolink, status: int, info: str
) -> None:
    server.answers(status, f'{{"id": "{TASK}", "task_info": {info}}}'.encode())

    submission = submit(evolink, ORDER)

    assert (submission.task_id, submission.estimated_seconds) == (TASK, None)


# Unknown


@pytest.mark.parametrize("fault", [ScriptedApi.hangs_up, ScriptedApi.breaks_off, ScriptedApi.keeps_silent])
def test_a_connection_that_is_lost_after_sending_leaves_the_outcome_unknown(
    server: ScriptedApi, evolink: Evolink, fault: Callable[[ScriptedApi], None]
) -> None:
    fault(server)

    with pytest.raises(ProviderSilentError):
        evolink.submit(ORDER, callback_url=CALLBACK_URL, timeout=0.5)
    assert server.comes_to(1)


def test_nothing_was_sent_where_nobody_listens(server: ScriptedApi, evolink: Evolink) -> None:
    nobody = HttpClient("http://127.0.0.1:1", allow_plain_http=True)

    with pytest.raises(ProviderUnreachableError):
        submit(Evolink(JsonApi(nobody, API_KEY)), ORDER)


# What became of a task


@pytest.mark.parametrize(
    ("said", "progress"),
    [(0, 0), (42, 42), (99.9, 99), (100, 100), (None, None), (-1, None), (101, None), ("42", None), (True, None)],
)
def test_a_report_has_the_progress_that_is_a_percentage(
    server: ScriptedApi, evolink: Evolink, said: object, progress: int | None
) -> None:
    server.answers(200, json.dumps({"status": "processing", "progress": said}).encode())

    assert evolink.ask(TASK).progress == progress


def test_the_first_result_that_is_a_url_is_the_file(server: ScriptedApi, evolink: Evolink) -> None:
    answer = {
        "status": "completed",
        "results": [None, "", 7, "https://a/1.mp4", "https://a/2.mp4"],
        "data": {"video_url": "https://a/3.mp4"},
    }
    server.answers(200, json.dumps(answer).encode())

    assert evolink.ask(TASK).video_url == "https://a/1.mp4"


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        ("content_policy_violation", FailureCode.CONTENT_POLICY),
        ("invalid_parameters", FailureCode.INVALID_INPUT),
        ("image_processing_error", FailureCode.INVALID_INPUT),
        ("image_dimension_mismatch", FailureCode.INVALID_INPUT),
        ("invalid_audio", FailureCode.INVALID_INPUT),
        (400, FailureCode.INVALID_INPUT),
        ("resource_exhausted", FailureCode.PROVIDER_BUSY),
        ("service_unavailable", FailureCode.PROVIDER_BUSY),
        (429, FailureCode.PROVIDER_BUSY),
        ("quota_exceeded", FailureCode.PROVIDER_OUT_OF_FUNDS),
        ("generation_timeout", FailureCode.TIMED_OUT),
        ("generation_failed_no_content", FailureCode.PROVIDER_FAILED),
        ("service_error", FailureCode.PROVIDER_FAILED),
        ("resource_not_found", FailureCode.PROVIDER_FAILED),
        ("unknown_error", FailureCode.PROVIDER_FAILED),
        ("a_code_of_next_year", FailureCode.PROVIDER_FAILED),
        (500, FailureCode.PROVIDER_FAILED),
        (None, FailureCode.PROVIDER_FAILED),
        ([], FailureCode.PROVIDER_FAILED),
        ("", FailureCode.PROVIDER_FAILED),
    ],
)
def test_every_documented_failure_has_a_code_of_ours(
    server: ScriptedApi, evolink: Evolink, code: object, failure: FailureCode
) -> None:
    answer = {"id": TASK, "status": "failed", "error": {"code": code, "message": "Why.", "type": "task_error"}}
    server.answers(200, json.dumps(answer).encode())

    assert evolink.ask(TASK).failure is failure


@pytest.mark.parametrize("error", [{}, {"error": None}, {"error": "text"}, {"error": []}, {"error": {}}])
def test_a_task_that_failed_without_a_reason_has_failed(
    server: ScriptedApi, evolink: Evolink, error: dict[str, Any]
) -> None:
    server.answers(200, json.dumps({"id": TASK, "status": "failed"} | error).encode())

    report = evolink.ask(TASK)

    assert (report.state, report.failure) == (TaskState.FAILED, FailureCode.PROVIDER_FAILED)


def test_the_words_of_a_failure_and_of_a_refusal_can_be_stored(server: ScriptedApi, evolink: Evolink) -> None:
    """JavaScript cuts text between the halves of an emoji, and PostgreSQL takes neither half, nor NUL."""
    error = {"code": "x\x00", "message": "half an emoji \ud83d and nul \x00"}
    server.answers(200, json.dumps({"status": "failed", "error": error}).encode())
    server.answers(400, json.dumps({"error": error}).encode())

    assert storable(evolink.ask(TASK).detail)
    with pytest.raises(ProviderRefusedError) as refused:
        submit(evolink, ORDER)
    assert storable(str(refused.value))


@pytest.mark.parametrize(
    "fault", [ScriptedApi.hangs_up, ScriptedApi.breaks_off, lambda server: server.answers(502, HTML)]
)
def test_a_failed_query_is_repeated_once(
    server: ScriptedApi, evolink: Evolink, fault: Callable[[ScriptedApi], None]
) -> None:
    fault(server)
    server.answers(200, sample("evolink/task_completed"))

    assert evolink.ask(TASK).state is TaskState.SUCCEEDED
    assert len(server.requests) == 2


def test_a_query_is_not_sent_a_third_time(server: ScriptedApi, evolink: Evolink) -> None:
    server.hangs_up()

    with pytest.raises(ProviderError):
        evolink.ask(TASK)
    assert len(server.requests) == 2


# The key


@pytest.mark.parametrize("key", [f"{API_KEY}\n", f"{API_KEY}\r\nX-Other: 1", f"{API_KEY}渡"])
def test_a_key_that_no_header_can_carry_is_a_configuration_error(server: ScriptedApi, key: str) -> None:
    """A secret that was pasted with its line end, for one."""
    server.answers(200, sample("evolink/submit_accepted"))

    with pytest.raises(ConfigurationError) as refused:
        submit(Evolink(JsonApi(server.client, key)), ORDER)

    assert API_KEY not in "".join(traceback.format_exception(refused.value))
    assert server.requests == []
