"""The routes under /v1 in the shape of OpenAI's SDKs: a video's words, pages, errors, and what an SDK may repeat."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from clipferry.api.sdk import errors
from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from tests import books, journeys
from tests.http_api import Answer, Api, Person

VIDEOS = "/v1/videos"
LONG_PROMPTS = """
insert into public.videos (uuid, user_id, prompt, model, parameters, status, credits_used, created_at, updated_at)
select 'vid_' || n, 'ann', repeat(chr(1), 30000), 'seedance-2.5', '{}', 'FAILED', 0, timezone('utc', now()),
       timezone('utc', now())
from generate_series(1, 60) n
"""
ORDER = {"prompt": "A ferry at dawn", "model": "seedance-2.0", "seconds": "5"}


@pytest.fixture
def paid(database: Database, ann: Person) -> Person:
    books.add_package(database, 1000)
    return ann


def ids(answer: Answer) -> list[str]:
    assert answer.payload["object"] == "list"
    assert answer.payload["first_id"] == (answer.payload["data"][0]["id"] if answer.payload["data"] else None)
    return [video["id"] for video in answer.payload["data"]]


@pytest.mark.parametrize(
    ("status", "word", "progress"),
    [
        (VideoStatus.PENDING, "queued", 0),
        (VideoStatus.GENERATING, "in_progress", 0),
        (VideoStatus.UPLOADING, "in_progress", 0),
        (VideoStatus.COMPLETED, "completed", 100),
        (VideoStatus.FAILED, "failed", 0),
    ],
)
def test_a_video_has_openais_words(
    api: Api, database: Database, paid: Person, status: VideoStatus, word: str, progress: int
) -> None:
    uuid = journeys.video_at(database, status)
    answer = api.call("GET", f"{VIDEOS}/{uuid}", headers=paid.by_key)
    video = answer.payload

    assert {name: video[name] for name in ("id", "object", "status", "progress", "creditsUsed")} == {
        "id": uuid, "object": "video", "status": word, "progress": progress, "creditsUsed": 10,
    }  # fmt: skip
    assert video["seconds"] == "5"
    assert isinstance(video["created_at"], int)
    assert (video["completed_at"] is None) == (status is not VideoStatus.COMPLETED)
    assert (video["error"] is not None) == (status is VideoStatus.FAILED)
    assert answer.headers["openai-poll-after-ms"] == "15000"


def test_a_failure_has_its_code_and_its_sentence(api: Api, database: Database, paid: Person) -> None:
    uuid = journeys.video_at(database, VideoStatus.FAILED)
    ours = api.call("GET", f"/api/v1/video/{uuid}/status", headers=paid.by_key).data

    error = api.call("GET", f"{VIDEOS}/{uuid}", headers=paid.by_key).payload["error"]
    assert error == {"code": ours["errorCode"], "message": ours["error"]}


def test_pages_follow_each_other_in_both_orders(api: Api, database: Database, paid: Person) -> None:
    newest = [journeys.video_at(database, VideoStatus.PENDING) for _ in range(5)][::-1]

    for order, expected in (("desc", newest), ("asc", newest[::-1]), ("", newest)):
        seen, after, more = [], "", True
        while more:
            page = api.call("GET", f"{VIDEOS}?limit=2&order={order}&after={after}", headers=paid.by_key)
            seen += ids(page)
            after, more = page.payload["last_id"], page.payload["has_more"]
        assert seen == expected


@pytest.mark.parametrize(
    ("path", "behind", "rows", "next_page"),
    [(VIDEOS, "after", "data", "last_id"), ("/api/v1/video/list", "cursor", "videos", "nextCursor")],
)
def test_no_page_is_larger_than_what_lambda_may_answer(
    api: Api, database: Database, paid: Person, path: str, behind: str, rows: str, next_page: str
) -> None:
    """Seedance takes prompts of 30,000 characters, and a control character takes seven bytes of Lambda's 6 MB."""
    books.execute(database, LONG_PROMPTS)
    seen, query = [], ""
    while True:
        payload = api.call("GET", f"{path}?limit=100{query}", headers=paid.by_key).payload
        assert len(json.dumps(json.dumps(payload, ensure_ascii=False), ensure_ascii=False).encode()) < 6 * 1024 * 1024
        page = payload.get("data", payload) if rows == "videos" else payload
        seen += [video["prompt"] for video in page[rows]]
        if not page.get("has_more", page.get("hasMore")):
            break
        query = f"&{behind}={page[next_page]}"

    assert seen == ["\x01" * 30_000] * 60


def test_a_page_begins_behind_a_video_that_is_deleted_meanwhile(api: Api, database: Database, paid: Person) -> None:
    oldest, middle, newest = (journeys.video_at(database, VideoStatus.FAILED) for _ in range(3))
    assert ids(api.call("GET", f"{VIDEOS}?limit=2", headers=paid.by_key)) == [newest, middle]
    gone = api.call("DELETE", f"{VIDEOS}/{middle}", headers=paid.by_key)

    assert gone.payload == {"id": middle, "object": "video.deleted", "deleted": True}
    assert ids(api.call("GET", f"{VIDEOS}?limit=2&after={middle}", headers=paid.by_key)) == [oldest]
    assert ids(api.call("GET", VIDEOS, headers=paid.by_key)) == [newest, oldest]


def test_nobody_pages_behind_anothers_video(api: Api, database: Database, paid: Person, bob: Person) -> None:
    anns = journeys.video_at(database, VideoStatus.PENDING)

    for after in (anns, "vid_unknown", "no%20id"):
        refused = api.call("GET", f"{VIDEOS}?after={after}", headers=bob.by_key)
        assert (refused.status, refused.payload["error"]["param"]) == (400, "after")


def test_the_content_is_where_the_redirect_leads(api: Api, database: Database, paid: Person) -> None:
    uuid = journeys.video_at(database, VideoStatus.COMPLETED)
    for name, ending in (("", "mp4"), ("?variant=thumbnail", "jpg")):
        books.execute(
            database,
            "update public.videos set video_url = 'https://cdn.example.com/a.mp4',"
            " thumbnail_url = 'https://cdn.example.com/a.jpg'",
        )
        answer = api.call("GET", f"{VIDEOS}/{uuid}/content{name}", headers=paid.by_key)
        assert (answer.status, answer.headers["location"]) == (302, f"https://cdn.example.com/a.{ending}")
    refused = api.call("GET", f"{VIDEOS}/{uuid}/content?variant=spritesheet", headers=paid.by_key)
    assert (refused.status, refused.payload["error"]["param"]) == (400, "variant")


def test_models_are_those_on_offer(api: Api, ann: Person) -> None:
    listed = api.call("GET", "/v1/models", headers=ann.by_key).payload
    ours = api.call("GET", "/api/v1/config/models").data

    assert listed["object"] == "list"
    assert [(model["id"], model["owned_by"]) for model in listed["data"]] == [
        (model["id"], model["provider"]) for model in ours
    ]
    assert api.call("HEAD", "/v1/models", headers=ann.by_key).status == 200


# Errors


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "kind", "code", "param"),
    [
        ("POST", VIDEOS, {**ORDER, "size": "1x1"}, 400, "invalid_request_error", "INVALID_REQUEST", "size"),
        ("POST", VIDEOS, {**ORDER, "model": "x"}, 400, "invalid_request_error", "MODEL_NOT_FOUND", "model"),
        ("POST", VIDEOS, ["no object"], 400, "invalid_request_error", "INVALID_REQUEST", "body"),
        ("POST", VIDEOS, ORDER, 402, "insufficient_quota", "INSUFFICIENT_CREDITS", None),
        ("GET", f"{VIDEOS}/vid_unknown", None, 404, "invalid_request_error", "VIDEO_NOT_FOUND", None),
        ("POST", f"{VIDEOS}/vid_unknown/remix", {}, 404, "invalid_request_error", "NOT_FOUND", None),
        ("POST", "/v1/chat/completions", {}, 404, "invalid_request_error", "NOT_FOUND", None),
        ("PUT", VIDEOS, {}, 405, "invalid_request_error", "METHOD_NOT_ALLOWED", None),
    ],
)
def test_an_error_has_openais_shape_and_our_code(
    api: Api, ann: Person, method: str, path: str, body: Any, status: int, kind: str, code: str, param: str | None
) -> None:
    refused = api.call(method, path, body, ann.by_key)
    error = refused.payload["error"]

    assert set(refused.payload) == {"error"}
    assert (refused.status, error["type"], error["code"], error["param"]) == (status, kind, code, param)
    assert error["message"]
    assert refused.headers["x-should-retry"] == "false"


def test_every_field_at_fault_is_named(api: Api, ann: Person) -> None:
    refused = api.call("POST", VIDEOS, {"prompt": "", "seconds": "x"}, ann.by_key)

    assert {fault["path"] for fault in refused.payload["error"]["details"]["fields"]} == {"prompt", "model", "seconds"}


def test_too_many_at_once_may_be_repeated_after_a_while(api: Api, database: Database, paid: Person) -> None:
    for _ in range(3):
        journeys.video_at(database, VideoStatus.PENDING)
    refused = api.call("POST", VIDEOS, ORDER, paid.by_key)

    assert (refused.status, refused.payload["error"]["type"]) == (429, "rate_limit_error")
    assert (refused.headers["x-should-retry"], refused.headers["retry-after"]) == ("true", "30")


@pytest.mark.parametrize(("method", "path"), [("POST", VIDEOS), ("GET", VIDEOS), ("GET", f"{VIDEOS}/vid_a")])
def test_an_unexpected_error_has_the_shape_too_and_nothing_is_repeated(
    api: Api, database: Database, paid: Person, method: str, path: str
) -> None:
    books.execute(database, "alter table public.session rename to session_away")
    try:
        unexpected = api.call(method, path, ORDER if method == "POST" else None, paid.by_key)
    finally:
        books.execute(database, "alter table public.session_away rename to session")
    assert (unexpected.status, unexpected.payload["error"]["type"]) == (500, "server_error")
    assert unexpected.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("status", "method", "has_key", "may"),
    [
        (503, "GET", False, True),
        (503, "DELETE", False, True),
        (503, "POST", False, False),  # nobody knows whether there is a video
        (503, "POST", True, True),
        (429, "POST", False, True),
        (502, "POST", True, False),  # it would be answered the same
    ],
)
def test_an_sdk_repeats_what_is_harmless(status: int, method: str, has_key: bool, may: bool) -> None:
    assert errors.may_repeat(status, method=method, has_key=has_key, retryable=True) is may
    assert not errors.may_repeat(status, method=method, has_key=has_key, retryable=False)


def test_a_refusal_by_the_provider_creates_a_failed_video_and_is_not_repeated(
    api: Api, database: Database, paid: Person
) -> None:
    refused = api.call("POST", VIDEOS, ORDER, {**paid.by_key, "idempotency-key": "once"})
    again = api.call("POST", VIDEOS, ORDER, {**paid.by_key, "idempotency-key": "once"})

    assert (refused.status, refused.payload["error"]["code"]) == (502, "PROVIDER_ERROR")
    assert refused.headers["x-should-retry"] == "false"
    assert again.payload == refused.payload
    assert again.headers["idempotent-replayed"] == "true"
    assert books.value(database, "select count(*) from public.videos") == 1
    other = api.call("POST", VIDEOS, {**ORDER, "seconds": "6"}, {**paid.by_key, "idempotency-key": "once"})
    assert (other.status, other.headers["x-should-retry"]) == (409, "false")


def test_a_write_with_a_cookie_has_to_be_json(api: Api, paid: Person) -> None:
    body = base64.b64encode(b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nx\r\n--b--\r\n').decode()
    refused = api.call(
        "POST",
        VIDEOS,
        {},
        {**paid.by_cookie, "content-type": "multipart/form-data; boundary=b"},
        event={"body": body, "isBase64Encoded": True},
    )

    assert (refused.status, refused.payload["error"]["code"]) == (403, "FORBIDDEN")
