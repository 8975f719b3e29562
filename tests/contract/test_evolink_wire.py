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
    ClipferryError,
    ConfigurationError,
    ProviderError,
    ProviderRefusedError,
    ProviderSilentError,
    ProviderUnreachableError,
    TaskNotFoundError,
)
from clipferry.models import Order, TaskReport
from clipferry.net.http_client import HttpClient
from clipferry.provider_cost import Currency, ProviderCost
from clipferry.providers.evolink import Evolink
from clipferry.providers.transport import LARGEST_ANSWER, JsonApi
from clipferry.verdicts import FailureCode, TaskState
from tests.provider_answers import API_KEY, GARBAGE, HTML, ScriptedApi, sample, storable

CALLBACK_URL = "https://api.example.com/api/v1/video/callback/evolink?videoUuid=vid_1&ts=1&sig=ab"
TASK = "task-unified-1756817821-4x3rx6ny"
ORDER = Order(
    video_uuid="vid_1",
    provider="evolink",
    prompt='A ferry at dusk, "渡轮"',
    model="seedance-2.0-text-to-video",
    duration=5,
    aspect_ratio="16:9",
    quality="720p",
    image_url=None,
    input={
        "duration": "$duration",
        "aspect_ratio": "$aspect_ratio",
        "quality": "$quality",
        "image_urls": "$image_urls",
    },
)


@pytest.fixture
def evolink(server: ScriptedApi) -> Evolink:
    return Evolink(server.api)


def refused_by(evolink: Evolink) -> ProviderRefusedError:
    with pytest.raises(ProviderRefusedError) as refused:
        evolink.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)
    return refused.value


# What is sent


def test_an_order_is_sent_as_evolink_documents_it(server: ScriptedApi, evolink: Evolink) -> None:
    server.answers(200, sample("evolink/submit_accepted"))

    evolink.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)

    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/videos/generations")
    assert request.headers["authorization"] == f"Bearer {API_KEY}"
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body) == {
        "model": "seedance-2.0-text-to-video",
        "prompt": 'A ferry at dusk, "渡轮"',
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
    order = replace(ORDER, model="wan2.7-image-to-video", image_url="a", last_image_url="b", seed=7, input=names)

    evolink.submit(order, callback_url=CALLBACK_URL, timeout=10)

    assert server.bodies == [
        {
            "model": "wan2.7-image-to-video",
            "prompt": ORDER.prompt,
            "image_start": "a",
            "image_end": "b",
            "generation_mode": "first_last_frame",
            "model_params": {"seed": 7},
            "callback_url": CALLBACK_URL,
        }
    ]


@pytest.mark.parametrize(
    ("task_id", "path"),
    [(TASK, f"/v1/tasks/{TASK}"), ("a/../b?c=d#e é%", "/v1/tasks/a%2F..%2Fb%3Fc%3Dd%23e%20%C3%A9%25")],
)
def test_a_query_has_the_task_id_in_its_path(server: ScriptedApi, evolink: Evolink, task_id: str, path: str) -> None:
    server.answers(200, sample("evolink/task_processing"))

    evolink.ask(task_id)

    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("GET", path, b"")
    assert request.headers["authorization"] == f"Bearer {API_KEY}"


# Accepted


def test_an_accepted_order_has_a_task_and_an_estimate(server: ScriptedApi, evolink: Evolink) -> None:
    server.answers(200, sample("evolink/submit_accepted"))

    submission = evolink.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)

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

    submission = evolink.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)

    assert (submission.task_id, submission.estimated_seconds) == (TASK, None)


# Refused


@pytest.mark.parametrize(
    ("status", "name", "failure"),
    [
        (400, "error_400", FailureCode.INVALID_INPUT),
        (400, "error_400_integer_code", FailureCode.INVALID_INPUT),
        (400, "error_400_content_policy", FailureCode.CONTENT_POLICY),
        (401, "error_401", FailureCode.PROVIDER_FAILED),
        (401, "error_401_integer_code", FailureCode.PROVIDER_FAILED),
        (402, "error_402", FailureCode.PROVIDER_OUT_OF_FUNDS),
        (402, "error_402_quota_exceeded", FailureCode.PROVIDER_OUT_OF_FUNDS),
        (402, "error_402_integer_code", FailureCode.PROVIDER_OUT_OF_FUNDS),
        (403, "error_403", FailureCode.PROVIDER_FAILED),
        (413, "error_413", FailureCode.INVALID_INPUT),
        (429, "error_429", FailureCode.PROVIDER_BUSY),
        (429, "error_429_integer_code", FailureCode.PROVIDER_BUSY),
        (500, "error_500", FailureCode.PROVIDER_FAILED),
        (500, "error_500_integer_code", FailureCode.PROVIDER_FAILED),
        (502, "error_502", FailureCode.PROVIDER_FAILED),
        (503, "error_503", FailureCode.PROVIDER_BUSY),
        (200, "error_402", FailureCode.PROVIDER_OUT_OF_FUNDS),
        (400, "error_400_without_envelope", FailureCode.CONTENT_POLICY),  # forks of the original have met it
    ],
)
def test_a_well_formed_error_is_a_refusal(
    server: ScriptedApi, evolink: Evolink, status: int, name: str, failure: FailureCode
) -> None:
    server.answers(status, sample(f"evolink/{name}"))

    refusal = refused_by(evolink)

    assert FailureCode(refusal.failure) is failure
    answer = json.loads(sample(f"evolink/{name}"))
    assert answer.get("error", answer)["message"] in str(refusal)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 405, 413, 415, 422, 429])
@pytest.mark.parametrize("body", GARBAGE)
def test_every_3xx_and_4xx_is_a_refusal_whatever_its_body(
    server: ScriptedApi, evolink: Evolink, status: int, body: bytes
) -> None:
    server.answers(status, body)

    assert f"HTTP {status}" in str(refused_by(evolink))
    assert len(server.requests) == 1


# Unknown


IN_DOUBT = [
    *[(408, sample(f"evolink/{name}")) for name in ("error_400", "error_500", "submit_accepted")],
    *[(504, sample(f"evolink/{name}")) for name in ("error_400", "error_500", "submit_accepted")],
    *[(status, body) for status in (408, 504, 500, 502, 503, 520, 524, 599) for body in (HTML, b"", *GARBAGE)],
    *[(502, body) for body in (b'{"error": "text"}', b'{"error": null}', b'{"message": "Bad Gateway"}')],
    *[(200, body) for body in GARBAGE],
    (200, b'{"status": "pending"}'),
    *[(200, b'{"id": %s}' % wrong) for wrong in (b"null", b'""', b"7", b'["task"]', b"{}")],
    *[(200, b'{"id": "task%s"}' % wrong) for wrong in (b"\\u0000", b"\\ud800")],
    (200, sample("evolink/submit_accepted") + b" " * LARGEST_ANSWER),
]
"""A gateway's time-out, a 5xx that is not Evolink's, a success that names no task, an answer without end."""


@pytest.mark.parametrize(("status", "body"), IN_DOUBT)
def test_an_answer_that_does_not_say_whether_the_order_was_taken_leaves_the_outcome_unknown(
    server: ScriptedApi, evolink: Evolink, status: int, body: bytes
) -> None:
    server.answers(status, body)

    with pytest.raises(ProviderSilentError):
        evolink.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)
    assert len(server.requests) == 1


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
        Evolink(JsonApi(nobody, API_KEY)).submit(ORDER, callback_url=CALLBACK_URL, timeout=10)


# What became of a task


@pytest.mark.parametrize("name", ["task_pending", "task_processing", "submit_accepted"])
def test_an_unfinished_task_is_running(server: ScriptedApi, evolink: Evolink, name: str) -> None:
    server.answers(200, sample(f"evolink/{name}"))

    report = evolink.ask(TASK)

    assert (report.state, report.video_url, report.failure) == (TaskState.RUNNING, None, None)


@pytest.mark.parametrize("name", ["task_completed", "task_completed_older"])
def test_a_completed_task_names_its_file(server: ScriptedApi, evolink: Evolink, name: str) -> None:
    server.answers(200, sample(f"evolink/{name}"))

    assert evolink.ask(TASK) == TaskReport(
        state=TaskState.SUCCEEDED, video_url="https://files.evolink.ai/video/4x3rx6ny.mp4", progress=100
    )


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
    "rest",
    [
        {},
        {"results": None},
        {"results": []},
        {"results": [None, 7, ""]},
        {"results": "https://a/1.mp4"[:0]},
        {"results": {"url": "https://a/1.mp4"}},
        {"data": None},
        {"data": []},
        {"data": {"video_url": None}},
        {"data": {"thumbnail_url": "https://a/1.jpg"}},
    ],
)
def test_a_completed_task_without_a_file_is_an_error(
    server: ScriptedApi, evolink: Evolink, rest: dict[str, Any]
) -> None:
    server.answers(200, json.dumps({"id": TASK, "status": "completed"} | rest).encode())

    with pytest.raises(ProviderError):
        evolink.ask(TASK)


def test_a_failed_task_has_our_failure_code_and_evolinks_message(server: ScriptedApi, evolink: Evolink) -> None:
    server.answers(200, sample("evolink/task_failed"))

    report = evolink.ask(TASK)

    assert (report.state, report.failure) == (TaskState.FAILED, FailureCode.CONTENT_POLICY)
    assert report.detail == "content_policy_violation Content policy violation.\nPlease adjust the prompt."
    assert report.cost == ProviderCost(amount=Decimal(0), currency=Currency.CREDITS)


@pytest.mark.parametrize("name", ["task_cancelled", "task_failed_request_cancelled"])
def test_a_cancelled_task_has_failed(server: ScriptedApi, evolink: Evolink, name: str) -> None:
    server.answers(200, sample(f"evolink/{name}"))

    report = evolink.ask(TASK)

    assert (report.state, report.failure) == (TaskState.FAILED, FailureCode.PROVIDER_FAILED)


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


@pytest.mark.parametrize("status", ["archived", "COMPLETED!", "", None, 7, [], {}, "x" * 10_000])
def test_an_undocumented_status_is_unknown(server: ScriptedApi, evolink: Evolink, status: object) -> None:
    server.answers(200, json.dumps({"id": TASK, "status": status}).encode())

    report = evolink.ask(TASK)

    assert (report.state, report.video_url, report.failure) == (TaskState.UNKNOWN, None, None)
    assert len(report.detail) <= 100


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "failed", "error": {"code": "x\x00", "message": "nul \x00"}},
        {"status": "failed", "error": {"code": "x", "message": "half an emoji \ud83d"}},
        {"status": "half \udea2"},
        {"status": "nul \x00"},
    ],
)
def test_the_detail_of_a_report_can_be_stored(server: ScriptedApi, evolink: Evolink, answer: dict[str, Any]) -> None:
    """JavaScript cuts text between the halves of an emoji, and PostgreSQL takes neither half, nor NUL."""
    server.answers(200, json.dumps({"id": TASK} | answer).encode())

    assert storable(evolink.ask(TASK).detail)


def test_the_message_of_a_refusal_can_be_stored(server: ScriptedApi, evolink: Evolink) -> None:
    server.answers(400, json.dumps({"error": {"code": 400, "message": "\ud83d and \x00"}}).encode())

    assert storable(str(refused_by(evolink)))


@pytest.mark.parametrize("url", ["https://a/\x00.mp4", "https://a/\ud83d.mp4"])
def test_a_url_that_cannot_be_stored_is_not_a_file(server: ScriptedApi, evolink: Evolink, url: str) -> None:
    server.answers(200, json.dumps({"id": TASK, "status": "completed", "results": [url]}).encode())

    with pytest.raises(ProviderError):
        evolink.ask(TASK)


def test_an_unknown_task_has_an_error_of_its_own(server: ScriptedApi, evolink: Evolink) -> None:
    server.answers(404, sample("evolink/error_404_task"))

    with pytest.raises(TaskNotFoundError):
        evolink.ask(TASK)
    assert len(server.requests) == 1


SAMPLES = [sample(f"evolink/{name}") for name in ("error_401", "task_failed", "task_completed")]
NO_SUCCESS = (301, 400, 401, 402, 403, 408, 410, 429, 500, 502, 503, 504)
SAYS_NOTHING = [
    *[(status, body) for status in NO_SUCCESS for body in (*SAMPLES, HTML)],
    *[(200, body) for body in GARBAGE],
]


@pytest.mark.parametrize(("status", "body"), SAYS_NOTHING)
def test_an_error_or_no_json_object_in_answer_to_a_query_says_nothing_about_the_task(
    server: ScriptedApi, evolink: Evolink, status: int, body: bytes
) -> None:
    server.answers(status, body)

    with pytest.raises(ProviderError) as unanswered:
        evolink.ask(TASK)
    assert not isinstance(unanswered.value, TaskNotFoundError | ProviderRefusedError)


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


# Callbacks


@pytest.mark.parametrize(
    "name", ["task_completed", "task_completed_older", "task_failed", "task_failed_request_cancelled", "task_cancelled"]
)
def test_a_callback_claims_a_task(evolink: Evolink, name: str) -> None:
    hint = evolink.read_hint(sample(f"evolink/{name}"))

    assert (hint.task_id, hint.echoed_url) == (TASK, None)


@pytest.mark.parametrize(
    "body",
    [
        *GARBAGE,
        b'{"id": null}',
        b'{"id": ""}',
        b'{"id": 7}',
        b'{"id": ["task"]}',
        b'{"task": {"id": "task"}}',
        b'{"id": "nul \\u0000"}',
        b'{"id": "half an emoji \\ud83d"}',
        b'{"id": "' + b"x" * 100_000 + b'"}',
        b'{"id": ' * 50_000,
        b"9" * 50_000,
    ],
)
def test_a_body_that_cannot_be_read_claims_nothing(evolink: Evolink, body: bytes) -> None:
    assert evolink.read_hint(body).task_id is None


# The key


@pytest.mark.parametrize(
    "fault",
    [
        ScriptedApi.hangs_up,
        ScriptedApi.breaks_off,
        lambda server: server.answers(401, sample("evolink/error_401")),
        lambda server: server.answers(500, HTML),
        lambda server: server.answers(200, HTML),
    ],
)
@pytest.mark.parametrize(
    "act",
    [
        lambda evolink: evolink.submit(ORDER, callback_url=CALLBACK_URL, timeout=10),
        lambda evolink: evolink.ask(TASK),
    ],
)
def test_no_exception_shows_the_key(
    server: ScriptedApi, evolink: Evolink, fault: Callable[[ScriptedApi], None], act: Callable[[Evolink], object]
) -> None:
    fault(server)

    with pytest.raises(ClipferryError) as failed:
        act(evolink)

    assert API_KEY not in "".join(traceback.format_exception(failed.value))


@pytest.mark.parametrize("key", [f"{API_KEY}\n", f"{API_KEY}\r\nX-Other: 1", f"{API_KEY}渡"])
def test_a_key_that_no_header_can_carry_is_a_configuration_error(server: ScriptedApi, key: str) -> None:
    """A secret that was pasted with its line end, for one."""
    server.answers(200, sample("evolink/submit_accepted"))

    with pytest.raises(ConfigurationError) as refused:
        Evolink(JsonApi(server.client, key)).submit(ORDER, callback_url=CALLBACK_URL, timeout=10)

    assert API_KEY not in "".join(traceback.format_exception(refused.value))
    assert server.requests == []
