"""A user's own words about a video: shown wherever the video is, found by a pair, and gone with the video."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from clipferry.db import erasure, retention, video_metadata
from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from tests import books, journeys
from tests.http_api import Api, Person

WORDS = {"order": "42", "größe": "a, b & c", "long": "x" * 500}
LIST = "/api/v1/video/list"
LEFT = """
select (select count(*) from clipferry.metadata_pairs)
    + (select count(*) from clipferry.jobs where metadata is not null)
"""


@pytest.fixture(autouse=True)
def _rich(database: Database, ann: Person, bob: Person) -> None:
    for user_id in ("ann", "bob"):
        books.add_package(database, 100, user_id=user_id)


def labelled(database: Database, *, user_id: str = "ann", status: VideoStatus = VideoStatus.FAILED) -> str:
    uuid = journeys.video_at(database, status, user_id=user_id)
    with database.transaction() as tx:
        video_metadata.keep(tx, video_uuid=uuid, metadata=WORDS)
    return uuid


def found(api: Api, person: Person, query: str) -> list[str]:
    return [video["uuid"] for video in api.call("GET", f"{LIST}?{query}", headers=person.by_session).data["videos"]]


def pair(name: str, value: str) -> str:
    return f"metadata[{quote(name)}]={quote(value)}"


def test_it_is_shown_wherever_the_video_is(api: Api, database: Database, ann: Person) -> None:
    uuid, plain = labelled(database), journeys.video_at(database, VideoStatus.FAILED)

    for path in (f"/api/v1/video/{uuid}", f"/v1/videos/{uuid}"):
        answer = api.call("GET", path, headers=ann.by_key).payload
        assert answer.get("data", answer)["metadata"] == WORDS
    listed = api.call("GET", LIST, headers=ann.by_key).data["videos"]
    assert {video["uuid"]: video["metadata"] for video in listed} == {uuid: WORDS, plain: {}}
    sdk = api.call("GET", "/v1/videos", headers=ann.by_key).payload["data"]
    assert [video["metadata"] for video in sdk] == [{}, WORDS]


def test_a_pair_finds_the_callers_own_videos_newest_first_page_by_page(
    api: Api, database: Database, ann: Person, bob: Person
) -> None:
    own = [labelled(database) for _ in range(3)]
    labelled(database, user_id="bob")
    journeys.video_at(database, VideoStatus.FAILED)

    for name, value in WORDS.items():
        assert found(api, ann, pair(name, value)) == own[::-1]
    assert found(api, ann, pair("order", "4")) == found(api, ann, pair("orde", "42")) == []
    assert found(api, ann, f"{pair('order', '42')}&status=COMPLETED") == []
    assert found(api, ann, f"{pair('order', '42')}&status=FAILED") == own[::-1]

    page = api.call("GET", f"{LIST}?limit=2&{pair('order', '42')}", headers=ann.by_session).data
    assert [video["uuid"] for video in page["videos"]] == own[:0:-1]
    assert found(api, ann, f"{pair('order', '42')}&cursor={page['nextCursor']}") == own[:1]
    api.call("DELETE", f"/api/v1/video/{own[0]}", headers=ann.by_session)
    assert own[0] not in found(api, ann, pair("order", "42"))


@pytest.mark.parametrize(
    "query",
    [
        "metadata=x",
        "metadata[]=x",
        "metadata[a=x",
        f"metadata[{'k' * 41}]=x",
        "metadata[a]=1&metadata[b]=2",
        f"metadata[a]={'x' * 501}",
        "metadata[a]=%00",
        "metadata[a][b]=x",
    ],
)
def test_what_is_no_pair_is_refused(api: Api, ann: Person, query: str) -> None:
    answer = api.call("GET", f"{LIST}?{query}", headers=ann.by_session)

    assert (answer.status, answer.payload["error"]["details"]["fields"][0]["path"]) == (400, "metadata")


def test_it_goes_with_the_video_and_with_the_user(api: Api, database: Database, ann: Person, bob: Person) -> None:
    uuid = labelled(database)
    labelled(database, user_id="bob")
    api.call("DELETE", f"/api/v1/video/{uuid}", headers=ann.by_session)
    with database.transaction() as tx:
        retention.note_removed(tx, uuid)
    assert books.value(database, LEFT) == len(WORDS) + 1  # bob's

    with database.transaction() as tx:
        erasure.erase(tx, "bob")
    assert books.value(database, LEFT) == 0


def test_a_page_of_a_pair_is_read_in_the_indexs_order(database: Database) -> None:
    labelled(database)
    explained = books.rows(
        database,
        "explain select m.video_id from clipferry.metadata_pairs m where m.user_id = 'ann' and m.pair_sha256 = 'x' "
        "and (m.created_at, m.video_id) < (now()::timestamp, 9) order by m.created_at desc, m.video_id desc limit 3",
    )
    plan = "\n".join(str(row) for row in explained)

    assert "metadata_pairs_pkey" in plan
    assert "Sort" not in plan
