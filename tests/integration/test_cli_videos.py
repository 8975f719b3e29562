"""`clipferry videos`: lists of all users' videos, and a retry on an owner's behalf."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from local.r2.server import FakeR2
from tests import books, journeys
from tests.command_line import Clipferry
from tests.integration import operator_fakes
from tests.integration.mirror_fixtures import Behaviour, FilmServer, film, serving
from tests.integration.operator_fakes import Sqs
from tests.web import web

pytestmark = pytest.mark.usefixtures("rich_ann")


def age(database: Database, uuid: str, *, deadline: str = "1 hour", due: str = "30 seconds", leased: str = "0") -> None:
    """Sets when a video's job is due, from now; a `-` before it is in the past."""
    books.execute(
        database,
        """update clipferry.jobs set deadline = now() + %(deadline)s::interval,
               next_check_at = now() + %(due)s::interval, lease_until = now() + %(leased)s::interval
        where video_uuid = %(uuid)s""",
        uuid=uuid,
        deadline=deadline,
        due=due,
        leased=leased,
    )


def test_list_has_all_users_videos_newest_first_and_filters(clipferry: Clipferry, database: Database) -> None:
    books.add_user(database, "bob")
    books.add_package(database, 100, user_id="bob")
    made = [journeys.video_at(database, status) for status in VideoStatus]
    bobs = journeys.video_at(database, VideoStatus.GENERATING, user_id="bob")

    rows = clipferry("videos", "list", "--json").json
    assert [row["uuid"] for row in rows] == [bobs, *reversed(made)]
    assert rows[0]["user_id"] == "bob"
    assert {row["failure_code"] for row in rows} == {None, "PROVIDER_FAILED"}
    assert [row["uuid"] for row in clipferry("videos", "list", "--limit", "2", "--json").json] == [bobs, made[-1]]
    of_bob = clipferry("videos", "list", "--user", "bob", "--json").json
    assert [row["uuid"] for row in of_bob] == [bobs]
    generating = clipferry("videos", "list", "--status", "generating", "--json").json
    assert {row["uuid"] for row in generating} == {bobs, made[1]}
    both = clipferry("videos", "list", "--status", "COMPLETED", "--user", "ann", "--json").json
    assert [row["status"] for row in both] == ["COMPLETED"]
    shown = clipferry("videos", "list")
    assert shown.status == 0
    assert bobs in shown.out
    assert "no such videos" in clipferry("videos", "list", "--user", "nobody").out
    assert clipferry("videos", "list", "--status", "LOST").status == 2


def test_list_leaves_out_deleted_videos(clipferry: Clipferry, database: Database) -> None:
    journeys.video_at(database, VideoStatus.COMPLETED)
    books.execute(database, "update public.videos set is_deleted = true")

    assert clipferry("videos", "list", "--json").json == []
    assert clipferry("videos", "list", "--user", "ann", "--json").json == []


def test_stuck_lists_nothing_while_every_video_is_on_time(clipferry: Clipferry, database: Database) -> None:
    for status in VideoStatus:
        journeys.video_at(database, status)
    ended = clipferry("videos", "stuck")

    assert (ended.status, ended.out) == (0, "Nothing is stuck.\n")


def test_stuck_lists_late_videos_with_the_reason(clipferry: Clipferry, database: Database) -> None:
    late, overdue, forgotten, mirrored = (
        journeys.video_at(database, VideoStatus(status))
        for status in ("GENERATING", "PENDING", "GENERATING", "UPLOADING")
    )
    age(database, late, due="-6 minutes")
    age(database, overdue, deadline="-1 minute")
    age(database, mirrored, due="-6 minutes", leased="2 minutes")
    books.execute(database, "delete from clipferry.jobs where video_uuid = %(uuid)s", uuid=forgotten)
    books.execute(
        database,
        "update public.videos set created_at = created_at - interval '10 minutes' where uuid = %(uuid)s",
        uuid=forgotten,
    )

    ended = clipferry("videos", "stuck", "--json")

    assert ended.status == 1
    assert [(row["uuid"], row["why"]) for row in ended.json] == [
        (forgotten, "nobody looks after it"),
        (overdue, "deadline passed"),
        (late, "not asked when due"),
    ]
    assert ended.json[2]["last_event"] == "submitted"
    assert ended.json[2]["next_question"].endswith("Z")
    assert mirrored not in clipferry("videos", "stuck").out
    assert "deadline passed" in clipferry("videos", "stuck").out
    assert len(clipferry("videos", "stuck", "--late", "3600", "--json").json) == 1


@pytest.fixture
def source() -> Iterator[FilmServer]:
    """Where a provider's file is."""
    with serving(Behaviour(film(2000))) as server:
        yield server


@pytest.fixture
def complete(
    clipferry: Clipferry, database_url: str, queues: Sqs, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Clipferry]:
    """The command line with all settings."""
    with FakeR2() as r2, web() as api:
        values = operator_fakes.settings(
            database_url=database_url, r2=r2, queues=queues, callback=api, public="https://cdn.example.com"
        )
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        yield clipferry


def failed(database: Database, source: FilmServer) -> str:
    uuid = journeys.video_at(database, VideoStatus.FAILED)
    books.execute(
        database,
        "update public.videos set original_video_url = %(url)s where uuid = %(uuid)s",
        url=source.url,
        uuid=uuid,
    )
    return uuid


def test_retry_holds_the_owners_credits_and_sends_to_the_mirror_queue(
    complete: Clipferry, database: Database, source: FilmServer, queues: Sqs
) -> None:
    one, other = failed(database, source), failed(database, source)
    running = journeys.video_at(database, VideoStatus.GENERATING)

    ended = complete("videos", "retry", one, other, running, one, "vid_unknown", "--yes", "--json")

    assert ended.status == 1
    results = {row["uuid"]: row for row in ended.json}
    assert [results[uuid]["status"] for uuid in (one, other)] == ["UPLOADING", "UPLOADING"]
    assert "GENERATING" in results[running]["detail"]
    assert "no such video" in results["vid_unknown"]["detail"]
    assert len(ended.json) == 4
    assert queues.videos(queues.queue_url) == sorted([one, other])
    assert journeys.hold_of(database, one) == ("HOLDING", 10)
    assert complete("verify").status == 0


def test_retry_of_a_completed_video_says_that_it_is(complete: Clipferry, database: Database, queues: Sqs) -> None:
    uuid = journeys.video_at(database, VideoStatus.COMPLETED)
    ended = complete("videos", "retry", uuid, "--yes", "--json")

    assert ended.status == 1
    assert ended.json == [
        {
            "uuid": uuid,
            "retried": False,
            "status": "COMPLETED",
            "detail": "It is COMPLETED: its file is there, and there is nothing to retry.",
        }
    ]


def test_retry_asks_first(complete: Clipferry, database: Database, source: FilmServer) -> None:
    uuid = failed(database, source)

    assert complete("videos", "retry", uuid).status == 2
    assert complete("videos", "retry", uuid, answer="n\n").status == 1
    assert journeys.status_of(database, uuid) == "FAILED"
    ended = complete("videos", "retry", uuid, answer="y\n")
    assert ended.status == 0
    assert "put the owner's credits on hold" in ended.err
    assert journeys.status_of(database, uuid) == "UPLOADING"


def test_retry_refuses_a_video_whose_source_is_gone(
    complete: Clipferry, database: Database, source: FilmServer
) -> None:
    source.behaviour.fault, source.behaviour.times = "404", 100
    uuid = failed(database, source)
    ended = complete("videos", "retry", uuid, "--yes", "--json")

    assert ended.status == 1
    assert "generate the video again" in ended.json[0]["detail"]
    assert journeys.hold_of(database, uuid) == ("RELEASED", 10)


def test_retry_refuses_a_deleted_video(complete: Clipferry, database: Database, source: FilmServer) -> None:
    uuid = failed(database, source)
    books.execute(database, "update public.videos set is_deleted = true")

    assert "no such video" in complete("videos", "retry", uuid, "--yes", "--json").json[0]["detail"]


@pytest.mark.parametrize("missing", ["STORAGE_BUCKET", "AWS_ACCESS_KEY_ID"])
def test_retry_without_a_needed_setting_exits_with_2_and_changes_nothing(
    complete: Clipferry,
    database: Database,
    source: FilmServer,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
) -> None:
    uuid = failed(database, source)
    monkeypatch.delenv(missing)
    ended = complete("videos", "retry", uuid, "--yes")

    assert ended.status == 2
    assert missing in ended.err
    assert journeys.status_of(database, uuid) == "FAILED"
