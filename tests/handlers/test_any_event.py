"""No event, however odd, makes a handler raise or answer 500: the contract's envelope is all that anybody gets."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clipferry import callback_signature, runtime
from clipferry.settings import Settings
from functions.account.app import lambda_handler as account
from functions.create_video.app import lambda_handler as create_video
from functions.migrate.app import lambda_handler as migrate
from functions.mirror_video.app import lambda_handler as mirror_video
from functions.query_videos.app import lambda_handler as query_videos
from functions.receive_callback.app import lambda_handler as receive_callback
from local.lambda_runtime.events import http_event
from local.lambda_runtime.lambda_context import LambdaContext
from local.sam_template.environment import in_process

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

NOBODY = "http://127.0.0.1:9"
ENVIRONMENT = {
    "STAGE": "local",
    "ALLOW_LOOPBACK": "true",
    "STORAGE_ENDPOINT": NOBODY,
    "STORAGE_ACCESS_KEY": "access",
    "STORAGE_SECRET_KEY": "secret",
    "STORAGE_BUCKET": "videos",
    "CALLBACK_HMAC_SECRET": "callback-secret",
    "BETTER_AUTH_SECRET": "",
    "EVOLINK_API_KEY": "sk-evo-test",
    "EVOLINK_BASE_URL": NOBODY,
    "MIRROR_QUEUE_URL": f"{NOBODY}/123456789012/mirror",
    "AWS_ENDPOINT_URL_SQS": NOBODY,
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "access",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "RATE_LIMIT_PER_MINUTE": "1000000",
    "VIDEO_MAX_CONCURRENT": "1000000",
    "POWERTOOLS_METRICS_DISABLED": "true",
}
ROWS = """
insert into public."user" (id, email, "isAdmin") values ('ann', 'ann@example.com', true);
insert into public.session ("userId", token, "expiresAt") values ('ann', 'session-token', '2100-01-01');
insert into public.credit_packages (user_id, initial_credits, remaining_credits, trans_type, updated_at)
values ('ann', 1000000, 1000000, 'ORDER_PAY', '2026-01-01');
insert into public.videos (uuid, user_id, prompt, model, status, provider, external_task_id, updated_at)
values ('vid_done', 'ann', 'a', 'seedance-2.0', 'COMPLETED', 'evolink', 'task-1', '2026-01-01'),
       ('vid_failed', 'ann', 'a', 'seedance-2.0', 'FAILED', 'evolink', 'task-2', '2026-01-01'),
       ('vid_pending', 'ann', 'a', 'seedance-2.0', 'PENDING', 'evolink', null, '2026-01-01');
insert into clipferry.jobs (video_uuid, deadline, next_check_at)
values ('vid_pending', now() + interval '1 hour', now() + interval '1 hour');
"""
SDK = "/v1/videos"
KNOWN = ["vid_done", "vid_failed", "vid_pending", "vid_unknown"]
SIX_MEGABYTES = 6 * 1024 * 1024

bounded = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def environment(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in map(str.upper, Settings.model_fields):
        monkeypatch.delenv(name, raising=False)
    for name, value in (ENVIRONMENT | {"DATABASE_URL": database_url}).items():
        monkeypatch.setenv(name, value)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(ROWS)
    runtime.reset()
    yield
    runtime.reset()


def answer(handler: Handler, event: Any) -> tuple[int, dict[str, Any]]:
    """The status and the envelope, which is one whatever came in; for HEAD the envelope of a GET."""
    http = (event.get("requestContext") or {}).get("http", {}) if isinstance(event, dict) else {}
    if http.get("method") == "HEAD":
        get = {**event, "requestContext": {**event["requestContext"], "http": {**http, "method": "GET"}}}
        head = handler(event, LambdaContext(function_name="tested", timeout_seconds=29))
        status, envelope = answer(handler, get)
        assert (head["statusCode"], head["body"]) == (status, "")
        return status, envelope
    reply = handler(event, LambdaContext(function_name="tested", timeout_seconds=29))
    sent = json.loads(json.dumps(reply))
    status, body = sent["statusCode"], sent["body"]
    body.encode()
    envelope = json.loads(body)
    names = {name.lower(): value for name, value in sent["headers"].items()}
    assert names["content-type"] == "application/json"
    assert status in {200, 201, 202, 400, 401, 402, 403, 404, 405, 409, 410, 429, 502}, envelope
    if not _is_plain(event):
        assert envelope["success"] is (status < 300)
    if status >= 300:
        assert envelope["error"]["code"]
        assert envelope["error"]["message"]
    return status, envelope


def _is_plain(event: Any) -> bool:
    """Whether it came to a route under /v1, where there is no envelope."""
    return isinstance(event, dict) and str(event.get("rawPath", "")).startswith("/v1/")


# Events that API Gateway could send, and many that it couldn't

ODD = st.text(st.characters() | st.sampled_from("\x00\ud800\n\r\t%&=+;,'\"\\/é渡\U0001f6a2\u202e"), max_size=30)
NUMBERS = st.sampled_from(["0", "1", "-1", "20", "101", "1e9", "9" * 30, "NaN", "1.5", "007"])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
    max_leaves=6,
)
FIELDS = {
    "prompt": "A ferry",
    "model": "seedance-2.0",
    "duration": 5,
    "aspectRatio": "16:9",
    "quality": "480p",
    "imageUrl": "https://example.com/a.png",
    "userId": "ann",
    "credits": 5,
    "orderNo": "order-1",
    "seconds": "5",
    "size": "1280x720",
    "input_reference": {"image_url": "https://example.com/a.png"},
    "name": "server",
    "filename": "a.png",
    "contentType": "image/png",
    "id": "task-1",
    "status": "completed",
}


@st.composite
def objects(draw: st.DrawFn) -> dict[str, Any]:
    """A body that is right but for what hypothesis changes in it."""
    changed = draw(st.dictionaries(st.sampled_from(list(FIELDS)), JSON_VALUES, max_size=3))
    missing = draw(st.sets(st.sampled_from(list(FIELDS)), max_size=2))
    return {name: value for name, value in (FIELDS | changed).items() if name not in missing}


FORM_TYPE = "multipart/form-data; boundary=b"


def form(fields: dict[str, Any]) -> str:
    parts = [f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items()]
    return "".join(parts) + "--b--"


BODIES = st.one_of(
    objects().map(json.dumps),
    JSON_VALUES.map(json.dumps),
    ODD,
    st.binary(max_size=50).map(lambda data: base64.b64encode(data).decode()),
    st.sampled_from([None, "", "[" * 50_000, "x" * 300_000, '{"id": "\\u0000"}', '{"id": "\\ud800"}']),
)
HEADERS = st.none() | st.dictionaries(
    st.sampled_from(["authorization", "Authorization", "cookie", "content-type", "idempotency-key", "origin", "host"])
    | ODD,
    st.sampled_from(
        [
            "Bearer session-token",
            "Bearer cf_unknown",
            "Basic x",
            "application/json",
            "key-1",
            "text/plain",
            FORM_TYPE,
        ]
    )
    | ODD,
    max_size=5,
)
SIGNED_IN = HEADERS.map(
    lambda headers: (
        {name: value for name, value in (headers or {}).items() if name.lower() != "authorization"}
        | {"authorization": "Bearer session-token"}
    )
)
QUERIES = st.none() | st.dictionaries(
    st.sampled_from(
        [
            "limit",
            "cursor",
            "status",
            "offset",
            "type",
            "videoUuid",
            "ts",
            "sig",
            "after",
            "order",
            "variant",
            "download",
        ]
    )
    | ODD,
    st.none()
    | NUMBERS
    | ODD
    | st.sampled_from(["COMPLETED", "1,2", "vid_done"])
    | st.binary(max_size=30).map(lambda data: base64.urlsafe_b64encode(data).decode())
    | st.builds("{}.{}".format, NUMBERS | ODD, NUMBERS | ODD).map(
        lambda text: base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode()
    ),
    max_size=4,
)
FORM_HEADERS = {"authorization": "Bearer session-token", "content-type": FORM_TYPE}
REMOVABLE = ["version", "routeKey", "rawQueryString", "headers", "body", "isBase64Encoded", "cookies", "pathParameters"]


@st.composite
def events(
    draw: st.DrawFn,
    method: str,
    paths: st.SearchStrategy[str],
    *,
    headers: st.SearchStrategy[Any] = SIGNED_IN | HEADERS,
    queries: st.SearchStrategy[Any] = QUERIES,
    bodies: st.SearchStrategy[Any] = BODIES,
) -> dict[str, Any]:
    event = http_event(method, "/")
    path = draw(paths)
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event |= {
        "headers": draw(headers),
        "queryStringParameters": draw(queries),
        "body": draw(bodies),
        "isBase64Encoded": draw(st.booleans()),
        "cookies": draw(st.none() | st.lists(ODD | st.just("better-auth.session_token=session-token"), max_size=2)),
        "pathParameters": draw(
            st.none() | st.dictionaries(st.sampled_from(["uuid", "provider"]) | ODD, st.none() | ODD)
        ),
    }
    for name in draw(st.sets(st.sampled_from(REMOVABLE), max_size=2)):
        event.pop(name, None)
    return event


def under(prefix: str, suffix: str = "") -> st.SearchStrategy[str]:
    return (st.sampled_from(KNOWN) | ODD).map(lambda name: f"{prefix}{name}{suffix}")


def pages(*names: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f"/api/v1/{name}" for name in names])


SIGNATURES = st.fixed_dictionaries(
    {"videoUuid": st.sampled_from(KNOWN) | ODD, "ts": NUMBERS | ODD, "sig": st.just("0" * 64) | ODD}
)
JSON_BODIES = objects().map(json.dumps)
SDK_QUESTIONS = st.just(SDK) | under(f"{SDK}/") | under(f"{SDK}/", "/content") | under("/api/v1/video/", "/content")
QUESTIONS = pages("credit/balance", "credit/history", "user/me", "config/models", "key") | st.just("/v1/models")
ORDERS = pages("video/generate") | st.just(SDK)
EVENTS: dict[str, tuple[Handler, st.SearchStrategy[dict[str, Any]]]] = {
    "an order or a retry": (create_video, events("POST", ORDERS | under("/api/v1/video/", "/retry"))),
    "an order in JSON": (
        create_video,
        events("POST", ORDERS, headers=SIGNED_IN, bodies=JSON_BODIES).map(
            lambda event: event | {"isBase64Encoded": False}
        ),
    ),
    "an order in a form": (
        create_video,
        events("POST", st.just(SDK), headers=st.just(FORM_HEADERS), bodies=objects().map(form) | ODD),
    ),
    "a question of an SDK": (query_videos, events("GET", SDK_QUESTIONS)),
    "a question about a video": (
        query_videos,
        events("GET", pages("video/list", "health") | under("/api/v1/video/") | under("/api/v1/video/", "/status")),
    ),
    "a page": (query_videos, events("GET", pages("video/list") | st.just(SDK), headers=SIGNED_IN)),
    "a deletion": (query_videos, events("DELETE", under("/api/v1/video/") | under(f"{SDK}/"))),
    "a callback": (
        receive_callback,
        events(
            "POST",
            pages("video/callback/evolink") | under("/api/v1/video/callback/"),
            queries=SIGNATURES | QUERIES,
        ),
    ),
    "a question about the account": (account, events("GET", QUESTIONS)),
    "a key's deletion": (account, events("DELETE", under("/api/v1/key/"))),
    "a grant, an upload or a key": (
        account,
        events("POST", pages("credit/grant", "upload/presign", "key"), bodies=JSON_BODIES | BODIES),
    ),
}


@pytest.mark.parametrize("kind", EVENTS)
@bounded
@given(data=st.data())
def test_any_event_is_answered(kind: str, data: st.DataObject) -> None:
    handler, odd = EVENTS[kind]

    answer(handler, data.draw(odd))


@bounded
@given(
    handler=st.sampled_from([create_video, receive_callback, query_videos, account]),
    method=st.sampled_from(["HEAD", "OPTIONS", "PATCH", "get", "", "GET", "POST"]) | ODD,
    path=st.sampled_from(["", "/", "//", "/api/v1/video/list", "/api/v1/video/generate"]) | ODD,
)
def test_any_route_is_answered_by_every_handler(handler: Handler, method: str, path: str) -> None:
    event = http_event("GET", "/")
    event["requestContext"]["http"]["method"] = method
    event["rawPath"] = event["requestContext"]["http"]["path"] = path

    answer(handler, event)


# Callbacks that were signed by us: their bodies are still anybody's


def signed_callback(video_uuid: str, **changes: Any) -> dict[str, Any]:
    timestamp = str(int(datetime.now(UTC).timestamp() * 1000))
    query = {
        "videoUuid": video_uuid,
        "ts": timestamp,
        "sig": callback_signature.sign(video_uuid, timestamp, ENVIRONMENT["CALLBACK_HMAC_SECRET"]),
    }
    return http_event("POST", "/api/v1/video/callback/evolink", query=urlencode(query)) | changes


def received(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select count(*) from clipferry.callback_inbox where verdict is not null").fetchone()
    assert row is not None
    return row[0]


@bounded
@given(uuid=st.sampled_from(["vid_done", "vid_unknown"]), body=BODIES, encoded=st.booleans(), headers=HEADERS)
def test_any_body_is_taken_from_a_signed_callback(
    uuid: str, body: str | None, encoded: bool, headers: dict[str, Any] | None
) -> None:
    status, _ = answer(receive_callback, signed_callback(uuid, body=body, isBase64Encoded=encoded, headers=headers))

    assert status == 200 or (status == 400 and encoded)


@pytest.mark.parametrize("task_id", ["a\x00b", "half an emoji \ud83d", "x" * 100_000, "../..", "", "a\nb", "渡"])
def test_a_callback_whose_task_id_cannot_be_stored_or_asked_about_is_taken(database_url: str, task_id: str) -> None:
    event = signed_callback("vid_pending", body=json.dumps({"id": task_id, "status": "completed"}))

    assert answer(receive_callback, event)[0] == 200
    assert received(database_url) == 1


# Six megabytes, as much as Lambda hands over


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize(
    ("handler", "path"),
    [
        (create_video, "/api/v1/video/generate"),
        (create_video, SDK),
        (create_video, "/api/v1/video/vid_done/retry"),
        (receive_callback, "/api/v1/video/callback/evolink"),
        (query_videos, "/api/v1/video/generate"),
        (account, "/api/v1/credit/grant"),
        (account, "/api/v1/upload/presign"),
    ],
)
@pytest.mark.parametrize("content", [b'{"prompt": "', b"[", b"\x00", b"\xff"])
def test_six_megabytes_are_refused_in_words(handler: Handler, path: str, content: bytes, encoded: bool) -> None:
    data = (content * SIX_MEGABYTES)[: SIX_MEGABYTES * 3 // 4 if encoded else SIX_MEGABYTES]
    body = base64.b64encode(data).decode() if encoded else data.decode("latin-1")
    event = http_event("POST", path, headers={"authorization": "Bearer session-token"})

    status, _ = answer(handler, event | {"body": body, "isBase64Encoded": encoded})

    assert 400 <= status < 500


@pytest.mark.parametrize("content", [b"{", b"\xff"])
def test_six_megabytes_from_a_provider_are_a_knock_too(database_url: str, content: bytes) -> None:
    body = base64.b64encode(content * (SIX_MEGABYTES * 3 // 4)).decode()

    status, _ = answer(receive_callback, signed_callback("vid_pending", body=body, isBase64Encoded=True))

    assert status == 200
    assert received(database_url) == 1


@pytest.mark.parametrize("handler", [create_video, receive_callback, query_videos, account])
def test_a_header_without_a_value_is_no_header(handler: Handler) -> None:
    headers = {"accept-encoding": None, "authorization": None, "x-anything": None}

    assert answer(handler, http_event("GET", "/api/v1/nothing") | {"headers": headers})[0] == 404


CONSOLE = [
    {},
    {"key1": "value1", "key2": "value2", "key3": "value3"},
    {"Records": [{"eventSource": "aws:s3", "s3": {}}]},
    {"httpMethod": "GET", "path": "/api/v1/health", "requestContext": {"httpMethod": "GET"}},
    {"requestContext": None},
    {"Records": None},
    [],
    "text",
    None,
]
"""Test events of Lambda's console, by their templates, and what else JSON may be."""


@pytest.mark.parametrize("handler", [create_video, receive_callback, query_videos, account])
@pytest.mark.parametrize("event", CONSOLE, ids=str)
def test_event_of_the_console_is_answered_with_a_sentence(handler: Handler, event: Any) -> None:
    status, envelope = answer(handler, event)

    assert status == 400
    assert "takes HTTP requests" in envelope["error"]["details"]["fields"][0]["message"]


@pytest.mark.parametrize("event", CONSOLE, ids=str)
def test_event_that_is_no_batch_is_answered_with_a_sentence(event: Any) -> None:
    answered = mirror_video(event, LambdaContext(function_name="tested", timeout_seconds=29))

    assert "takes messages as SQS sends them" in answered["message"]


def test_event_that_does_not_ask_for_a_migration_starts_none() -> None:
    with in_process({"DATABASE_URL": "postgresql://nobody:x@127.0.0.1:9/nothing"}):
        for event in ({"key1": "value1"}, {"dryrun": True}, {"dryRun": True, "key1": "value1"}):
            answered = migrate(event, LambdaContext(function_name="tested", timeout_seconds=29))
            assert answered["message"].startswith("nothing was done")


@pytest.mark.parametrize(
    ("handler", "path", "headers"),
    [
        (query_videos, "/api/v1/health", {}),
        (query_videos, "/api/v1/video/list", {"authorization": "Bearer session-token"}),
        (query_videos, "/api/v1/video/list", {}),
        (query_videos, "/api/v1/video/generate", {}),
        (account, "/api/v1/openapi.json", {}),
    ],
)
def test_head_has_the_headers_of_get_and_no_body(handler: Handler, path: str, headers: dict[str, str]) -> None:
    get, head = (
        handler(http_event(method, path, headers=headers), LambdaContext(function_name="tested", timeout_seconds=29))
        for method in ("GET", "HEAD")
    )

    assert get["body"]
    assert head == {**get, "body": ""}


def test_head_is_among_the_methods_that_an_address_takes() -> None:
    context = LambdaContext(function_name="tested", timeout_seconds=29)
    refused = query_videos(http_event("PUT", "/api/v1/video/list"), context)

    assert (refused["statusCode"], refused["headers"]["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("handler", [create_video, receive_callback, query_videos, account])
def test_an_unknown_route_is_not_found(handler: Handler, method: str) -> None:
    status, envelope = answer(handler, http_event(method, f"/api/v1/nothing/{quote('渡轮')}"))

    assert (status, envelope["error"]["code"]) == (404, "NOT_FOUND")


def test_a_preflight_of_an_address_that_exists_is_no_error() -> None:
    """`$default` takes it; a browser wants any 2xx, and API Gateway adds what CORS asks for."""
    answered = query_videos(
        http_event("OPTIONS", "/api/v1/video/generate"), LambdaContext(function_name="tested", timeout_seconds=29)
    )

    assert (answered["statusCode"], answered["body"]) == (204, None)
    assert answered["headers"]["Allow"] == "POST"
