"""API keys over HTTP: a user makes, lists and revokes the own ones; each may do what its bounds say, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest

from clipferry.db.api_keys import MOST_KEYS
from clipferry.db.connection import Database
from clipferry.models import Scope, VideoStatus
from clipferry.usecases.manage_keys import create_key, list_keys
from tests import books, journeys
from tests.http_api import Answer, Api, Person

KEYS = "/api/v1/key"
ORDER = {"prompt": "A ferry at dawn", "model": "seedance-2.0", "duration": 5}
UNKNOWN = "/api/v1/video/vid_V1StGXR8_Z5jdHi6B-myT"
SDK_UNKNOWN = "/v1/videos/vid_V1StGXR8_Z5jdHi6B-myT"
NOT_ALLOWED = {
    "success": False,
    "error": {"code": "KEY_NOT_ALLOWED", "message": "This API key may not do this."},
}
GUARDED: list[tuple[Scope, str, str, Any]] = [
    (Scope.VIDEOS_READ, "GET", "/api/v1/video/list", None),
    (Scope.VIDEOS_READ, "GET", UNKNOWN, None),
    (Scope.VIDEOS_READ, "GET", f"{UNKNOWN}/status", None),
    (Scope.VIDEOS_READ, "GET", f"{UNKNOWN}/content", None),
    (Scope.VIDEOS_WRITE, "DELETE", UNKNOWN, None),
    (Scope.VIDEOS_READ, "GET", "/v1/videos", None),
    (Scope.VIDEOS_READ, "GET", SDK_UNKNOWN, None),
    (Scope.VIDEOS_READ, "GET", f"{SDK_UNKNOWN}/content", None),
    (Scope.VIDEOS_WRITE, "DELETE", SDK_UNKNOWN, None),
    (Scope.VIDEOS_WRITE, "POST", "/v1/videos", {"prompt": "A ferry at dawn", "model": "seedance-2.0"}),
    (Scope.VIDEOS_WRITE, "POST", f"{UNKNOWN}/retry", None),
    (Scope.VIDEOS_WRITE, "POST", "/api/v1/video/generate", ORDER),
    (Scope.VIDEOS_WRITE, "POST", "/api/v1/upload/presign", {"filename": "a.png", "contentType": "image/png"}),
    (Scope.CREDITS_READ, "GET", "/api/v1/credit/balance", None),
    (Scope.CREDITS_READ, "GET", "/api/v1/credit/history", None),
]


def make(api: Api, owner: Person, **body: Any) -> Answer:
    return api.call("POST", KEYS, {"name": "server", **body}, owner.by_session)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def key_with(database: Database, scopes: Iterable[Scope] | None, **bounds: Any) -> dict[str, str]:
    _, key = create_key(user_id="ann", name="script", is_admin=False, scopes=scopes, database=database, **bounds)
    return bearer(key)


def test_a_key_is_shown_once_and_works(api: Api, ann: Person) -> None:
    body = {"scopes": ["credits:read", "videos:read"], "expiresInDays": 30, "monthlyCredits": 500}
    made = make(api, ann, **body)
    key = made.data.pop("key")

    assert made.status == 201
    assert re.fullmatch(r"cf_[\w-]{43}", key)
    assert api.call("GET", "/api/v1/credit/balance", headers=bearer(key)).status == 200
    [_, listed] = api.call("GET", KEYS, headers=ann.by_session).data["keys"]
    assert listed == {**made.data, "lastUsedAt": listed["lastUsedAt"]}
    assert (made.data["lastUsedAt"], listed["lastUsedAt"] is None) == (None, False)
    assert {name: listed[name] for name in ("scopes", "monthlyCredits", "prefix")} == {
        "scopes": body["scopes"],
        "monthlyCredits": 500,
        "prefix": key[:10],
    }
    assert listed["expiresAt"] > listed["createdAt"]


def test_a_key_without_bounds_may_everything_as_keys_from_before_do(api: Api, ann: Person) -> None:
    made = make(api, ann).data
    [from_before, _] = api.call("GET", KEYS, headers=ann.by_session).data["keys"]

    for key in (made, from_before):
        assert (key["scopes"], key["expiresAt"], key["monthlyCredits"]) == (list(Scope), None, None)


def test_keys_take_a_session_and_no_key_makes_another(api: Api, database: Database, ann: Person) -> None:
    before = books.everything(database)

    for method, path, body in (("GET", KEYS, None), ("POST", KEYS, {"name": "x"}), ("DELETE", f"{KEYS}/1", None)):
        refused = api.call(method, path, body, ann.by_key)
        assert (refused.status, refused.payload) == (403, NOT_ALLOWED)
    assert len(list_keys(database=database)) == 1
    assert [key.revoked_at for key in list_keys(database=database)] == [None]
    assert books.everything(database) == before


def test_nobody_sees_or_revokes_anothers_key(api: Api, database: Database, ann: Person, bob: Person) -> None:
    [anns] = list_keys(database=database, user_id="ann")

    assert [key["id"] for key in api.call("GET", KEYS, headers=ann.by_session).data["keys"]] == [anns.id]
    refused = api.call("DELETE", f"{KEYS}/{anns.id}", headers=bob.by_session)
    unknown = api.call("DELETE", f"{KEYS}/999999999999999999", headers=bob.by_session)
    assert (refused.status, refused.payload) == (unknown.status, unknown.payload) == (404, unknown.payload)
    assert api.call("GET", "/api/v1/user/me", headers=ann.by_key).status == 200


def test_a_revoked_key_is_refused_and_listed_no_more(api: Api, ann: Person) -> None:
    made = make(api, ann).data
    gone = api.call("DELETE", f"{KEYS}/{made['id']}", headers=ann.by_cookie)

    assert gone.data == {"deleted": True}
    assert api.call("GET", "/api/v1/user/me", headers=bearer(made["key"])).status == 401
    assert api.call("GET", "/api/v1/user/me", headers=ann.by_key).status == 200, "the other one works"
    assert made["id"] not in [key["id"] for key in api.call("GET", KEYS, headers=ann.by_session).data["keys"]]
    assert api.call("DELETE", f"{KEYS}/{made['id']}", headers=ann.by_session).status == 404


def test_a_user_has_twenty_keys_and_those_revoked_today_count(api: Api, database: Database, ann: Person) -> None:
    made = [make(api, ann) for _ in range(MOST_KEYS)]

    assert [answer.status for answer in made] == [*[201] * (MOST_KEYS - 1), 409]  # ann has had one
    assert (made[-1].code, made[-1].payload["error"]["details"]) == ("TOO_MANY_KEYS", {"mostKeys": 20})
    revoked = made[0].data["id"]
    assert api.call("DELETE", f"{KEYS}/{revoked}", headers=ann.by_session).status == 200
    assert make(api, ann).code == "TOO_MANY_KEYS"
    books.execute(database, "update clipferry.api_keys set revoked_at = revoked_at - interval '25 hours'")
    assert make(api, ann).status == 201


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\0"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["videos:delete"]}, "scopes.0"),
        ({"expiresInDays": 0}, "expiresInDays"),
        ({"monthlyCredits": 0}, "monthlyCredits"),
        ({"isAdmin": True}, "isAdmin"),
    ],
)
def test_a_bound_that_is_none_is_refused(api: Api, ann: Person, body: dict[str, Any], path: str) -> None:
    refused = make(api, ann, **body)

    assert (refused.status, refused.payload["error"]["details"]["fields"][0]["path"]) == (400, path)


@pytest.mark.parametrize(("scope", "method", "path", "body"), GUARDED)
def test_a_key_needs_the_scope_of_the_route(
    api: Api, database: Database, ann: Person, scope: Scope, method: str, path: str, body: Any
) -> None:
    books.add_package(database, 100)
    before = books.everything(database)
    without = key_with(database, [other for other in Scope if other is not scope])

    for sent in (body, {"nonsense": 1} if body else None):
        refused = api.call(method, path, sent, without)
        assert (refused.status, refused.code) == (403, "KEY_NOT_ALLOWED")
    assert books.everything(database) == before
    for key in (key_with(database, [scope]), key_with(database, None)):
        assert api.call(method, path, body, key).status not in (401, 403)


def test_a_key_without_the_scope_deletes_nothing(api: Api, database: Database, ann: Person) -> None:
    books.add_package(database, 10)
    uuid = journeys.video_at(database, VideoStatus.FAILED)

    assert api.call("DELETE", f"/api/v1/video/{uuid}", headers=key_with(database, [Scope.VIDEOS_READ])).status == 403
    assert api.call("GET", f"/api/v1/video/{uuid}", headers=ann.by_session).status == 200


def test_a_key_ends_when_its_time_is_over(api: Api, database: Database, ann: Person) -> None:
    key = key_with(database, None, expires_in_days=1)
    assert api.call("GET", "/api/v1/user/me", headers=key).status == 200
    books.execute(database, "update clipferry.api_keys set expires_at = now() where expires_at is not null")

    assert api.call("GET", "/api/v1/user/me", headers=key).status == 401


def test_a_key_that_has_used_its_month_is_told_so(api: Api, database: Database, ann: Person) -> None:
    books.add_package(database, 1000)
    made = make(api, ann, monthlyCredits=70).data
    first = api.call("POST", "/api/v1/video/generate", ORDER, bearer(made["key"]))  # nobody answers for the provider
    second = api.call("POST", "/api/v1/video/generate", ORDER, bearer(made["key"]))

    assert (first.status, second.status) == (502, 502)  # a video that has failed is given back to the key, too
    books.execute(database, "update public.credit_holds set status = 'SETTLED'")
    refused = api.call("POST", "/api/v1/video/generate", ORDER, bearer(made["key"]))
    assert (refused.status, refused.code) == (402, "KEY_CAP_REACHED")
    assert refused.payload["error"]["details"] == {"requiredCredits": 30, "usedCredits": 60, "monthlyCredits": 70}
    [_, listed] = api.call("GET", KEYS, headers=ann.by_session).data["keys"]
    assert listed["usedCredits"] == 60
