"""Replicate's adapter against Replicate's documented answers, over a real socket.

The samples have the shapes of Replicate's HTTP API reference: `predictions.create` and `predictions.get`
(`prediction_*`; a webhook's body is the same), and the problems that it answers with (`error_*`). The vector
of the signature follows "Verify webhooks" and standardwebhooks.com.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from clipferry.errors import (
    ConfigurationError,
    InvalidSignatureError,
    ProviderError,
    ProviderRefusedError,
    ProviderSilentError,
    TaskNotFoundError,
)
from clipferry.models import Order, TaskReport
from clipferry.net.http_client import HttpClient
from clipferry.providers.replicate import Replicate
from clipferry.providers.transport import JsonApi
from clipferry.verdicts import FailureCode, TaskState
from local.providers.replicate import fake_replicate
from local.providers.replicate_wire import signature_headers
from tests.provider_answers import API_KEY, GARBAGE, HTML, ScriptedApi, sample

CALLBACK_URL = "https://api.example.com/api/v1/video/callback/replicate?videoUuid=vid_1&ts=1&sig=ab"
TASK = "ufawqhfynnddngldkgtslldrkq"
FILE = "https://replicate.delivery/xezq/abc/tmp1.mp4"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OTHER_SECRET = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
SIGNED_AT = 1769670760
BODY = b'{"id":"p1","status":"succeeded"}'
SIGNATURE = "v1,ty////BwYZPUtMmjMZju5U9xrJvGRf9hX/dwpu6/a3Q="
ORDER = Order(
    video_uuid="vid_1",
    provider="replicate",
    prompt="A ferry at dusk",
    model="google/veo-3.1-fast",
    duration=8,
    aspect_ratio="16:9",
    quality="720p",
    image_url=None,
    input={"image": "$image_url", "resolution": "$quality", "duration": "$duration"},
)


@pytest.fixture
def replicate(server: ScriptedApi) -> Replicate:
    return Replicate(server.api, webhook_secrets=[SECRET])


def test_an_order_is_a_prediction_with_a_webhook(server: ScriptedApi, replicate: Replicate) -> None:
    server.answers(201, sample("replicate/prediction_starting"))

    submission = replicate.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)

    assert (submission.task_id, submission.estimated_seconds) == (TASK, None)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/models/google/veo-3.1-fast/predictions")
    assert request.headers["Authorization"] == f"Bearer {API_KEY}"
    assert server.bodies == [
        {
            "input": {"prompt": "A ferry at dusk", "resolution": "720p", "duration": 8},
            "webhook": CALLBACK_URL,
            "webhook_events_filter": ["completed"],
        }
    ]


@pytest.mark.parametrize(
    ("status", "failure", "is_down"),
    [
        (401, FailureCode.PROVIDER_FAILED, False),
        (402, FailureCode.PROVIDER_OUT_OF_FUNDS, False),
        (404, FailureCode.PROVIDER_FAILED, False),
        (422, FailureCode.INVALID_INPUT, False),
        (429, FailureCode.PROVIDER_BUSY, False),
        (500, FailureCode.PROVIDER_FAILED, True),
    ],
)
def test_a_problem_of_replicates_is_a_refusal(
    server: ScriptedApi, replicate: Replicate, status: int, failure: FailureCode, is_down: bool
) -> None:
    server.answers(status, sample(f"replicate/error_{status}"))

    with pytest.raises(ProviderRefusedError) as refused:
        replicate.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)

    assert (FailureCode(refused.value.failure), refused.value.is_down) == (failure, is_down)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (504, sample("replicate/error_500")),
        (408, HTML),
        (502, HTML),
        (500, b'{"title": "Bad gateway"}'),
        (201, b'{"status": "starting"}'),
        *[(201, body) for body in GARBAGE],
    ],
)
def test_an_answer_that_does_not_say_whether_the_order_was_taken_leaves_the_outcome_unknown(
    server: ScriptedApi, replicate: Replicate, status: int, body: bytes
) -> None:
    server.answers(status, body)

    with pytest.raises(ProviderSilentError):
        replicate.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)


@pytest.mark.parametrize("name", ["prediction_starting", "prediction_processing"])
def test_an_unfinished_prediction_is_running(server: ScriptedApi, replicate: Replicate, name: str) -> None:
    server.answers(200, sample(f"replicate/{name}"))

    assert replicate.ask(TASK).state is TaskState.RUNNING
    assert [request.path for request in server.requests] == [f"/v1/predictions/{TASK}"]


@pytest.mark.parametrize("name", ["prediction_succeeded", "prediction_succeeded_list"])
def test_a_prediction_that_succeeded_names_its_file(server: ScriptedApi, replicate: Replicate, name: str) -> None:
    server.answers(200, sample(f"replicate/{name}"))

    assert replicate.ask(TASK) == TaskReport(state=TaskState.SUCCEEDED, video_url=FILE)


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("prediction_failed", FailureCode.PROVIDER_FAILED),
        ("prediction_failed_sensitive", FailureCode.CONTENT_POLICY),
        ("prediction_canceled", FailureCode.CANCELLED),
        ("prediction_removed", FailureCode.FILE_UNAVAILABLE),
    ],
)
def test_a_prediction_that_failed_says_why(
    server: ScriptedApi, replicate: Replicate, name: str, failure: FailureCode
) -> None:
    server.answers(200, sample(f"replicate/{name}"))

    report = replicate.ask(TASK)

    assert (report.state, report.failure) == (TaskState.FAILED, failure)


@pytest.mark.parametrize("output", [None, "", [], {}, 7, ["x"], "ftp://a/1.mp4"])
def test_a_success_without_a_file_is_an_error(server: ScriptedApi, replicate: Replicate, output: object) -> None:
    server.answers(200, json.dumps({"id": TASK, "status": "succeeded", "output": output}).encode())

    with pytest.raises(ProviderError):
        replicate.ask(TASK)


@pytest.mark.parametrize("status", ["queued?", None, 7, [], "nul \x00"])
def test_an_undocumented_status_is_unknown(server: ScriptedApi, replicate: Replicate, status: object) -> None:
    server.answers(200, json.dumps({"id": TASK, "status": status}).encode())

    assert replicate.ask(TASK).state is TaskState.UNKNOWN


def test_an_unknown_prediction_has_an_error_of_its_own(server: ScriptedApi, replicate: Replicate) -> None:
    server.answers(404, sample("replicate/error_404"))

    with pytest.raises(TaskNotFoundError):
        replicate.ask(TASK)


# Standard Webhooks


def headers(**changes: str) -> dict[str, str]:
    genuine = {"webhook-id": "msg_1", "webhook-timestamp": str(SIGNED_AT), "webhook-signature": SIGNATURE}
    return genuine | {name.replace("_", "-"): value for name, value in changes.items()}


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(SIGNED_AT + seconds, UTC)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_the_vector_is_accepted_for_five_minutes_either_way(replicate: Replicate, seconds: int) -> None:
    replicate.authenticate(headers(), BODY, now=at(seconds))


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_signature_from_the_past_or_the_future_is_refused(replicate: Replicate, seconds: int) -> None:
    with pytest.raises(InvalidSignatureError):
        replicate.authenticate(headers(), BODY, now=at(seconds))


@pytest.mark.parametrize(
    "signatures",
    [
        f"v1,bm90IGl0 {SIGNATURE}",
        f"{SIGNATURE} v1,bm90IGl0",
        f"v1a,x v2,y  {SIGNATURE}",
    ],
)
def test_any_of_several_signatures_will_do(replicate: Replicate, signatures: str) -> None:
    replicate.authenticate(headers(webhook_signature=signatures), BODY, now=at(0))


@pytest.mark.parametrize("secrets", [[SECRET, OTHER_SECRET], [OTHER_SECRET, SECRET], [SECRET.removeprefix("whsec_")]])
def test_a_secret_is_accepted_until_its_rotation_is_over(server: ScriptedApi, secrets: list[str]) -> None:
    Replicate(server.api, webhook_secrets=secrets).authenticate(headers(), BODY, now=at(0))

    with pytest.raises(InvalidSignatureError):
        Replicate(server.api, webhook_secrets=[OTHER_SECRET]).authenticate(headers(), BODY, now=at(0))


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({}, BODY + b" "),
        ({}, b""),
        ({"webhook_id": "msg_2"}, BODY),
        ({"webhook_id": "é"}, BODY),
        ({"webhook_timestamp": str(SIGNED_AT + 1)}, BODY),
        ({"webhook_timestamp": ""}, BODY),
        ({"webhook_signature": ""}, BODY),
        ({"webhook_signature": SIGNATURE.removeprefix("v1,")}, BODY),
        ({"webhook_signature": SIGNATURE.replace("v1", "v2")}, BODY),
        ({"webhook_signature": "v1,"}, BODY),
        ({"webhook_signature": "v1,é"}, BODY),
        ({"webhook_signature": "\ud83d"}, BODY),
    ],
)
def test_whatever_is_malformed_is_an_invalid_signature(
    replicate: Replicate, changes: dict[str, str], body: bytes
) -> None:
    with pytest.raises(InvalidSignatureError):
        replicate.authenticate(headers(**changes), body, now=at(0))


def test_a_missing_header_is_an_invalid_signature(replicate: Replicate) -> None:
    for name in headers():
        with pytest.raises(InvalidSignatureError):
            replicate.authenticate({key: value for key, value in headers().items() if key != name}, BODY, now=at(0))


@pytest.mark.parametrize("secret", ["whsec_not base64", "whsec_é", "whsec_abc"])
def test_an_invalid_secret_is_a_configuration_error(server: ScriptedApi, secret: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Replicate(server.api, webhook_secrets=[secret])
    assert secret not in str(refused.value)


def test_the_fake_signs_as_replicate_does(replicate: Replicate) -> None:
    replicate.authenticate(signature_headers("msg_9", BODY, SECRET), BODY, now=datetime.now(UTC))


# A signed body is trusted


def test_a_signed_body_says_what_became_of_the_prediction(replicate: Replicate) -> None:
    assert replicate.read_report(sample("replicate/prediction_succeeded")) == TaskReport(
        state=TaskState.SUCCEEDED, video_url=FILE
    )


@pytest.mark.parametrize(
    "body",
    [
        *GARBAGE,
        BODY,
        b'{"status": "failed"}',
        b'{"id": 7, "status": "failed"}',
    ],
)
def test_a_body_without_the_needed_fields_gives_no_report(replicate: Replicate, body: bytes) -> None:
    assert replicate.read_report(body) is None


def test_without_a_secret_no_body_is_trusted(server: ScriptedApi) -> None:
    unsigned = Replicate(server.api)

    unsigned.authenticate({}, BODY, now=at(0))
    assert unsigned.read_report(sample("replicate/prediction_succeeded")) is None


def test_a_webhook_claims_its_prediction_and_echoes_our_url(replicate: Replicate) -> None:
    hint = replicate.read_hint(sample("replicate/prediction_succeeded"))

    assert hint.task_id == TASK
    assert hint.echoed_url is not None
    assert "videoUuid=vid_1" in hint.echoed_url


@pytest.mark.parametrize("body", [*GARBAGE, b'{"webhook": 7, "id": null}'])
def test_a_body_that_cannot_be_read_claims_nothing(replicate: Replicate, body: bytes) -> None:
    hint = replicate.read_hint(body)

    assert (hint.task_id, hint.echoed_url) == (None, None)


def test_no_exception_shows_the_key_or_the_secret(server: ScriptedApi, replicate: Replicate) -> None:
    server.answers(401, sample("replicate/error_401"))
    raised: list[Any] = []
    for act in (
        lambda: replicate.submit(ORDER, callback_url=CALLBACK_URL, timeout=10),
        lambda: replicate.ask(TASK),
        lambda: replicate.authenticate({}, BODY, now=at(0)),
    ):
        with pytest.raises((ProviderError, InvalidSignatureError)) as failed:
            act()
        raised.append(repr(failed.value))

    assert not [text for text in raised if API_KEY in text or SECRET in text]


@pytest.mark.parametrize(
    ("status", "body", "stops"),
    [
        (200, sample("replicate/prediction_canceled"), True),
        (200, sample("replicate/prediction_processing"), True),
        (200, sample("replicate/prediction_succeeded"), False),
        (404, sample("replicate/error_404"), False),
    ],
)
def test_a_prediction_is_stopped_unless_it_was_over(
    server: ScriptedApi, replicate: Replicate, status: int, body: bytes, stops: bool
) -> None:
    server.answers(status, body)

    assert replicate.cancel(TASK) is stops
    assert [(sent.method, sent.path) for sent in server.requests] == [("POST", f"/v1/predictions/{TASK}/cancel")]


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_cancel_that_is_not_answered_is_an_error(server: ScriptedApi, replicate: Replicate, status: int) -> None:
    server.answers(status, HTML)

    with pytest.raises(ProviderError):
        replicate.cancel(TASK)


def test_the_fake_has_cancelled_what_it_was_told_to_stop() -> None:
    secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    with fake_replicate(api_key=API_KEY, webhook_secret=secret, seconds=3600, film=b"film") as fake:
        replicate = Replicate(JsonApi(HttpClient(fake.base_url, allow_plain_http=True), API_KEY))
        task = replicate.submit(ORDER, callback_url="http://127.0.0.1:9/callback", timeout=10).task_id

        assert replicate.cancel(task)
        assert replicate.ask(task).failure is FailureCode.CANCELLED
