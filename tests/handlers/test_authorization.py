"""Nobody sees, lists, changes or guesses anything of anybody else's, by session, by API key or by cookie."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clipferry.api.sdk.errors import shape
from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from clipferry.usecases.manage_keys import list_keys, revoke_key
from local.sam_template.read import read_template
from tests import books, journeys
from tests.http_api import COOKIE, ORIGIN, Answer, Api, Person, person, signed

ORDER = {"prompt": "A ferry at dawn", "model": "seedance-2.0", "duration": 5}
GRANT = {"userId": "ann", "credits": 5, "orderNo": "order-1"}
PRESIGN = {"filename": "a.png", "contentType": "image/png"}
UNKNOWN = "vid_V1StGXR8_Z5jdHi6B-myT"
KINDS = ["by_session", "by_key", "by_cookie"]

OF_A_VIDEO = [
    ("GET", "/api/v1/video/{uuid}"),
    ("GET", "/api/v1/video/{uuid}/status"),
    ("GET", "/api/v1/video/{uuid}/content"),
    ("GET", "/v1/videos/{uuid}"),
    ("DELETE", "/v1/videos/{uuid}"),
    ("GET", "/v1/videos/{uuid}/content"),
    ("DELETE", "/api/v1/video/{uuid}"),
    ("POST", "/api/v1/video/{uuid}/retry"),
    ("POST", "/api/v1/video/{uuid}/cancel"),
]
OF_A_USER: list[tuple[str, str, Any]] = [
    ("GET", "/api/v1/video/list", None),
    ("GET", "/api/v1/credit/balance", None),
    ("GET", "/api/v1/credit/history", None),
    ("GET", "/api/v1/user/me", None),
    ("GET", "/api/v1/webhook/secret", None),
    ("POST", "/api/v1/video/generate", ORDER),
    ("POST", "/api/v1/credit/grant", GRANT),
    ("POST", "/api/v1/upload/presign", PRESIGN),
    ("GET", "/v1/videos", None),
    ("POST", "/v1/videos", {"prompt": "A ferry at dawn", "model": "seedance-2.0"}),
    ("GET", "/v1/models", None),
]
OF_A_SESSION: list[tuple[str, str, Any]] = [
    ("GET", "/api/v1/key", None),
    ("POST", "/api/v1/key", {"name": "server"}),
    ("DELETE", "/api/v1/key/{id}", None),
]
PUBLIC = {
    "GET /api/v1/config/models",
    "GET /api/v1/health",
    "GET /api/v1/openapi.json",
    "GET /api/v1/video/events",
    "POST /api/v1/video/callback/{provider}",
    "$default",
}
NOT_UNDERSTOOD: list[tuple[str, str, Any]] = [
    ("POST", "/api/v1/video/generate", {}),
    ("POST", "/api/v1/video/generate", ["no object"]),
    ("POST", "/api/v1/video/generate", {**ORDER, "model": "nothing"}),
    ("POST", "/api/v1/video/generate", {**ORDER, "duration": 3600}),
    ("POST", "/api/v1/video/generate", ORDER),  # with an Idempotency-Key that is none
    ("POST", "/api/v1/upload/presign", {}),
    ("POST", "/api/v1/credit/grant", {"userId": 5}),
    ("POST", "/v1/videos", {"prompt": "A ferry", "model": "seedance-2.0", "size": "1x1"}),
    ("POST", "/v1/videos", {"prompt": "A ferry", "model": "seedance-2.0", "input_reference": "data:,"}),
    ("GET", "/v1/videos?after=none", None),
    ("GET", "/v1/videos?order=up", None),
    ("GET", "/v1/videos/not%20an%20id/content", None),
    ("POST", "/api/v1/key", {"name": ""}),
    ("DELETE", "/api/v1/key/seven", None),
    ("GET", "/api/v1/video/list?limit=many", None),
    ("GET", "/api/v1/video/list?cursor=none", None),
    ("GET", "/api/v1/video/list?status=LOST", None),
    ("GET", "/api/v1/video/list?metadata=x", None),
    ("GET", "/api/v1/credit/history?type=NOTHING", None),
    ("GET", "/api/v1/video/not%20an%20id", None),
    ("GET", "/api/v1/video/not%20an%20id/status", None),
    ("GET", f"/api/v1/video/{UNKNOWN}/content?variant=spritesheet", None),
    ("GET", f"/api/v1/video/{UNKNOWN}/content?download=yes", None),
    ("DELETE", "/api/v1/video/not%20an%20id", None),
    ("POST", "/api/v1/video/not%20an%20id/retry", None),
    ("POST", "/api/v1/video/not%20an%20id/cancel", None),
]
"""Requests that nobody could answer, whoever sends them."""
EVERY = [*OF_A_USER, *OF_A_SESSION, *((method, path.format(uuid=UNKNOWN), None) for method, path in OF_A_VIDEO)]

SIGN_IN_ERROR = {"code": "UNAUTHORIZED", "message": "Please sign in."}
SIGN_IN = {"success": False, "error": SIGN_IN_ERROR}
FORBIDDEN = {"success": False, "error": {"code": "FORBIDDEN", "message": "You may not do this."}}


def by_path(route: object) -> str | None:
    return " ".join(map(str, route[:2])) if isinstance(route, tuple) else None


def sign_in(path: str) -> dict[str, Any]:
    """What whoever isn't signed in is told there."""
    return shape(401, SIGN_IN_ERROR) if path.startswith("/v1/") else SIGN_IN


def shown(answer: Answer) -> tuple[int, dict[str, str], dict[str, Any]]:
    """All that a caller can tell one answer from another by."""
    return answer.status, answer.headers, answer.payload


def test_these_are_all_the_routes() -> None:
    private = {f"{method} {path}" for method, path, *_ in (*OF_A_VIDEO, *OF_A_USER, *OF_A_SESSION)}

    assert {route.key for route in read_template().routes if route.method != "HEAD"} == private | PUBLIC


# One's own, and nobody else's


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", OF_A_VIDEO, ids=by_path)
def test_anothers_video_looks_like_one_that_does_not_exist_and_stays_as_it_is(
    api: Api, database: Database, ann: Person, bob: Person, route: tuple[str, str], kind: str
) -> None:
    method, path = route
    books.add_package(database, 50, user_id="ann")
    videos = [journeys.video_at(database, status, user_id="ann") for status in VideoStatus]
    before = books.everything(database)
    unknown = api.call(method, path.format(uuid=UNKNOWN), headers=getattr(bob, kind))
    assert (unknown.status, unknown.code) == (404, "VIDEO_NOT_FOUND")

    for uuid in videos:
        assert shown(api.call(method, path.format(uuid=uuid), headers=getattr(bob, kind))) == shown(unknown)
    assert books.everything(database) == before


@pytest.mark.parametrize("kind", KINDS)
def test_an_admin_sees_no_more_videos_than_anybody(api: Api, database: Database, ann: Person, kind: str) -> None:
    books.add_package(database, 10, user_id="ann")
    uuid = journeys.video_at(database, VideoStatus.COMPLETED, user_id="ann")
    root = person(database, "root", is_admin=True, key_is_admin=True)

    for method, path in OF_A_VIDEO:
        assert api.call(method, path.format(uuid=uuid), headers=getattr(root, kind)).status == 404
    assert api.call("GET", "/api/v1/video/list", headers=getattr(root, kind)).data["videos"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_video_looks_to_its_owner_like_one_that_does_not_exist(
    api: Api, database: Database, ann: Person, kind: str
) -> None:
    books.add_package(database, 10, user_id="ann")
    uuid = journeys.video_at(database, VideoStatus.FAILED, user_id="ann")
    assert api.call("DELETE", f"/v1/videos/{uuid}", headers=getattr(ann, kind)).payload["deleted"] is True

    for method, path in OF_A_VIDEO:
        gone, unknown = (api.call(method, path.format(uuid=u), headers=getattr(ann, kind)) for u in (uuid, UNKNOWN))
        assert gone.status == 404
        assert shown(gone) == shown(unknown)


@pytest.mark.parametrize("kind", KINDS)
def test_lists_hold_ones_own_even_with_anothers_cursor(
    api: Api, database: Database, ann: Person, bob: Person, kind: str
) -> None:
    books.add_package(database, 30, user_id="ann")
    books.add_package(database, 10, user_id="bob")
    bobs = journeys.video_at(database, VideoStatus.PENDING, user_id="bob")
    anns = [journeys.video_at(database, VideoStatus.PENDING, user_id="ann") for _ in range(3)]

    page = api.call("GET", "/api/v1/video/list?limit=2", headers=getattr(ann, kind)).data
    assert [video["uuid"] for video in page["videos"]] == anns[:0:-1]
    assert {video["userId"] for video in page["videos"]} == {"ann"}
    with_hers = api.call("GET", f"/api/v1/video/list?cursor={page['nextCursor']}", headers=getattr(bob, kind)).data
    assert [video["uuid"] for video in with_hers["videos"]] == [bobs]


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_sees_only_the_own_credits_and_history(
    api: Api, database: Database, ann: Person, bob: Person, kind: str
) -> None:
    books.add_package(database, 30, user_id="ann")

    for path in ("/api/v1/credit/balance", "/api/v1/credit/history"):
        assert (
            api.call("GET", path, headers=getattr(ann, kind)).data
            != api.call("GET", path, headers=getattr(bob, kind)).data
        )
    assert api.call("GET", "/api/v1/credit/balance", headers=getattr(bob, kind)).data["availableCredits"] == 0
    assert api.call("GET", "/api/v1/credit/history", headers=getattr(bob, kind)).data["records"] == []
    asked = "/api/v1/credit/history?userId=ann"
    assert api.call("GET", asked, headers=getattr(bob, kind)).data["records"] == []


@pytest.mark.parametrize("kind", KINDS)
def test_user_me_answers_who_is_signed_in(api: Api, ann: Person, bob: Person, kind: str) -> None:
    for one in (ann, bob):
        assert api.call("GET", "/api/v1/user/me", headers=getattr(one, kind)).data["id"] == one.user_id


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_spends_anothers_credits(api: Api, database: Database, ann: Person, bob: Person, kind: str) -> None:
    books.add_package(database, 100, user_id="ann")
    forged = api.call("POST", "/api/v1/video/generate", {**ORDER, "userId": "ann"}, getattr(bob, kind))
    refused = api.call("POST", "/api/v1/video/generate", ORDER, getattr(bob, kind))

    assert forged.payload["error"]["details"]["fields"][0]["code"] == "unknown_field"
    assert (refused.status, refused.code) == (402, "INSUFFICIENT_CREDITS")
    assert refused.payload["error"]["details"] == {"requiredCredits": 30, "availableCredits": 0}
    assert books.balance(database, "ann").available == 100


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_learns_of_anothers_video_by_its_idempotency_key(
    api: Api, database: Database, ann: Person, bob: Person, kind: str
) -> None:
    books.add_package(database, 60, user_id="ann")
    first = api.call("POST", "/api/v1/video/generate", ORDER, {**ann.by_session, "idempotency-key": "guess"})
    again = api.call("POST", "/api/v1/video/generate", ORDER, {**getattr(ann, kind), "idempotency-key": "guess"})
    assert shown(again) == (first.status, {**first.headers, "idempotent-replayed": "true"}, first.payload)

    for body in (ORDER, {**ORDER, "prompt": "another"}):
        guess = api.call("POST", "/api/v1/video/generate", body, {**getattr(bob, kind), "idempotency-key": "guess"})
        assert (guess.status, guess.code) == (402, "INSUFFICIENT_CREDITS")


@pytest.mark.parametrize("kind", KINDS)
def test_an_upload_goes_to_ones_own_folder_under_a_name_that_nobody_can_choose(
    api: Api, ann: Person, bob: Person, kind: str
) -> None:
    keys = []
    for filename in (
        "holiday.png",
        "holiday.png",
        "../ann/holiday.png",
        "uploads/ann/holiday.png",
        "/ann/holiday",
        "holiday.png?x=y#",
    ):
        body = {**PRESIGN, "filename": filename, "key": "uploads/ann/a.png", "userId": "ann"}
        keys.append(api.call("POST", "/api/v1/upload/presign", body, getattr(bob, kind)).data["key"])
        assert re.fullmatch(r"uploads/bob/[A-Za-z0-9_-]{21}\.[a-z]+", keys[-1])
    assert len(set(keys)) == len(keys), "no URL is signed for a key that another has"


# Who isn't anybody


def credentials_of_nobody(api: Api, database: Database, ann: Person) -> list[dict[str, str]]:
    """Each of them was good, or looks as if it could be."""
    [record] = list_keys(database=database, user_id="ann")
    revoke_key(record.id, database=database)
    books.execute(database, "update session set \"expiresAt\" = timezone('utc', now()) - interval '1 second'")
    return [
        {},
        ann.by_session,
        ann.by_key,
        ann.by_cookie,
        {"authorization": f"Bearer {signed(ann.token)}"},
        {"authorization": f"Basic {ann.token}"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer cf_"},
        {"authorization": "Bearer ' or 1=1 --"},
        {"authorization": "Bearer " + "x" * 5000},
        {"authorization": f"Bearer {ann.user_id}"},
        {"cookie": f"{COOKIE}={signed('guess')}", "origin": ORIGIN},
        {"cookie": f"{COOKIE}={ann.key}", "origin": ORIGIN},
        {"x-api-key": ann.key},
    ]


@pytest.mark.parametrize("route", EVERY, ids=by_path)
def test_whoever_shows_nothing_good_is_told_the_same_and_changes_nothing(
    api: Api, database: Database, ann: Person, route: tuple[str, str, Any]
) -> None:
    method, path, body = route
    credentials = credentials_of_nobody(api, database, ann)
    before = books.everything(database)

    for credential in credentials:
        answer = api.call(method, path, body, credential)
        assert (answer.status, answer.payload) == (401, sign_in(path)), credential
    assert books.everything(database) == before


@pytest.mark.parametrize("route", NOT_UNDERSTOOD, ids=by_path)
def test_who_asks_is_settled_before_what_is_asked(api: Api, ann: Person, route: tuple[str, str, Any]) -> None:
    method, path, body = route
    key = {"idempotency-key": "\x00"} if "?" not in path and body == ORDER else {}

    for credential in ({}, {"authorization": "Bearer guess"}, {"authorization": "Bearer cf_guess"}):
        assert api.call(method, path, body, {**credential, **key}).payload == sign_in(path), credential
    assert api.call(method, path, body, {**ann.by_session, **key}).status in (400, 403, 404)


@pytest.mark.parametrize("route", OF_A_VIDEO, ids=by_path)
def test_nobody_learns_without_signing_in_which_videos_exist(
    api: Api, database: Database, ann: Person, route: tuple[str, str]
) -> None:
    books.add_package(database, 10, user_id="ann")
    uuid = journeys.video_at(database, VideoStatus.COMPLETED, user_id="ann")
    method, path = route

    for credential in ({}, {"authorization": "Bearer guess"}, {"authorization": "Bearer cf_guess"}):
        for guess in (uuid, UNKNOWN):
            answer = api.call(method, path.format(uuid=guess), headers=credential)
            assert (answer.status, answer.payload) == (401, sign_in(path))
    assert api.call(method, path.format(uuid="not%20an%20id")).payload == sign_in(path)


def test_a_session_ends_when_its_row_is_deleted(api: Api, database: Database, ann: Person) -> None:
    assert api.call("GET", "/api/v1/user/me", headers=ann.by_session).status == 200
    books.execute(database, "delete from session")

    assert api.call("GET", "/api/v1/user/me", headers=ann.by_session).payload == SIGN_IN


@pytest.mark.parametrize("path", ["/api/v1/config/models", "/api/v1/health", "/api/v1/openapi.json"])
def test_what_is_public_needs_no_credential_and_minds_no_bad_one(api: Api, path: str) -> None:
    assert api.call("GET", path).status == 200
    assert api.call("GET", path, headers={"authorization": "Bearer guess"}).status == 200


# Admins


@pytest.mark.parametrize("kind", KINDS)
def test_granting_credits_takes_an_admin(api: Api, database: Database, bob: Person, kind: str) -> None:
    for body in (GRANT, {**GRANT, "userId": "bob"}, {**GRANT, "userId": "nobody"}, {}, None):
        refused = api.call("POST", "/api/v1/credit/grant", body, getattr(bob, kind))
        assert (refused.status, refused.payload) == (403, FORBIDDEN)
    assert books.value(database, "select count(*) from credit_packages") == 0


@pytest.mark.parametrize(
    ("is_admin", "key_is_admin", "kind", "status"),
    [
        (True, False, "by_session", 200),
        (True, False, "by_cookie", 200),
        (True, False, "by_key", 403),  # a script gets no more than its key was made for
        (True, True, "by_key", 200),
        (False, True, "by_key", 403),  # whose user is no admin any more
        (False, True, "by_session", 403),
        (False, True, "by_cookie", 403),
    ],
)
def test_an_admin_is_a_user_with_the_flag_whose_key_was_made_for_it(
    api: Api, database: Database, ann: Person, is_admin: bool, key_is_admin: bool, kind: str, status: int
) -> None:
    root = person(database, "root", is_admin=True, key_is_admin=key_is_admin)
    books.execute(database, f"""update public."user" set "isAdmin" = {is_admin} where id = 'root'""")

    assert api.call("POST", "/api/v1/credit/grant", GRANT, getattr(root, kind)).status == status
    assert books.balance(database, "ann").available == (5 if status == 200 else 0)
