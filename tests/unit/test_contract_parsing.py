"""What requests may look like: every fault is named by its field, and nothing that isn't asked for gets through."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipferry.api import callback_request, parameters, requests
from clipferry.api.credentials import AuthRules
from clipferry.api.generate_body import GenerateVideo
from clipferry.errors import (
    ForbiddenError,
    InvalidRequestError,
    ModelRetiredError,
    UnauthorizedError,
    UnknownModelError,
)
from clipferry.models import Credential, VideoStatus
from clipferry.usecases.receive_callback import Callback
from tests.unit.field_faults import faults_of, fields_of
from tests.unit.video_requests import BODY, event, read_body

NO_SECRET = AuthRules(better_auth_secret=None, allowed_origins=("https://app.example.com",), plain_cookies=True)
SECRET = AuthRules(better_auth_secret="auth-secret", allowed_origins=("https://app.example.com",), plain_cookies=True)
ODD_TEXT = st.text(st.sampled_from("cf_abc.%0é =;,\x00\n\ud800") | st.characters())
ODD_COOKIE = st.builds("{}={}".format, st.just("better-auth.session_token") | ODD_TEXT, ODD_TEXT)


def faults(body: str | bytes | dict[str, Any], **changes: Any) -> list[tuple[str, str]]:
    return faults_of(lambda: read_body(body, **changes))


# The body of `generate`


def test_the_shortest_request_takes_the_models_defaults() -> None:
    request = read_body(BODY)

    assert (request.prompt, request.resolved.model.id, request.image_url) == ("A ferry at dusk", "seedance-2.0", None)
    assert request.parameters == {
        "duration": 5,
        "aspectRatio": "16:9",
        "quality": "720p",
        "mode": "text-to-video",
        "generateAudio": True,
    }
    assert request.resolved.credits == 30


def test_everything_may_be_chosen() -> None:
    request = read_body(
        BODY | {"duration": 10, "aspectRatio": "9:16", "quality": "1080p", "imageUrl": "https://example.com/a.png?b=c"}
    )

    assert request.parameters == {
        "duration": 10,
        "aspectRatio": "9:16",
        "quality": "1080p",
        "mode": "image-to-video",
        "generateAudio": True,
        "imageUrls": ["https://example.com/a.png?b=c"],
    }
    assert request.image_url == "https://example.com/a.png?b=c"
    assert request.resolved.credits == 120


def test_what_may_be_left_out_may_be_null() -> None:
    nothing = dict.fromkeys(("duration", "aspectRatio", "quality", "imageUrl"))

    assert read_body(BODY | nothing) == read_body(BODY)


@pytest.mark.parametrize("field", ["userId", "imageURL", "resolution", "n", "Prompt", "image_urls", "promt", ""])
def test_a_field_that_nobody_knows_is_refused(field: str) -> None:
    assert faults(BODY | {field: None}) == [(field or "body", "unknown_field")]


@pytest.mark.parametrize("prompt", ["x", "x" * 5000, "渡轮" * 2500, "\U0001f6a2" * 5000, " a ", "a\nb\t\x7f"])
def test_a_prompt_has_1_to_5000_characters_of_any_kind(prompt: str) -> None:
    assert read_body(BODY | {"prompt": prompt}).prompt == prompt


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        " ",
        "\n\t\r\u3000",
        "\u200b\u2060",
        "x" * 5001,
        "a\x00b",
        "\x00",
        None,
        1,
        1.5,
        True,
        ["a ferry"],
        {"text": "a ferry"},
    ],
)
def test_any_other_prompt_is_refused(prompt: object) -> None:
    assert [path for path, _ in faults(BODY | {"prompt": prompt})] == ["prompt"]


@pytest.mark.parametrize(
    "duration", [True, False, 5.5, 10.5, "10", "", [10], {}, 0, -5, 3601, 2**63, 10**400, 1e400, float("nan")]
)
def test_a_duration_is_a_whole_number_of_seconds_and_nothing_like_it(duration: object) -> None:
    assert [path for path, _ in faults(BODY | {"duration": duration})] in (["duration"], ["body"])


@pytest.mark.parametrize("field", ["aspectRatio", "quality", "imageUrl"])
@pytest.mark.parametrize("value", [1, True, 1.5, [], {}, "a\x00b", "x" * 3000])
def test_the_other_fields_are_short_text(field: str, value: object) -> None:
    assert [path for path, _ in faults(BODY | {field: value})] == [field]


def test_every_field_at_fault_is_named() -> None:
    body = {"prompt": "", "model": 5, "duration": "long", "aspectRatio": [], "quality": 1, "imageUrl": False}

    assert [path for path, _ in faults(body)] == list(body)


def test_every_fault_that_the_model_finds_is_named_with_those_of_the_url() -> None:
    body = BODY | {"duration": 7, "aspectRatio": "5:4", "quality": "8k", "imageUrl": "http://example.com/a.png"}

    assert [path for path, _ in faults(body)] == ["duration", "aspectRatio", "quality", "imageUrl"]


def test_what_is_missing_is_named() -> None:
    assert faults({}) == [("prompt", "missing"), ("model", "missing")]


def test_an_unknown_and_a_retired_model_are_told_apart() -> None:
    with pytest.raises(UnknownModelError):
        read_body(BODY | {"model": "sora-3"})
    with pytest.raises(ModelRetiredError):
        read_body(BODY | {"model": "sora-2"})


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "null",
        "true",
        "7",
        '"text"',
        "[]",
        '[{"prompt": "a", "model": "b"}]',
        "{",
        '{"prompt": "a", "model": "seedance-2.0"',
        '{"prompt": "a", "model": "seedance-2.0",}',
        '{"prompt": "a", "model": "seedance-2.0"} {}',
        "{'prompt': 'a', 'model': 'seedance-2.0'}",
        "prompt=a&model=seedance-2.0",
        "<html>",
        "\ufeff{}",
        '{"prompt": "\\ud800", "model": "seedance-2.0"}',
        '{"prompt": "\\udc00\\ud800", "model": "seedance-2.0"}',
        '{"prompt": "\ud800", "model": "seedance-2.0"}',
        '{"prompt": "a\nb", "model": "seedance-2.0"}',
        "[" * 100_000,
        '{"prompt": ' * 20_000,
        "1" * 10_000,
        b"\xff\xfe{}",
        b'{"prompt": "\xed\xa0\x80", "model": "seedance-2.0"}',
        b'{"prompt": "\xc3", "model": "seedance-2.0"}',
        b"\x00",
    ],
)
def test_what_is_no_json_object_is_refused_as_a_whole(body: str | bytes) -> None:
    assert [path for path, _ in faults(body)] == ["body"]


def test_a_missing_body_is_refused() -> None:
    with pytest.raises(InvalidRequestError):
        requests.parse_body(event(), GenerateVideo)
    with pytest.raises(InvalidRequestError):
        requests.parse_body(event(body=None), GenerateVideo)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert read_body('{"prompt": "\\ud83d\\udea2", "model": "seedance-2.0"}').prompt == "\U0001f6a2"


def test_a_body_may_come_as_base64() -> None:
    assert read_body(json.dumps(BODY | {"prompt": "渡轮"}, ensure_ascii=False).encode()).prompt == "渡轮"


@pytest.mark.parametrize("body", ["=", "a", "e30", "{}", "e30=\n", "e3 0=", "渡轮", "\ud800", "e30=" * 2])
def test_what_says_base64_and_is_not_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequestError):
        read_body(body, isBase64Encoded=True)


@pytest.mark.parametrize("encode", [str, str.encode])
def test_a_body_has_at_most_256_kib(encode: Any) -> None:
    text = json.dumps(BODY)
    padding = 256 * 1024 - len(text)

    assert read_body(encode(text + " " * padding)) == read_body(BODY)
    assert faults(encode(text + " " * (padding + 1))) == [("body", "too_long")]


def test_bytes_are_counted_and_not_characters() -> None:
    assert faults(json.dumps(BODY | {"padding": "渡" * 90_000}, ensure_ascii=False)) == [("body", "too_long")]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:8443/a.png?b=c#d",
        "HTTPS://EXAMPLE.COM/a.png",
        "https://xn--e1afmkfd.example/a.png",
        "https://example.com/" + "a" * (2048 - len("https://example.com/")),
    ],
)
def test_an_image_comes_from_an_https_url(url: str) -> None:
    assert read_body(BODY | {"imageUrl": url}).image_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.png",
        "http://localhost/a.png",
        "http://127.0.0.1:8787/a.png",
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "//example.com/a.png",
        "example.com/a.png",
        "https:",
        "https://",
        "https:///a.png",
        "https://[::1/a.png",
        "https://[not-an-address]/a.png",
        "https://exämple.com/a.png",
        "https://example.com/ä.png",
        "https://example.com/\u202e.png",
        "https://example.com/a\r\nX-Header: b",
        "https://example.com/a\tb",
        "https://example.com/a b.png",
        " https://example.com/a.png",
        "https://example.com/a.png ",
        "not a url",
    ],
)
def test_an_image_from_anywhere_else_is_refused(url: str) -> None:
    assert faults(BODY | {"imageUrl": url}) == [("imageUrl", "invalid_url")]


@pytest.mark.parametrize(("prompt", "message"), [("", "at least 1 character"), ("x" * 5001, "at most 5000 characters")])
def test_the_length_of_a_text_is_told_in_characters(prompt: str, message: str) -> None:
    assert message in fields_of(lambda: read_body(BODY | {"prompt": prompt}))[0]["message"]


def test_an_image_url_has_1_to_2048_characters() -> None:
    for url in ("", "https://example.com/" + "a" * 2048):
        assert [path for path, _ in faults(BODY | {"imageUrl": url})] == ["imageUrl"]


@pytest.mark.parametrize("url", ["http://localhost:8787/a.png", "http://127.0.0.1:8787/a.png"])
def test_local_development_may_take_images_from_loopback(url: str) -> None:
    assert read_body(BODY | {"imageUrl": url}, allow_loopback=True).image_url == url


@pytest.mark.parametrize(
    "url", ["http://example.com/a.png", "http://localhost.example.com/", "http://127.0.0.1.example.com/", "http://[/"]
)
def test_local_development_takes_plain_http_from_nowhere_else(url: str) -> None:
    assert faults_of(lambda: read_body(BODY | {"imageUrl": url}, allow_loopback=True)) == [("imageUrl", "invalid_url")]


# Headers


@pytest.mark.parametrize("key", ["k", "0" * 255, "8f14e45f-ceea-467f-9c3a-1f2b3c4d5e6f", "a b", "~!{}"])
def test_an_idempotency_key_is_printable_text(key: str) -> None:
    assert requests.idempotency_key(event(headers={"Idempotency-Key": key})) == key


@pytest.mark.parametrize("headers", [None, {}, {"idempotency-key": None}, {"x-idempotency-key": "k"}])
def test_an_idempotency_key_may_be_left_out(headers: dict[str, Any] | None) -> None:
    assert requests.idempotency_key(event(headers=headers)) is None


@pytest.mark.parametrize("key", ["", "k" * 256, "né", "a\x00b", "a\nb", "\x7f", "\ud800"])
def test_any_other_idempotency_key_is_refused(key: str) -> None:
    refused = event(headers={"idempotency-key": key})

    assert faults_of(lambda: requests.idempotency_key(refused)) == [("Idempotency-Key", "invalid")]


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
@pytest.mark.parametrize(
    "value", ["Bearer dev-session-token", "bearer dev-session-token", "BEARER  dev-session-token "]
)
def test_a_bearer_token_is_read_as_a_session_token(name: str, value: str) -> None:
    assert requests.credential(event(headers={name: value}), NO_SECRET) == Credential(session_token="dev-session-token")


def test_an_api_key_is_looked_up_by_its_hash() -> None:
    shown = requests.credential(event(headers={"authorization": "Bearer cf_0123456789"}), NO_SECRET)

    assert shown == Credential(key_sha256=hashlib.sha256(b"cf_0123456789").digest())


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer    ",
        "Basic dXNlcjpwdw==",
        "dev-session-token",
        "Bearer\tdev-session-token",
        "Bearerdev-session-token",
        "Token dev-session-token",
        "Bearer " + "x" * 513,
        "Bearer né",
        "Bearer a\x00b",
        "Bearer a\nb",
        "Bearer \x7f",
        "Bearer \ud800",
        "Bearer cf_\ud800",
    ],
)
def test_any_other_authorization_is_refused(value: str) -> None:
    with pytest.raises(UnauthorizedError):
        requests.credential(event(headers={"authorization": value}), NO_SECRET)


@pytest.mark.parametrize("headers", [None, {}, {"authorization": None}, {"x-authorization": "Bearer x"}])
def test_a_request_without_authorization_is_refused(headers: dict[str, Any] | None) -> None:
    with pytest.raises(UnauthorizedError):
        requests.credential(event(headers=headers), NO_SECRET)


@pytest.mark.parametrize("rules", [NO_SECRET, SECRET])
@given(authorization=st.none() | ODD_TEXT | ODD_TEXT.map("Bearer {}".format), cookies=st.lists(ODD_COOKIE, max_size=3))
def test_no_credential_is_too_odd_to_be_judged(rules: AuthRules, authorization: str | None, cookies: list[str]) -> None:
    try:
        shown = requests.credential(event(headers={"authorization": authorization}, cookies=cookies), rules)
    except (UnauthorizedError, ForbiddenError):
        return
    assert (shown.session_token is None) != (shown.key_sha256 is None)


# Queries and paths


@pytest.mark.parametrize(("text", "limit"), [(None, 20), ("1", 1), ("20", 20), ("100", 100), ("007", 7)])
def test_a_page_has_1_to_100_videos(text: str | None, limit: int) -> None:
    assert parameters.page_limit(text) == limit


@pytest.mark.parametrize(
    "text",
    ["", "0", "-1", "+1", "101", "1000", "9" * 5000, "1.0", "1e1", " 1", "1,2", "ten", "٣", "²", "\x00", "\ud800"],
)
def test_any_other_limit_is_refused(text: str) -> None:
    assert faults_of(lambda: parameters.page_limit(text)) == [("limit", "invalid")]


@pytest.mark.parametrize("status", [None, *VideoStatus])
def test_a_list_may_be_of_one_status(status: VideoStatus | None) -> None:
    assert parameters.status_filter(status) is status


@pytest.mark.parametrize("text", ["", "completed", "DONE", " PENDING", "PENDING,FAILED", "__class__", "\x00", "\ud800"])
def test_any_other_status_is_refused(text: str) -> None:
    assert faults_of(lambda: parameters.status_filter(text)) == [("status", "invalid")]


@pytest.mark.parametrize(
    "text", ["vid_abcdefghijklmnopqrstu", "8f14e45f-ceea-467f-9c3a-1f2b3c4d5e6f", "vid_-_-_-_a", "0", "a" * 64]
)
def test_a_video_is_named_by_letters_digits_and_dashes(text: str) -> None:
    assert parameters.video_uuid(text) == text


@pytest.mark.parametrize(
    "text", ["", "a" * 65, "vid_é", "a b", "a%20b", "a/b", "../a", "a\x00", "a\n", "'; --", "--", "\ud800", "٣"]
)
def test_what_cannot_be_a_video_becomes_the_id_that_no_video_has(text: str) -> None:
    assert parameters.video_uuid(text) == ""


# Callbacks


def ring(**changes: Any) -> Callback:
    return callback_request.read(event(**changes), "evolink")


def test_a_callback_is_handed_over_as_it_was_sent() -> None:
    callback = ring(
        queryStringParameters={"videoUuid": "vid_1", "ts": "12x", "sig": "AB"},
        headers={"X-Webhook-Timestamp": "1", "Empty": None},
        body=base64.b64encode(b"\xff{}").decode(),
        isBase64Encoded=True,
    )

    assert (callback.provider, callback.video_uuid, callback.timestamp, callback.signature) == (
        "evolink",
        "vid_1",
        "12x",
        "AB",
    )
    assert callback.headers == {"x-webhook-timestamp": "1"}
    assert callback.body == b"\xff{}"


def test_a_callback_without_its_signature_names_what_is_missing() -> None:
    nothing = [("videoUuid", "missing"), ("ts", "missing"), ("sig", "missing")]
    named = {"videoUuid": "vid_1", "ts": "", "sig": None}

    assert faults_of(lambda: ring(queryStringParameters=None)) == nothing
    assert faults_of(lambda: ring(queryStringParameters=named)) == nothing[1:]
