"""What becomes of a video when its provider's answer is neither yes nor no."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from clipferry.db.connection import Database
from clipferry.models import TaskReport, VideoStatus
from clipferry.providers.base import Provider
from clipferry.providers.kie import Kie
from clipferry.verdicts import FailureCode, TaskState, Verdict
from tests import books, journeys
from tests.provider_answers import ScriptedApi
from tests.scripted_provider import ScriptedProvider

FILE = "https://files.example.com/1.mp4"
NO_RESULT = (
    b'{"code": 408, "data": null, "msg": "Upstream is currently experiencing service issues. '
    b'No result has been returned within 10 minutes"}'
)
"""As on KIE's "Get task details" page."""

pytestmark = pytest.mark.usefixtures("rich_ann")


Advance = Callable[[str, Provider], Verdict]


@pytest.fixture
def advance(database: Database) -> Advance:
    return lambda uuid, provider: journeys.advance(database, uuid, {"evolink": provider, "kie": provider})


def generating(database: Database, *, overdue: bool) -> str:
    uuid = journeys.held_video(database)
    journeys.record(database, uuid)
    if overdue:
        books.execute(
            database, "update clipferry.jobs set deadline = now() - interval '1 s' where video_uuid = %(u)s", u=uuid
        )
    return uuid


def unknown(_task: str, *, file: str | None) -> TaskReport:
    return TaskReport(state=TaskState.UNKNOWN, video_url=file, detail="archived")


def test_a_file_under_an_unknown_state_is_taken_when_the_time_is_over(database: Database, advance: Advance) -> None:
    uuid = generating(database, overdue=True)

    assert advance(uuid, ScriptedProvider(ask=partial(unknown, file=FILE))) is Verdict.GENERATED

    video = journeys.read(database, uuid)
    assert (video.status, video.original_video_url) == (VideoStatus.UPLOADING, FILE)


@pytest.mark.parametrize(("overdue", "file", "verdict"), [(False, FILE, Verdict.RUNNING), (True, None, Verdict.FAILED)])
def test_an_unknown_state_is_waited_for_and_without_a_file_it_times_out(
    database: Database, advance: Advance, overdue: bool, file: str | None, verdict: Verdict
) -> None:
    uuid = generating(database, overdue=overdue)

    assert advance(uuid, ScriptedProvider(ask=partial(unknown, file=file))) is verdict


def test_an_answer_that_an_adapter_stumbles_over_keeps_no_credits_beyond_the_deadline(
    database: Database, advance: Advance
) -> None:
    def stumble(_task: str) -> TaskReport:
        raise TypeError("unhashable type: 'list'")

    waiting, overdue = generating(database, overdue=False), generating(database, overdue=True)

    assert advance(waiting, ScriptedProvider(ask=stumble)) is Verdict.NO_ANSWER
    assert advance(overdue, ScriptedProvider(ask=stumble)) is Verdict.FAILED
    assert journeys.hold_of(database, overdue) == ("RELEASED", 10)


def test_a_running_tasks_preview_is_never_taken_for_the_film(
    database: Database, advance: Advance, server: ScriptedApi
) -> None:
    server.answers(
        200,
        b'{"code": 200, "msg": "ok", "data": {"state": "RENDERING", "resultJson": "%s"}}'
        % (b'{\\"resultUrls\\": [\\"https://files.example.com/1.mp4\\"]}'),
    )
    uuid = generating(database, overdue=True)

    assert advance(uuid, Kie(server.api)) is Verdict.FAILED
    assert journeys.read(database, uuid).error_code == FailureCode.TIMED_OUT


def test_kies_408_to_two_questions_ends_the_wait(database: Database, advance: Advance, server: ScriptedApi) -> None:
    server.answers(200, NO_RESULT)
    uuid, kie = generating(database, overdue=False), Kie(server.api)

    assert advance(uuid, kie) is Verdict.RUNNING
    assert journeys.read(database, uuid).status is VideoStatus.GENERATING
    assert advance(uuid, kie) is Verdict.FAILED

    video = journeys.read(database, uuid)
    assert (video.status, video.error_code) == (VideoStatus.FAILED, FailureCode.TIMED_OUT)


def test_a_408_between_answers_ends_nothing(database: Database, advance: Advance, server: ScriptedApi) -> None:
    uuid, kie = generating(database, overdue=False), Kie(server.api)
    running = b'{"code": 200, "msg": "ok", "data": {"state": "generating"}}'
    for body in (NO_RESULT, running, NO_RESULT, running):
        server.replies.clear()
        server.answers(200, body)
        assert advance(uuid, kie) is Verdict.RUNNING
