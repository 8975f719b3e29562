"""How far a video is, where its provider says: kept, shown, and never less than before."""

from __future__ import annotations

import pytest

from clipferry.api import responses
from clipferry.api.sdk import answers
from clipferry.db import jobs
from clipferry.db.connection import Database
from clipferry.models import TaskReport, Video, VideoStatus
from clipferry.usecases.advance_video import advance_video
from clipferry.verdicts import TaskState
from tests import journeys
from tests.scripted_provider import ScriptedProvider

pytestmark = pytest.mark.usefixtures("rich_ann")


def advanced(database: Database, uuid: str, report: TaskReport) -> Video:
    advance_video(
        journeys.read(database, uuid),
        database=database,
        context=journeys.context_of({"evolink": ScriptedProvider(ask=lambda _: report)}),
    )
    return journeys.read(database, uuid)


def shown(video: Video) -> tuple[int | None, int | None, int | None]:
    """In the status, in the detail and the list, and to an SDK, which takes 0 for nothing."""
    return responses.status(video).get("progress"), responses.video(video)["progress"], answers.video(video)["progress"]


def test_it_is_what_the_provider_said_and_never_goes_back(database: Database) -> None:
    uuid = journeys.video_at(database, VideoStatus.GENERATING)
    assert shown(journeys.read(database, uuid)) == (None, None, 0)

    for said, seen in ((0, 0), (None, 0), (40, 40), (20, 40), (None, 40), (100, 99), (7, 99)):
        report = TaskReport(state=TaskState.RUNNING, progress=said)
        assert shown(advanced(database, uuid, report)) == (seen, seen, seen)

    finished = TaskReport(state=TaskState.SUCCEEDED, video_url="https://files.example.com/1.mp4", progress=50)
    assert shown(advanced(database, uuid, finished)) == (99, 99, 99)
    assert journeys.complete(database, uuid, fence=journeys.lease(database, uuid))
    assert shown(journeys.read(database, uuid)) == (100, 100, 100)


def test_whoever_asked_earlier_and_writes_later_does_not_set_it_back(database: Database) -> None:
    uuid = journeys.video_at(database, VideoStatus.GENERATING)
    for said in (60, 30):
        with database.transaction() as tx:
            jobs.note_progress(tx, uuid=uuid, progress=said)

    assert journeys.read(database, uuid).progress == 60


def test_a_video_that_has_failed_has_none(database: Database) -> None:
    uuid = journeys.video_at(database, VideoStatus.GENERATING)
    advanced(database, uuid, TaskReport(state=TaskState.RUNNING, progress=40))
    assert journeys.fail(database, uuid)

    assert shown(journeys.read(database, uuid)) == (None, None, 0)
