"""A cancelled video ends as its provider says, with its credits; and nobody else's task is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from clipferry.db.connection import Database
from clipferry.errors import (
    NotCancellableError,
    ProviderError,
    ProviderSilentError,
    ProviderUnreachableError,
    TaskNotFoundError,
    VideoNotFoundError,
)
from clipferry.models import TaskReport, Video, VideoStatus
from clipferry.usecases.cancel_video import cancel_video
from clipferry.verdicts import FailureCode, TaskState
from tests import books, journeys
from tests.scripted_provider import ScriptedProvider

FILE = "https://files.example.com/1.mp4"
FINISHED = TaskReport(state=TaskState.SUCCEEDED, video_url=FILE)
AGO = "update clipferry.jobs set cancel_asked_at = cancel_asked_at - interval '1 hour'"

pytestmark = pytest.mark.usefixtures("rich_ann")


class Task:
    """A provider with one task. `stops` is what it answers to a cancel; it may be an error."""

    def __init__(self, found: TaskReport | ProviderError, *, stops: bool | ProviderError = True) -> None:
        self.found, self.stops = found, stops
        self.told = 0
        self.provider = ScriptedProvider(ask=self._ask, cancel=self._cancel)

    def _ask(self, _task_id: str) -> TaskReport:
        if isinstance(self.found, ProviderError):
            raise self.found
        return self.found

    def _cancel(self, _task_id: str) -> bool:
        self.told += 1
        if isinstance(self.stops, ProviderError):
            raise self.stops
        return self.stops


def running() -> TaskReport:
    return TaskReport(state=TaskState.RUNNING)


def failed(code: FailureCode) -> TaskReport:
    return TaskReport(state=TaskState.FAILED, failure=code)


def cancel(database: Database, uuid: str, task: Task, *, user_id: str = "ann") -> Video:
    return cancel_video(
        uuid,
        credential=books.credential(user_id),
        database=database,
        context=journeys.context_of({"evolink": task.provider}),
    )


def advance(database: Database, uuid: str, task: Task) -> None:
    journeys.advance(database, uuid, {"evolink": task.provider})


@pytest.fixture
def uuid(database: Database) -> str:
    return journeys.video_at(database, VideoStatus.GENERATING)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (failed(FailureCode.CANCELLED), "CANCELLED"),
        (failed(FailureCode.PROVIDER_FAILED), "CANCELLED"),
        (TaskNotFoundError("taken out of the queue"), "CANCELLED"),
        (failed(FailureCode.CONTENT_POLICY), "CONTENT_POLICY"),
    ],
)
def test_a_cancelled_task_that_has_ended_gives_the_credits_back(
    database: Database, uuid: str, found: TaskReport | ProviderError, code: str
) -> None:
    task = Task(found)

    video = cancel(database, uuid, task)

    assert (video.status, video.error_code, task.told) == (VideoStatus.FAILED, code, 1)
    assert journeys.hold_of(database, uuid) == ("RELEASED", 10)
    assert books.breaches(database) == []


def test_the_credits_stay_held_until_the_task_has_ended_and_a_repeat_changes_nothing(
    database: Database, uuid: str
) -> None:
    task = Task(running())

    for _ in range(2):
        assert cancel(database, uuid, task).status is VideoStatus.GENERATING
    assert (task.told, journeys.hold_of(database, uuid)) == (1, ("HOLDING", 10))

    task.found = failed(FailureCode.CANCELLED)
    advance(database, uuid, task)
    assert cancel(database, uuid, task).error_code == "CANCELLED"
    assert (task.told, journeys.hold_of(database, uuid)) == (1, ("RELEASED", 10))


def test_a_cancelled_task_that_finishes_all_the_same_is_taken_and_paid(database: Database, uuid: str) -> None:
    task = Task(FINISHED)

    assert cancel(database, uuid, task).status is VideoStatus.UPLOADING

    assert journeys.complete(database, uuid, fence=journeys.lease(database, uuid))
    assert journeys.hold_of(database, uuid) == ("SETTLED", 10)
    assert books.breaches(database) == []


def test_a_cancelled_task_of_which_nothing_is_heard_is_cancelled_at_the_deadline(database: Database, uuid: str) -> None:
    task = Task(running())
    cancel(database, uuid, task)
    books.execute(database, "update clipferry.jobs set deadline = now() - interval '1 second'")

    advance(database, uuid, task)

    assert journeys.read(database, uuid).error_code == "CANCELLED"


def test_a_provider_that_stops_none_leaves_everything_as_it_was(database: Database, uuid: str) -> None:
    task = Task(failed(FailureCode.PROVIDER_FAILED), stops=False)

    for _ in range(2):
        with pytest.raises(NotCancellableError) as refused:
            cancel(database, uuid, task)
        assert refused.value.details == {"status": "GENERATING"}

    assert (task.told, journeys.hold_of(database, uuid)) == (2, ("HOLDING", 10))
    advance(database, uuid, task)
    assert journeys.read(database, uuid).error_code == "PROVIDER_FAILED"


@pytest.mark.parametrize("status", [status for status in VideoStatus if status is not VideoStatus.GENERATING])
def test_what_no_provider_works_on_can_not_be_cancelled(database: Database, status: VideoStatus) -> None:
    uuid, task = journeys.video_at(database, status), Task(running())
    before = books.everything(database)

    with pytest.raises(NotCancellableError):
        cancel(database, uuid, task)

    assert (task.told, books.everything(database)) == (0, before)


@pytest.mark.parametrize(
    ("error", "told_again"), [(ProviderUnreachableError("away"), 2), (ProviderSilentError("time-out"), 1)]
)
def test_a_provider_that_was_not_reached_is_told_again_and_one_that_was_silent_later(
    database: Database, uuid: str, error: ProviderError, told_again: int
) -> None:
    task = Task(running(), stops=error)
    with pytest.raises(type(error)):
        cancel(database, uuid, task)
    task.stops = True

    assert cancel(database, uuid, task).status is VideoStatus.GENERATING
    assert task.told == told_again


def test_a_repeat_after_a_while_tells_the_provider_again_whatever_it_says(database: Database, uuid: str) -> None:
    """Whoever was to tell it may have died; and a task that is over by now was cancelled."""
    task = Task(running())
    cancel(database, uuid, task)
    books.execute(database, AGO)
    task.stops = False

    assert cancel(database, uuid, task).is_cancel_asked
    assert task.told == 2


def test_nobody_cancels_anybody_elses_video(database: Database, uuid: str) -> None:
    books.add_user(database, "bob")
    task = Task(running())

    with pytest.raises(VideoNotFoundError):
        cancel(database, uuid, task, user_id="bob")

    assert (task.told, journeys.read(database, uuid).is_cancel_asked) == (0, False)


class RacingTask(Task):
    """Ends once, as whoever comes first says."""

    def __init__(self) -> None:
        super().__init__(running())
        self._lock = threading.Lock()

    def _end(self, report: TaskReport) -> bool:
        with self._lock:
            if self.found == running():
                self.found = report
            return self.found == report

    def finish(self) -> None:
        self._end(FINISHED)

    def _cancel(self, _task_id: str) -> bool:
        return self._end(failed(FailureCode.CANCELLED))


def test_fifty_times_a_cancel_and_an_end_at_once_leave_one_of_the_two(database: Database, database_url: str) -> None:
    ends = set[str]()
    others = Database(database_url), Database(database_url)

    def complete(database: Database, uuid: str, task: RacingTask, start: threading.Barrier) -> None:
        start.wait()
        task.finish()
        advance(database, uuid, task)

    def stop(database: Database, uuid: str, task: RacingTask, start: threading.Barrier) -> bool:
        start.wait()
        try:
            cancel(database, uuid, task)
        except NotCancellableError:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        for _ in range(50):
            uuid, task, start = journeys.video_at(database, VideoStatus.GENERATING), RacingTask(), threading.Barrier(2)
            work: list[tuple[Callable[..., object], Database]] = [(complete, others[0]), (stop, others[1])]
            done = [threads.submit(run, connection, uuid, task, start) for run, connection in work]
            assert done[0].result() is None
            advance(database, uuid, task)
            end = journeys.status_of(database, uuid)
            ends.add(end)
            if task.found == FINISHED:
                assert (end, done[1].result()) == ("UPLOADING", False)
                assert journeys.complete(database, uuid, fence=journeys.lease(database, uuid))
                assert journeys.hold_of(database, uuid) == ("SETTLED", 10)
            else:
                assert (end, done[1].result()) == ("FAILED", True)
                assert journeys.read(database, uuid).error_code == "CANCELLED"
                assert journeys.hold_of(database, uuid) == ("RELEASED", 10)
    for other in others:
        other.close()

    assert ends <= {"UPLOADING", "FAILED"}
    assert books.breaches(database) == []
