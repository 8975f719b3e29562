"""A callback that is turned away is counted by whose it claims to be and by why: a clock is no thief."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from clipferry import callback_signature, runtime
from local.sam_template.environment import in_process
from tests.http_api import Api, environment
from tests.log_lines import captured, events, metrics

SECRET = "the secret of the callbacks"


@pytest.fixture
def api(database_url: str) -> Iterator[Api]:
    with in_process({**environment(database_url), "KIE_API_KEY": "kie-key", "KIE_WEBHOOK_HMAC_KEY": "kie-hmac-key"}):
        runtime.reset()
        yield Api()
        runtime.reset()


def path(provider: str, *, secret: str = SECRET, age: timedelta = timedelta()) -> str:
    base = "https://api.example.com/api/v1/video/callback"
    moment = runtime.now() - age
    url = callback_signature.callback_url(base, provider=provider, video_uuid="vid_1", secret=secret, now=moment)
    return urlsplit(url).path + "?" + urlsplit(url).query


@pytest.mark.parametrize(
    ("provider", "secret", "age", "headers", "status", "reason"),
    [
        ("evolink", "another secret", timedelta(), {}, 401, "signature"),
        ("evolink", "another secret", timedelta(days=2), {}, 401, "signature"),
        ("evolink", SECRET, timedelta(days=2), {}, 401, "expired"),
        ("evolink", SECRET, -timedelta(minutes=10), {}, 401, "expired"),
        ("kie", SECRET, timedelta(), {}, 401, "provider_signature"),
        (
            "kie",
            SECRET,
            timedelta(),
            {"x-webhook-timestamp": "1", "x-webhook-signature": "x"},
            401,
            "provider_signature",
        ),
        ("nobody", SECRET, timedelta(), {}, 400, "unknown_provider"),
    ],
)
def test_a_rejected_callback_is_counted_with_its_reason(
    provider: str, secret: str, age: timedelta, headers: dict[str, str], status: int, reason: str, api: Api
) -> None:
    target = path(provider, secret=secret, age=age)
    with captured() as log:
        answer = api.call("POST", target, {"taskId": "t", "data": {"taskId": "t"}}, headers)
    assert answer.status == status
    named = provider if provider != "nobody" else "none"
    assert metrics(log()) == [("CallbacksRejected", 1, {"provider": named, "reason": reason})]
    assert {line["video_uuid"] for line in events(log())} == {"vid_1"}
    assert target.partition("sig=")[2] not in log()


def test_an_accepted_callback_is_not_counted(api: Api) -> None:
    with captured() as log:
        assert api.call("POST", path("evolink"), {"id": "t"}).status == 200
    assert metrics(log()) == []


def test_a_very_long_made_up_uuid_is_not_logged(api: Api) -> None:
    made_up = "v" * 5000
    with captured() as log:
        target = f"/api/v1/video/callback/evolink?videoUuid={made_up}&ts=1&sig={'0' * 64}"
        assert api.call("POST", target, {}).status in (400, 401)
    assert made_up[:100] not in json.dumps(events(log()))
