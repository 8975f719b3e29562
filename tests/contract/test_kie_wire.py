"""KIE's adapter for the market's jobs against KIE's documented answers, over a real socket.

The samples have the shapes of KIE's own pages: the models' pages (`submit_*`, `error_*`), "Get task details" (`task_*`,
`error_422_no_record`), the models' callback examples (`callback_*`; `_older` is a page of 2025) and "Webhook
verification" (`callback_signed`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipferry.errors import (
    InvalidSignatureError,
    ProviderError,
    ProviderRefusedError,
)
from clipferry.providers import kie_jobs, kie_veo
from clipferry.providers.kie import Kie
from clipferry.verdicts import FailureCode, TaskState
from tests.contract.adapters import CALLBACK_URL, submit
from tests.orders import PROMPT, order
from tests.provider_answers import API_KEY, HTML, ScriptedApi, sample, storable

TASK = "task_bytedance_1765186743319"
FILE = "https://file.aiquickdraw.com/kie/4x3rx6ny.mp4"
KEY, SIGNED_TASK, SIGNED_AT = "test-key", "ee9c2715375b7837f8bb51d641ff5863", 1769670760
SIGNATURE = "kaRdMyPIATX8gQVYxP8Mn46UnMuqft8BZvnk1FLpda4="


@pytest.fixture
def kie(server: ScriptedApi) -> Kie:
    return Kie(server.api)


def envelope(data: dict[str, Any]) -> bytes:
    return json.dumps({"code": 200, "msg": "success", "data": data}).encode()


# What is sent


def test_an_order_is_sent_with_the_models_own_parameters(server: ScriptedApi, kie: Kie) -> None:
    server.answers(200, sample("kie/submit_accepted"))
    names = {
        "aspect_ratio": "$aspect_ratio",
        "resolution": "$quality",
        "duration": "$duration",
        "generate_audio": False,
    }

    submission = submit(kie, order(model="bytedance/seedance-2", input=names))

    assert (submission.task_id, submission.estimated_seconds) == (TASK, None)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/v1/jobs/createTask")
    assert request.headers["Authorization"] == f"Bearer {API_KEY}"
    assert server.bodies == [
        {
            "model": "bytedance/seedance-2",
            "callBackUrl": CALLBACK_URL,
            "input": {
                "prompt": PROMPT,
                "aspect_ratio": "16:9",
                "resolution": "720p",
                "duration": 5,
                "generate_audio": False,
            },
        }
    ]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"first_frame_url": "$image_url"}, {"first_frame_url": "https://a/1.png"}),
        ({"image_urls": ["$image_url", "https://a/2.png"]}, {"image_urls": ["https://a/1.png", "https://a/2.png"]}),
        ({"duration": "$duration_text", "mode": "std"}, {"duration": "5", "mode": "std"}),
        ({"price": "US$5", "flag": False, "none": 0}, {"price": "US$5", "flag": False, "none": 0}),
        ({"prompt": "$prompt"}, {}),
    ],
)
def test_the_catalogues_parameters_are_filled_in(
    server: ScriptedApi, kie: Kie, given: dict[str, Any], sent: dict[str, Any]
) -> None:
    server.answers(200, sample("kie/submit_accepted"))

    submit(kie, order(input=given, image_url="https://a/1.png"))

    assert server.bodies[0]["input"] == {"prompt": PROMPT, **sent}


def test_what_an_order_does_not_have_is_left_out(server: ScriptedApi, kie: Kie) -> None:
    server.answers(200, sample("kie/submit_accepted"))

    kie.submit(
        order(quality=None, input={"a": "$image_url", "b": ["$image_url"], "c": "$quality"}),
        callback_url="u",
        timeout=9,
    )

    assert server.bodies[0]["input"].keys() == {"prompt"}


def test_an_unknown_placeholder_is_refused_before_anything_is_sent(server: ScriptedApi, kie: Kie) -> None:
    with pytest.raises(ProviderRefusedError, match=r"\$durration"):
        submit(kie, order(input={"duration": "$durration"}))

    assert server.requests == []


# Refused, or nobody knows


@pytest.mark.parametrize(
    "body", [b'{"code":"200","msg":"ok","data":{"task_id":"t1"}}', b'{"code":200,"data":{"taskId":"t1"}}']
)
def test_codes_may_be_text_and_ids_may_be_spelled_otherwise(server: ScriptedApi, kie: Kie, body: bytes) -> None:
    server.answers(200, body)

    assert submit(kie, order()).task_id == "t1"


# What became of a task


@pytest.mark.parametrize(
    "result",
    [
        {"resultUrls": [FILE]},
        {"resultUrls": FILE},
        {"resultUrls": f'["{FILE}"]'},
        {"resultUrls": f"[{FILE}, https://b/2.mp4]"},
        {"resultUrls": [None, 7, "", "ftp://a/1.mp4", "https://a/\x00.mp4", FILE]},
    ],
)
def test_the_first_result_that_is_a_url_is_the_file(server: ScriptedApi, kie: Kie, result: dict[str, Any]) -> None:
    server.answers(200, envelope({"state": "success", "resultJson": json.dumps(result)}))

    assert kie.ask(TASK).video_url == FILE


@pytest.mark.parametrize(
    "urls",
    [
        '["https://a.example/w_9,h_16/1.mp4?a=1\\u00262", "https://a.example/2.mp4"]',
        "https://a.example/w_9,h_16/1.mp4?a=1&2",
        "[https://a.example/w_9,h_16/1.mp4?a=1&2,https://a.example/2.mp4]",
        "['https://a.example/w_9,h_16/1.mp4?a=1&2', 'https://a.example/2.mp4']",
    ],
)
def test_a_url_in_a_text_is_read_whole(server: ScriptedApi, kie: Kie, urls: str) -> None:
    server.answers(200, envelope({"state": "success", "resultJson": json.dumps({"resultUrls": urls})}))

    assert kie.ask(TASK).video_url == "https://a.example/w_9,h_16/1.mp4?a=1&2"


def test_a_file_whose_name_is_not_ascii_is_encoded(server: ScriptedApi, kie: Kie) -> None:
    result = {"resultUrls": ["https://a.example/渡轮.mp4?a=1%20&b"]}
    server.answers(200, envelope({"state": "success", "resultJson": json.dumps(result)}))

    assert kie.ask(TASK).video_url == "https://a.example/%E6%B8%A1%E8%BD%AE.mp4?a=1%20&b"


@pytest.mark.parametrize("state", ["cancelled", "canceled"])
def test_a_cancelled_task_has_failed(server: ScriptedApi, kie: Kie, state: str) -> None:
    server.answers(200, envelope({"state": state}))

    assert kie.ask(TASK).state is TaskState.FAILED


def test_a_generation_that_failed_may_be_the_whole_answer(server: ScriptedApi, kie: Kie) -> None:
    server.answers(200, sample("kie/error_501"))

    report = kie.ask(TASK)

    assert (report.state, report.failure) == (TaskState.FAILED, FailureCode.PROVIDER_FAILED)


# Queries are repeated, orders are not


def test_a_query_is_repeated_after_the_time_in_retry_after(server: ScriptedApi, kie: Kie) -> None:
    server.answers(429, sample("kie/error_429"), retry_after="1")
    server.answers(200, sample("kie/task_success"))

    assert kie.ask(TASK).state is TaskState.SUCCEEDED
    assert server.naps == [1.0]


@pytest.mark.parametrize("retry_after", ["60", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_query_is_not_repeated_if_retry_after_is_too_long(server: ScriptedApi, kie: Kie, retry_after: str) -> None:
    server.answers(503, HTML, retry_after=retry_after)

    with pytest.raises(ProviderError):
        kie.ask(TASK)
    assert (len(server.requests), server.naps) == (1, [])


@pytest.mark.parametrize("retry_after", ["", "soon", "-1", "1e9", "Fri, 31 Dec 1999 23:59:59 GMT", "9" * 100])
def test_an_invalid_retry_after_means_a_short_pause(server: ScriptedApi, kie: Kie, retry_after: str) -> None:
    server.answers(503, HTML, retry_after=retry_after)
    server.answers(200, sample("kie/task_success"))

    kie.ask(TASK)

    assert [0.1 <= nap <= 0.4 for nap in server.naps] == [True]


def test_a_429_without_retry_after_is_not_repeated(server: ScriptedApi, kie: Kie) -> None:
    server.answers(429, sample("kie/error_429"))

    with pytest.raises(ProviderError):
        kie.ask(TASK)
    assert len(server.requests) == 1


@pytest.mark.parametrize("retry_after", ["0", "1"])
def test_an_order_is_sent_once_whatever_retry_after_says(server: ScriptedApi, kie: Kie, retry_after: str) -> None:
    server.answers(429, sample("kie/error_429"), retry_after=retry_after)

    with pytest.raises(ProviderRefusedError):
        submit(kie, order())

    assert (len(server.requests), server.naps) == (1, [])


# Callbacks


def test_the_body_of_a_callback_is_not_trusted(kie: Kie) -> None:
    assert Kie(kie._api, webhook_key=KEY).read_report(sample("kie/callback_success")) is None


@pytest.mark.parametrize(
    ("body", "task_id"),
    [
        ({"data": {"taskId": "a", "task_id": "b"}, "taskId": "c"}, "a"),
        ({"data": {"task_id": "b"}, "taskId": "c"}, "b"),
        ({"data": {"taskId": None}, "taskId": "c"}, "c"),
        ({"data": "x", "taskId": "c"}, "c"),
        ({"task_id": "d"}, "d"),
        ({"data": {"taskId": 7}}, None),
        ({"data": {"taskId": "x" * 500}}, None),
        ({"data": {"taskId": "nul \x00"}}, None),
        ({"data": {"taskId": "half \ud83d"}}, None),
        ({}, None),
    ],
)
def test_a_task_id_is_found_wherever_kie_puts_it(kie: Kie, body: dict[str, Any], task_id: str | None) -> None:
    assert kie.read_hint(json.dumps(body).encode()).task_id == task_id


@pytest.mark.parametrize(
    "param", [None, 7, "", "{", "[]", '"text"', {"callBackUrl": 7}, '{"callBackUrl": null}', "[" * 50_000]
)
def test_an_echo_that_cannot_be_read_claims_nothing(kie: Kie, param: object) -> None:
    hint = kie.read_hint(json.dumps({"data": {"taskId": TASK, "param": param}}).encode())

    assert (hint.task_id, hint.echoed_url) == (TASK, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
NAMES = ["state", "resultJson", "failCode", "failMsg", "successFlag", "response", "resultUrls", "errorCode"]


@given(record=st.dictionaries(st.sampled_from(NAMES), JSON | st.sampled_from(["success", "fail", 1, 2, "1"])))
def test_any_record_gives_a_report_that_can_be_stored_or_a_provider_error(record: dict[str, Any]) -> None:
    for endpoint in (kie_jobs, kie_veo):
        try:
            report = endpoint.report(record)
        except ProviderError:
            continue
        assert storable(report.detail)
        assert storable(report.video_url)


# The signature


def signed_callback(**changes: str) -> tuple[dict[str, str], bytes]:
    headers = {"x-webhook-timestamp": str(SIGNED_AT), "x-webhook-signature": SIGNATURE} | changes
    return headers, sample("kie/callback_signed")


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(SIGNED_AT + seconds, UTC)


@pytest.mark.parametrize("seconds", [-300, 0, 299, 300])
def test_kies_own_signature_is_accepted_for_five_minutes_either_way(kie: Kie, seconds: int) -> None:
    headers, body = signed_callback()

    Kie(kie._api, webhook_key=KEY).authenticate(headers, body, now=at(seconds))


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_a_signature_from_the_past_or_the_future_is_refused(kie: Kie, seconds: int) -> None:
    headers, body = signed_callback()

    with pytest.raises(InvalidSignatureError):
        Kie(kie._api, webhook_key=KEY).authenticate(headers, body, now=at(seconds))


def test_the_tolerance_is_a_setting(kie: Kie) -> None:
    headers, body = signed_callback()

    Kie(kie._api, webhook_key=KEY, tolerance_seconds=900).authenticate(headers, body, now=at(899))


def test_without_a_key_the_signature_is_not_checked(kie: Kie) -> None:
    kie.authenticate({}, b"anything", now=at(0))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, None),
        ({"x-webhook-timestamp": str(SIGNED_AT)}, None),
        ({"x-webhook-signature": SIGNATURE}, None),
        ({"x-webhook-timestamp": "", "x-webhook-signature": ""}, None),
        ({"x-webhook-timestamp": str(SIGNED_AT + 1), "x-webhook-signature": SIGNATURE}, None),
        ({"x-webhook-timestamp": f"{SIGNED_AT}.0", "x-webhook-signature": SIGNATURE}, None),
        ({"x-webhook-timestamp": str(SIGNED_AT), "x-webhook-signature": SIGNATURE.lower()}, None),
        ({"x-webhook-timestamp": str(SIGNED_AT), "x-webhook-signature": SIGNATURE.rstrip("=")}, None),
        ({"x-webhook-timestamp": str(SIGNED_AT), "x-webhook-signature": f"{SIGNATURE} "}, None),
        ({"x-webhook-timestamp": str(SIGNED_AT), "x-webhook-signature": "é" * 44}, None),
        ({"x-webhook-timestamp": str(SIGNED_AT), "x-webhook-signature": "\ud83d"}, None),
        ({"x-webhook-timestamp": "9" * 400, "x-webhook-signature": SIGNATURE}, None),
        ({"x-webhook-timestamp": str(SIGNED_AT), "x-webhook-signature": SIGNATURE}, b"{}"),
        ({"x-webhook-timestamp": str(SIGNED_AT), "x-webhook-signature": SIGNATURE}, b"not json"),
        ({"x-webhook-timestamp": str(SIGNED_AT), "x-webhook-signature": SIGNATURE}, b'{"taskId": "another"}'),
    ],
)
def test_whatever_is_malformed_is_an_invalid_signature(kie: Kie, headers: dict[str, str], body: bytes | None) -> None:
    with pytest.raises(InvalidSignatureError):
        Kie(kie._api, webhook_key=KEY).authenticate(
            headers, sample("kie/callback_signed") if body is None else body, now=at(0)
        )


@pytest.mark.parametrize("timestamp", ["1769670760.5", "soon", "-1", "9" * 12, "١٧٦٩٦٧٠٧٦٠", ""])
def test_a_timestamp_has_to_be_seconds_even_when_it_is_signed(kie: Kie, timestamp: str) -> None:
    digest = hmac.new(KEY.encode(), f"{SIGNED_TASK}.{timestamp}".encode(), hashlib.sha256).digest()
    headers = {"x-webhook-timestamp": timestamp, "x-webhook-signature": base64.b64encode(digest).decode()}

    with pytest.raises(InvalidSignatureError):
        Kie(kie._api, webhook_key=KEY).authenticate(headers, sample("kie/callback_signed"), now=at(0))
