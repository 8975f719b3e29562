"""Replicate's adapter against Replicate's documented answers, over a real socket.

The samples have the shapes of Replicate's HTTP API reference: `predictions.create` and `predictions.get`
(`prediction_*`; a webhook's body is the same), and the problems that it answers with (`error_*`). The vector
of the signature follows "Verify webhooks" and standardwebhooks.com.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clipferry.errors import (
    ConfigurationError,
    InvalidSignatureError,
)
from clipferry.models import TaskReport
from clipferry.net.http_client import HttpClient
from clipferry.providers.replicate import Replicate
from clipferry.providers.transport import JsonApi
from clipferry.verdicts import FailureCode, TaskState
from local.providers.replicate import fake_replicate
from local.providers.replicate_wire import signature_headers
from tests.contract.adapters import CALLBACK_URL, submit
from tests.contract.adapters import REPLICATE_SECRET as SECRET
from tests.orders import PROMPT, order
from tests.provider_answers import API_KEY, ScriptedApi, sample

TASK = "ufawqhfynnddngldkgtslldrkq"
FILE = "https://replicate.delivery/xezq/abc/tmp1.mp4"
ORDER = order(
    model="google/veo-3.1-fast",
    duration=8,
    input={"image": "$image_url", "resolution": "$quality", "duration": "$duration"},
)
OTHER_SECRET = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
SIGNED_AT = 1769670760
BODY = b'{"id":"p1","status":"succeeded"}'
SIGNATURE = "v1,ty////BwYZPUtMmjMZju5U9xrJvGRf9hX/dwpu6/a3Q="


@pytest.fixture
def replicate(server: ScriptedApi) -> Replicate:
    return Replicate(server.api, webhook_secrets=[SECRET])


def test_an_order_is_a_prediction_with_a_webhook(server: ScriptedApi, replicate: Replicate) -> None:
    server.answers(201, sample("replicate/prediction_starting"))

    submission = submit(replicate, ORDER)

    assert (submission.task_id, submission.estimated_seconds) == (TASK, None)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/models/google/veo-3.1-fast/predictions")
    assert request.headers["Authorization"] == f"Bearer {API_KEY}"
    assert server.bodies == [
        {
            "input": {"prompt": PROMPT, "resolution": "720p", "duration": 8},
            "webhook": CALLBACK_URL,
            "webhook_events_filter": ["completed"],
        }
    ]


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
    with pytest.raises(InvalidSignatureError) as refused:
        replicate.authenticate(headers(**changes), body, now=at(0))
    assert SECRET not in str(refused.value)


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


@pytest.mark.parametrize("body", [BODY, b'{"status": "failed"}', b'{"id": 7, "status": "failed"}'])
def test_a_body_without_the_needed_fields_gives_no_report(replicate: Replicate, body: bytes) -> None:
    assert replicate.read_report(body) is None


def test_without_a_secret_no_body_is_trusted(server: ScriptedApi) -> None:
    unsigned = Replicate(server.api)

    unsigned.authenticate({}, BODY, now=at(0))
    assert unsigned.read_report(sample("replicate/prediction_succeeded")) is None


def test_the_fake_has_cancelled_what_it_was_told_to_stop() -> None:
    with fake_replicate(api_key=API_KEY, webhook_secret=SECRET, seconds=3600, film=b"film") as fake:
        replicate = Replicate(JsonApi(HttpClient(fake.base_url, allow_plain_http=True), API_KEY))
        task = replicate.submit(ORDER, callback_url="http://127.0.0.1:9/callback", timeout=10).task_id

        assert replicate.cancel(task)
        assert replicate.ask(task).failure is FailureCode.CANCELLED
