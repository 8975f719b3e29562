"""What the answer to a question means, for every provider: where a task stands, or nothing at all.

The samples have the shapes of the providers' own pages, which the tests of each adapter name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from clipferry.errors import ProviderError, ProviderRefusedError, TaskNotFoundError
from clipferry.models import TaskReport
from clipferry.provider_cost import Currency, ProviderCost
from clipferry.verdicts import FailureCode, TaskState
from tests.contract.adapters import ADAPTERS, Adapter, adapter_of, each_adapter
from tests.provider_answers import GARBAGE, HTML, ScriptedApi, sample, storable


def body(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode()


def kies(data: dict[str, Any]) -> bytes:
    return body({"code": 200, "msg": "success", "data": data})


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("evolink", "/v1/tasks/a%2F..%2Fb%3Fc%3Dd%23e%20%C3%A9%25"),
        ("kie", "/api/v1/jobs/recordInfo?taskId=a%2F..%2Fb%3Fc%3Dd%23e%20%C3%A9%25"),
        ("fal", "/app/requests/a%2F..%2Fb%3Fc%3Dd%23e%20%C3%A9%25/status?logs=1"),
        ("replicate", "/v1/predictions/a%2F..%2Fb%3Fc%3Dd%23e%20%C3%A9%25"),
        ("litellm", "/videos/a%2F..%2Fb%3Fc%3Dd%23e%20%C3%A9%25"),
    ],
)
def test_a_question_has_the_task_id_encoded(server: ScriptedApi, name: str, path: str) -> None:
    server.answers(200, sample("kie/task_waiting") if name == "kie" else b'{"status": "processing"}')

    ADAPTERS[name].make(server).ask(f"{'app/requests/' if name == 'fal' else ''}a/../b?c=d#e é%")

    (request,) = server.requests
    assert (request.method, f"{request.path}?{request.query}".rstrip("?"), request.body) == ("GET", path, b"")


@pytest.mark.parametrize(
    ("name", "progress", "detail"),
    [
        ("evolink/submit_accepted", 0, "pending"),
        ("evolink/task_pending", 0, "pending"),
        ("evolink/task_processing", 42, "processing"),
        ("kie/task_waiting", None, "waiting"),
        ("kie/task_queuing", None, "queuing"),
        ("kie/task_generating", None, "generating"),
        ("veo/record_generating", None, "0"),
        ("fal/submit_accepted", 0, "IN_QUEUE 2"),
        ("fal/status_in_queue", 0, "IN_QUEUE 3"),
        ("fal/status_in_progress", 42, "IN_PROGRESS"),
        ("fal/status_in_progress_without_logs", None, "IN_PROGRESS"),
        ("replicate/prediction_starting", None, "starting"),
        ("replicate/prediction_processing", None, "processing"),
        ("litellm/submit_accepted", 0, "queued"),
        ("litellm/video_in_progress", 33, "in_progress"),
        ("new-api/video_unknown", 0, "unknown"),
        ("new-api/video_in_progress", 30, "in_progress"),
        ("openrouter/submit_accepted", None, "pending"),
        ("openrouter/video_in_progress", None, "in_progress"),
    ],
)
def test_an_unfinished_task_is_running(server: ScriptedApi, name: str, progress: int | None, detail: str) -> None:
    server.answers(200, sample(name))

    assert adapter_of(name).ask(server) == TaskReport(state=TaskState.RUNNING, progress=progress, detail=detail)
    assert len(server.requests) == 1


EVOLINKS_FILE = "https://files.evolink.ai/video/4x3rx6ny.mp4"
KIES_FILE = "https://file.aiquickdraw.com/kie/4x3rx6ny.mp4"
REPLICATES_FILE = "https://replicate.delivery/xezq/abc/tmp1.mp4"


@pytest.mark.parametrize(
    ("name", "url", "progress", "credits_used"),
    [
        ("evolink/task_completed", EVOLINKS_FILE, 100, None),
        ("evolink/task_completed_older", EVOLINKS_FILE, 100, None),
        ("kie/task_success", KIES_FILE, None, None),
        ("kie/task_success_seedance", KIES_FILE, None, None),
        ("kie/task_success_sora", KIES_FILE, 100, "30"),
        ("kie/callback_success", KIES_FILE, None, "1.23"),
        ("kie/callback_success_older", KIES_FILE, None, None),
        ("veo/record_success", KIES_FILE, None, None),
        ("veo/record_success_text", KIES_FILE, None, None),
        ("veo/record_success_unquoted", KIES_FILE, None, None),
        ("replicate/prediction_succeeded", REPLICATES_FILE, None, None),
        ("replicate/prediction_succeeded_list", REPLICATES_FILE, None, None),
    ],
)
def test_a_task_that_succeeded_names_its_file(
    server: ScriptedApi, name: str, url: str, progress: int | None, credits_used: str | None
) -> None:
    server.answers(200, sample(name))

    cost = ProviderCost(amount=Decimal(credits_used), currency=Currency.CREDITS) if credits_used else None
    report = TaskReport(state=TaskState.SUCCEEDED, video_url=url, progress=progress, cost=cost)
    assert adapter_of(name).ask(server) == report


@pytest.mark.parametrize(
    ("name", "failure", "detail"),
    [
        (
            "evolink/task_failed",
            FailureCode.CONTENT_POLICY,
            "content_policy_violation Content policy violation.\nPlease adjust the prompt.",
        ),
        ("evolink/task_cancelled", FailureCode.PROVIDER_FAILED, ""),
        (
            "evolink/task_failed_request_cancelled",
            FailureCode.PROVIDER_FAILED,
            "request_cancelled The request was cancelled.",
        ),
        ("kie/task_fail", FailureCode.PROVIDER_FAILED, "GENERATION_FAILED The generation did not succeed"),
        ("kie/task_fail_500", FailureCode.PROVIDER_FAILED, "500 Internal error, please try again later"),
        ("kie/task_fail_422", FailureCode.INVALID_INPUT, "422 The image is too small"),
        (
            "kie/task_fail_content",
            FailureCode.CONTENT_POLICY,
            "400 Your prompt was flagged by Website as violating content policies",
        ),
        ("kie/callback_fail", FailureCode.PROVIDER_FAILED, "GENERATION_FAILED The generation did not succeed"),
        (
            "veo/record_failed",
            FailureCode.CONTENT_POLICY,
            "400 Your prompt was flagged by Website as violating content policies.",
        ),
        ("veo/record_generation_failed", FailureCode.PROVIDER_FAILED, "501 Failed - Video generation task failed"),
        ("replicate/prediction_failed", FailureCode.PROVIDER_FAILED, "Prediction failed: out of memory"),
        (
            "replicate/prediction_failed_sensitive",
            FailureCode.CONTENT_POLICY,
            "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
        ),
        ("replicate/prediction_canceled", FailureCode.CANCELLED, ""),
        ("replicate/prediction_removed", FailureCode.FILE_UNAVAILABLE, "output was deleted"),
        (
            "litellm/video_failed",
            FailureCode.CONTENT_POLICY,
            "moderation_blocked Your request was blocked by our moderation system.",
        ),
        (
            "new-api/video_failed",
            FailureCode.CONTENT_POLICY,
            "fail_to_generate The prompt violates the content policy",
        ),
        (
            "openrouter/video_failed",
            FailureCode.CONTENT_POLICY,
            "The request was rejected because it violates our content policy",
        ),
        ("openrouter/video_cancelled", FailureCode.PROVIDER_FAILED, "cancelled"),
        ("openrouter/video_expired", FailureCode.PROVIDER_FAILED, "Job expired"),
    ],
)
def test_a_failed_task_has_our_failure_code_and_the_providers_words(
    server: ScriptedApi, name: str, failure: FailureCode, detail: str
) -> None:
    server.answers(200, sample(name))

    cost = ProviderCost(amount=Decimal(0), currency=Currency.CREDITS) if name.startswith("evolink/") else None
    report = TaskReport(state=TaskState.FAILED, failure=failure, detail=detail, cost=cost)  # Evolink gives back
    assert adapter_of(name).ask(server) == report


STATES: dict[str, Callable[[object], bytes]] = {
    "evolink": lambda state: body({"status": state}),
    "kie": lambda state: kies({"state": state}),
    "veo": lambda state: kies({"successFlag": state}),
    "fal": lambda state: body({"status": state}),
    "replicate": lambda state: body({"status": state}),
    "litellm": lambda state: body({"status": state}),
}


@pytest.mark.parametrize("name", STATES)
def test_an_undocumented_state_is_unknown_and_can_be_stored(server: ScriptedApi, name: str) -> None:
    """JavaScript cuts text between the halves of an emoji, and PostgreSQL takes neither half, nor NUL."""
    states = ["archived", "COMPLETED!", "", None, True, -1, 7, [], {}, "x" * 10_000, "nul \x00", "half \ud83d"]
    for state in states:
        server.answers(200, STATES[name](state))

    for state in states:
        report = ADAPTERS[name].ask(server)

        assert (report.state, report.video_url, report.failure) == (TaskState.UNKNOWN, None, None), state
        assert len(report.detail) <= 100, state
        assert storable(report.detail), state


EVOLINK_SUCCESSES: list[dict[str, Any]] = [
    {},
    {"results": None},
    {"results": []},
    {"results": [None, 7, ""]},
    {"results": ""},
    {"results": {"url": "https://a/1.mp4"}},
    {"results": ["https://a/\x00.mp4"]},
    {"results": ["https://a/\ud83d.mp4"]},
    {"data": None},
    {"data": []},
    {"data": {"video_url": None}},
    {"data": {"thumbnail_url": "https://a/1.jpg"}},
]
KIE_RESULTS = [None, "", "{", "null", "[]", '{"resultUrls": null}', '{"resultUrls": []}', 7, {}, []]
VEO_RESPONSES = [None, "", {}, {"resultUrls": None}, {"resultUrls": []}, {"resultUrls": "[]"}]


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("evolink", [body({"status": "completed"} | rest) for rest in EVOLINK_SUCCESSES]),
        ("kie", [kies({"state": "success", "resultJson": result}) for result in KIE_RESULTS]),
        ("veo", [kies({"successFlag": 1, "response": response}) for response in VEO_RESPONSES]),
        (
            "replicate",
            [
                body({"status": "succeeded", "output": output})
                for output in (None, "", [], {}, 7, ["x"], "ftp://a/1.mp4")
            ],
        ),
    ],
    ids=["evolink", "kie", "veo", "replicate"],
)
def test_a_success_without_a_file_is_an_error(server: ScriptedApi, name: str, answers: list[bytes]) -> None:
    for answer in answers:
        server.answers(200, answer)

    for _ in answers:
        with pytest.raises(ProviderError, match="reports success, but names no file"):
            ADAPTERS[name].ask(server)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (404, "evolink/error_404_task"),
        (404, "kie/error_404"),
        (200, "kie/error_404"),
        (422, "kie/error_422_no_record"),
        (200, "kie/error_422_no_record"),
        (404, "fal/error_404"),
        (404, "replicate/error_404"),
        (404, "openrouter/error_404"),
        (400, "new-api/error_400_task"),
    ],
)
def test_an_unknown_task_has_an_error_of_its_own(server: ScriptedApi, status: int, name: str) -> None:
    server.answers(status, sample(name))

    with pytest.raises(TaskNotFoundError):
        adapter_of(name).ask(server)
    assert len(server.requests) == (2 if name.startswith("kie/") else 1)  # KIE has two endpoints


ERRORS = {
    "evolink": ["error_401", "task_failed", "task_completed"],
    "kie": [f"error_{code}" for code in (401, 402, 429, 455, 500, 505)],
    "veo": ["callback_failed_500"],
    "fal": ["error_401", "error_500"],
    "replicate": ["error_401", "error_500", "prediction_failed", "prediction_succeeded"],
    "litellm": ["error_401", "error_500", "video_failed", "video_completed"],
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("status", [301, 400, 401, 402, 403, 408, 410, 429, 500, 502, 503, 504])
def test_an_error_in_answer_to_a_question_says_nothing_about_the_task(
    server: ScriptedApi, name: str, status: int
) -> None:
    for answer in (HTML, *(sample(f"{name}/{error}") for error in ERRORS[name])):
        server.replies.clear()
        server.answers(status, answer)

        with pytest.raises(ProviderError) as unanswered:
            ADAPTERS[name].ask(server)
        assert not isinstance(unanswered.value, TaskNotFoundError | ProviderRefusedError), answer


@pytest.mark.parametrize(
    "answer",
    [
        *(sample(f"kie/error_{code}") for code in (401, 402, 429, 455, 500, 505)),
        sample("veo/callback_failed_500"),
        kies({}),
        b'{"code": 200, "msg": "success", "data": null}',
        b'{"data": {"state": "fail"}}',
    ],
)
def test_an_error_of_kies_comes_with_200_and_says_nothing_about_the_task(server: ScriptedApi, answer: bytes) -> None:
    server.answers(200, answer)

    for name in ("kie", "veo"):
        with pytest.raises(ProviderError) as unanswered:
            ADAPTERS[name].ask(server)
        assert not isinstance(unanswered.value, TaskNotFoundError | ProviderRefusedError)


@each_adapter
def test_what_is_no_answer_of_the_providers_says_nothing_about_the_task(server: ScriptedApi, adapter: Adapter) -> None:
    for garbage in GARBAGE:
        server.answers(200, garbage)

    for garbage in GARBAGE:
        with pytest.raises(ProviderError) as unanswered:
            adapter.ask(server)
        assert not isinstance(unanswered.value, TaskNotFoundError | ProviderRefusedError), garbage


@each_adapter
@pytest.mark.parametrize("odd", [[], {}, [{}], True, 10**400, None, ""])
def test_an_error_of_an_odd_shape_says_nothing_about_the_task(
    server: ScriptedApi, adapter: Adapter, odd: object
) -> None:
    for answer in ({"error": {"code": odd, "message": odd}}, {"code": odd, "message": "no"}, {"detail": odd}):
        server.answers(400, body(answer))
    for _ in range(3):
        with pytest.raises(ProviderError) as unanswered:
            adapter.ask(server)
        assert not isinstance(unanswered.value, TaskNotFoundError | ProviderRefusedError)


@pytest.mark.parametrize("name", ["fal", "replicate"])
@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_cancel_that_is_not_answered_is_an_error(server: ScriptedApi, name: str, status: int) -> None:
    server.answers(status, HTML)

    with pytest.raises(ProviderError):
        ADAPTERS[name].make(server).cancel(ADAPTERS[name].task)


@pytest.mark.parametrize(
    ("name", "status", "answer", "stops"),
    [
        ("fal", 202, body({"status": "CANCELLATION_REQUESTED"}), True),
        ("fal", 400, body({"status": "ALREADY_COMPLETED"}), False),
        ("fal", 404, body({"status": "NOT_FOUND"}), False),
        ("replicate", 200, sample("replicate/prediction_canceled"), True),
        ("replicate", 200, sample("replicate/prediction_processing"), True),
        ("replicate", 200, sample("replicate/prediction_succeeded"), False),
        ("replicate", 404, sample("replicate/error_404"), False),
    ],
)
def test_a_task_is_stopped_unless_it_was_over(
    server: ScriptedApi, name: str, status: int, answer: bytes, stops: bool
) -> None:
    server.answers(status, answer)

    task = ADAPTERS[name].task
    assert ADAPTERS[name].make(server).cancel(task) is stops
    sent = {"fal": ("PUT", f"/{task}/cancel"), "replicate": ("POST", f"/v1/predictions/{task}/cancel")}
    assert [(request.method, request.path) for request in server.requests] == [sent[name]]
