"""`explain` lists everything that happened to a video and to its credits, in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clipferry.db import inbox, leases, timeline, videos
from clipferry.db.connection import Database
from clipferry.db.timeline import TimelineEntry
from clipferry.errors import SourceError
from clipferry.models import TaskReport, Video, VideoStatus
from clipferry.usecases import move_credits
from clipferry.usecases.advance_video import advance_video
from clipferry.verdicts import TaskState, Verdict
from tests import books, journeys
from tests.scripted_provider import ScriptedProvider


def timeline_of(database: Database, uuid: str) -> list[TimelineEntry]:
    with database.transaction() as tx:
        found = timeline.read(tx, uuid)
    return found.all()


def has_finished(_task_id: str) -> TaskReport:
    return TaskReport(state=TaskState.SUCCEEDED, video_url="https://files.example.com/done.mp4")


class Queue:
    """A queue that accepts every message."""

    def send(self, uuid: str) -> None:
        pass


def receive_callback(database: Database, uuid: str) -> None:
    """A callback comes in, the provider is asked, and the video is updated."""
    with database.transaction() as tx:
        received = inbox.store(
            tx,
            provider="evolink",
            video_uuid=uuid,
            task_id=f"task-{uuid}",
            signed_at=datetime(2026, 11, 1, tzinfo=UTC),
            body_sha256=b"\0" * 32,
            body_size=2,
            body="{}",
            verdict=None,
        )
        found = videos.get(tx, uuid)
    entry, video = received.first(), found.first()
    assert entry is not None
    assert isinstance(video, Video)
    context = journeys.context_of({"evolink": ScriptedProvider(ask=has_finished)}, queue=Queue())
    verdict = advance_video(video, database=database, context=context)
    with database.transaction() as tx:
        inbox.set_verdict(tx, callback_id=entry["id"], verdict=verdict)


def interrupt_mirror(database: Database, uuid: str) -> None:
    """The mirror starts and is interrupted."""
    fence = journeys.lease(database, uuid)
    with database.transaction() as tx:
        stalled = SourceError("the source stalled")
        leases.release_lease(tx, uuid=uuid, fence=fence, again_seconds=60, error=stalled, reached=700, standstill=True)


def test_everything_that_happened_to_a_video_is_listed_in_order(database: Database) -> None:
    books.add_user(database)
    package = books.add_package(database, 25)
    uuid = journeys.held_video(database)
    assert journeys.record(database, uuid)
    receive_callback(database, uuid)
    interrupt_mirror(database, uuid)
    assert journeys.complete(database, uuid, fence=journeys.lease(database, uuid))
    story = timeline_of(database, uuid)

    happened = [(moment.what, moment.detail) for moment in story if moment.source == "video"]
    task = f"task-{uuid}"
    assert happened == [
        ("created", {"status": "PENDING", "credits": 10, "provider": "evolink"}),
        ("submitted", {"status": "GENERATING", "provider": "evolink", "task": task}),
        ("asked", {"provider": "evolink", "found": "SUCCEEDED"}),
        ("generated", {"status": "UPLOADING", "task": task}),
        ("callback", {"provider": "evolink", "verdict": Verdict.GENERATED}),
        ("mirror_started", {"attempt": 1, "worker": "worker"}),
        (
            "mirror_interrupted",
            {"code": "SOURCE_ERROR", "detail": "the source stalled", "reached": 700, "standstill": True},
        ),
        ("mirror_started", {"attempt": 2, "worker": "worker"}),
        ("completed", {"status": "COMPLETED", "settled": 10, "bytes": 1_000_000}),
    ]
    others = [(moment.source, moment.what) for moment in story if moment.source != "video"]
    assert others == [
        ("hold", "held"),
        ("callback", "from evolink"),
        ("ledger", "VIDEO_CONSUME"),
        ("hold", "settled"),
        ("file", "mirrored"),
    ]
    told = {moment.what: moment.detail for moment in story}
    assert told["from evolink"] | {"inbox": 0} == {"inbox": 0, "task": task, "bytes": 2, "verdict": Verdict.GENERATED}
    [share] = told["held"]["packages"]
    assert (share["packageId"], share["credits"]) == (package, 10)
    assert (told["VIDEO_CONSUME"]["credits"], told["VIDEO_CONSUME"]["balance"]) == (-10, 15)


def test_a_hold_tells_how_the_credits_of_its_packages_came(database: Database) -> None:
    books.add_user(database)
    move_credits.give_welcome(user_id="ann", amount=3, database=database)
    books.recharge(user_id="ann", amount=4, order_no="paid-1", database=database)
    who = "key 5 of user root"
    move_credits.grant(
        user_id="ann", amount=20, order_no="support-1", granted_by=who, remark="Sorry", database=database
    )
    [held] = [moment for moment in timeline_of(database, journeys.held_video(database)) if moment.what == "held"]

    assert [{**share, "packageId": None} for share in held.detail["packages"]] == [
        {"packageId": None, "credits": 3, "type": "NEW_USER", "order": "NEW_USER_ann", "remark": "Welcome"},
        {"packageId": None, "credits": 4, "type": "ORDER_PAY", "order": "paid-1"},
        {
            "packageId": None,
            "credits": 3,
            "type": "SYSTEM_ADJUST",
            "order": "support-1",
            "remark": "Sorry (by key 5 of user root)",
        },
    ]


@pytest.mark.parametrize("allocation", ["{}", "3", "[1, null]", '[{"packageId": "x", "credits": 10}]'])
def test_a_hold_of_the_original_application_in_another_form_is_shown(database: Database, allocation: str) -> None:
    books.add_user(database)
    books.add_package(database, 25)
    uuid = journeys.video_at(database, VideoStatus.FAILED)
    books.execute(database, "update public.credit_holds set package_allocation = %(it)s::jsonb", it=allocation)

    assert "held" in {moment.what for moment in timeline_of(database, uuid)}


def test_events_of_one_transaction_are_listed_together(database: Database) -> None:
    """Hold and ledger rows have the time when their transaction began, events the time itself, in one time zone."""
    books.add_user(database)
    books.add_package(database, 25)
    story = timeline_of(database, journeys.video_at(database, VideoStatus.COMPLETED))

    what = [moment.what for moment in story]
    assert sorted(what[:2]) == ["created", "held"]
    assert what[2:5] == ["submitted", "generated", "mirror_started"]
    assert sorted(what[5:]) == ["VIDEO_CONSUME", "completed", "mirrored", "settled"]
    assert story[-1].at - story[0].at < timedelta(hours=1)


def test_a_failure_is_listed_with_its_reason_and_the_released_credits(database: Database) -> None:
    books.add_user(database)
    books.add_package(database, 25)
    story = timeline_of(database, journeys.video_at(database, VideoStatus.FAILED))
    told = {moment.what: moment.detail for moment in story}

    assert told["failed"] == {"status": "FAILED", "code": "PROVIDER_FAILED", "detail": "no", "released": 10}
    assert {moment.what for moment in story} == {"held", "created", "submitted", "failed", "released"}


def test_a_timeline_has_only_its_own_videos_events(database: Database) -> None:
    books.add_user(database)
    books.add_package(database, 25)
    first, second = (journeys.held_video(database) for _ in range(2))

    assert timeline_of(database, first) != timeline_of(database, second)
    assert len(timeline_of(database, first)) == 2
    assert timeline_of(database, "vid_unknown") == []
