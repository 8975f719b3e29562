"""Every move is guarded: from a state that isn't its own it changes nothing, at any concurrency."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from clipferry.db import finish_video, leases, submissions, videos
from clipferry.db.connection import Database, Transaction
from clipferry.models import VideoStatus
from clipferry.verdicts import FailureCode
from tests import books, journeys

THREADS = 16

PENDING, GENERATING, UPLOADING, COMPLETED, FAILED = VideoStatus


pytestmark = pytest.mark.usefixtures("ann")


def _records(tx: Transaction, uuid: str, task_id: str) -> Any:
    return submissions.record_task(
        tx,
        video_uuid=uuid,
        provider="evolink",
        task_id=task_id,
        estimated_seconds=None,
        deadline_seconds=1,
        first_check_seconds=1,
    )


def _starts_upload(tx: Transaction, uuid: str, task_id: str) -> Any:
    return videos.start_upload(
        tx, uuid=uuid, task_id=task_id, source_url="https://x/", deadline_seconds=1, next_check_seconds=1
    )


def _fails(tx: Transaction, uuid: str, *from_states: VideoStatus, fence: int | None = None) -> Any:
    return finish_video.fail(
        tx, video_uuid=uuid, code=FailureCode.TIMED_OUT, detail="", from_states=from_states, fence=fence
    )


# What is tried with the video's newest fence, and the states in which it happens.
MOVES: dict[str, tuple[Callable[[Transaction, str, int], Any], set[VideoStatus]]] = {
    "records a task": (lambda tx, uuid, fence: _records(tx, uuid, f"task-{uuid}"), {PENDING, GENERATING, UPLOADING}),
    "switches the provider": (
        lambda tx, uuid, fence: submissions.switch_provider(tx, video_uuid=uuid, refused_by="evolink", provider="kie"),
        {PENDING},
    ),
    "is assigned a task": (
        lambda tx, uuid, fence: videos.assign_task(
            tx, uuid=uuid, task_id="assigned", deadline_seconds=1, next_check_seconds=1
        ),
        {PENDING},
    ),
    "starts the upload of its task": (
        lambda tx, uuid, fence: _starts_upload(tx, uuid, f"task-{uuid}"),
        {PENDING, GENERATING},
    ),
    "starts the upload of another task": (lambda tx, uuid, fence: _starts_upload(tx, uuid, "another"), {PENDING}),
    "leases what is leased": (lambda tx, uuid, fence: leases.lease(tx, uuid=uuid, worker="other", seconds=9), set()),
    "refreshes the source": (
        lambda tx, uuid, fence: videos.refresh_source(tx, uuid=uuid, source_url="https://x/", fence=fence),
        {UPLOADING},
    ),
    "completes": (journeys.completing, {UPLOADING}),
    "completes with an old fence": (lambda tx, uuid, fence: journeys.completing(tx, uuid, fence - 1), set()),
    "completes with a fence to come": (lambda tx, uuid, fence: journeys.completing(tx, uuid, fence + 1), set()),
    "fails": (lambda tx, uuid, fence: _fails(tx, uuid, *VideoStatus), {PENDING, GENERATING, UPLOADING}),
    "fails before the file": (lambda tx, uuid, fence: _fails(tx, uuid, PENDING, GENERATING), {PENDING, GENERATING}),
    "fails with the lease": (lambda tx, uuid, fence: _fails(tx, uuid, UPLOADING, fence=fence), {UPLOADING}),
    "fails with an old fence": (lambda tx, uuid, fence: _fails(tx, uuid, *VideoStatus, fence=fence - 1), set()),
    "notes a late success": (
        lambda tx, uuid, fence: videos.note_late_success(
            tx, uuid=uuid, task_id=f"task-{uuid}", source_url="https://x/"
        ),
        {FAILED},
    ),
}


@pytest.mark.parametrize("state", list(VideoStatus))
def test_a_move_happens_from_its_states_and_changes_nothing_in_others(database: Database, state: VideoStatus) -> None:
    books.add_package(database, 1000)
    outcome = {}
    for move, (attempt, _) in MOVES.items():
        uuid = journeys.video_at(database, state)
        fence, before = journeys.fence(database, uuid), books.everything(database)
        with database.transaction() as tx:
            moved = attempt(tx, uuid, fence)
        outcome[move] = (moved.first() is not None, books.everything(database) != before)

    assert outcome == {move: (state in allowed, state in allowed) for move, (_, allowed) in MOVES.items()}


@pytest.mark.parametrize("state", list(VideoStatus))
def test_only_a_failed_video_is_opened_again(database: Database, state: VideoStatus) -> None:
    books.add_package(database, 100)
    uuid = journeys.video_at(database, state)
    before = books.everything(database)

    assert journeys.reopen(database, uuid) == ("REOPENED" if state is FAILED else "NOT_FAILED")
    assert (books.everything(database) != before) == (state is FAILED)


def test_a_retry_is_one_of_the_videos_that_may_be_in_the_making(database: Database) -> None:
    books.add_package(database, 100)
    first, second, third = (journeys.video_at(database, FAILED) for _ in range(3))

    verdicts = [journeys.reopen(database, uuid, limit=2) for uuid in (first, second, third)]

    assert verdicts == ["REOPENED", "REOPENED", "TOO_MANY_JOBS"]
    assert books.balance(database).frozen == 20


def test_a_late_success_of_a_deleted_video_is_not_kept(database: Database) -> None:
    books.add_package(database, 10)
    uuid = journeys.video_at(database, VideoStatus.FAILED)
    books.execute(database, "update public.videos set is_deleted = true")

    with database.transaction() as tx:
        noted = videos.note_late_success(tx, uuid=uuid, task_id=f"task-{uuid}", source_url="https://files/late.mp4")

    assert noted.first() is None
    assert journeys.read(database, uuid).original_video_url is None


def test_a_late_success_must_be_of_the_videos_own_task(database: Database) -> None:
    """A callback may name any task for a video that never had one."""
    books.add_package(database, 100)
    mine = journeys.held_video(database)
    journeys.fail(database, mine)
    anothers = journeys.video_at(database, COMPLETED)

    def late(task_id: str) -> bool:
        with database.transaction() as tx:
            noted = videos.note_late_success(tx, uuid=mine, task_id=task_id, source_url="https://files/late.mp4")
        return noted.first() is not None

    assert not late(f"task-{anothers}")
    assert late("task-late")
    task = books.value(database, "select external_task_id from public.videos where uuid = %(uuid)s", uuid=mine)
    assert task == "task-late"


def test_of_many_retries_at_once_one_succeeds(database: Database, database_url: str) -> None:
    books.add_package(database, 100)
    uuid = journeys.video_at(database, FAILED)

    def retry(_: int) -> str:
        own = Database(database_url)
        try:
            return journeys.reopen(own, uuid)
        finally:
            own.close()

    with ThreadPoolExecutor(THREADS) as threads:
        verdicts = sorted(threads.map(retry, range(THREADS)))

    assert verdicts == ["NOT_FAILED"] * (THREADS - 1) + ["REOPENED"]
    assert books.balance(database).frozen == 10


def test_a_worker_whose_lease_was_taken_over_can_not_end_the_video(database: Database) -> None:
    books.add_package(database, 10)
    uuid = journeys.video_at(database, UPLOADING)
    old = journeys.fence(database, uuid)
    books.execute(database, "update clipferry.jobs set lease_until = now() - interval '1 second'")
    new = journeys.lease(database, uuid)
    before = books.everything(database)

    assert not journeys.complete(database, uuid, fence=old)
    with database.transaction() as tx:
        failed = _fails(tx, uuid, UPLOADING, fence=old)
    assert failed.all() == []
    assert books.everything(database) == before
    assert journeys.complete(database, uuid, fence=new)


def test_a_worker_from_before_the_retry_can_not_end_the_video(database: Database) -> None:
    books.add_package(database, 10)
    uuid = journeys.video_at(database, UPLOADING)
    old = journeys.fence(database, uuid)
    assert journeys.fail(database, uuid)
    assert journeys.reopen(database, uuid) == "REOPENED"

    assert not journeys.complete(database, uuid, fence=old)
    assert journeys.complete(database, uuid, fence=journeys.lease(database, uuid))


def test_a_video_ends_once_at_any_concurrency(database: Database, database_url: str) -> None:
    books.add_package(database, 10)
    uuid = journeys.video_at(database, UPLOADING)
    fence = journeys.fence(database, uuid)

    def end(number: int) -> str:
        own = Database(database_url)
        try:
            ended = journeys.fail(own, uuid) if number % 2 else journeys.complete(own, uuid, fence=fence)
        finally:
            own.close()
        return ("FAILED" if number % 2 else "COMPLETED") if ended else "too late"

    with ThreadPoolExecutor(THREADS) as threads:
        ends = sorted(threads.map(end, range(THREADS)))

    assert ends.count("too late") == THREADS - 1
    assert journeys.status_of(database, uuid) in ends
    assert books.balance(database).available == (10 if "FAILED" in ends else 0)


def test_the_submits_answer_takes_a_task_from_an_impostor(database: Database) -> None:
    """A callback had claimed Bob's task for Ann's video; a worker has Bob's film in its hands."""
    books.add_package(database, 10)
    books.add_user(database, "bob")
    books.add_package(database, 10, user_id="bob")
    impostor, owner = journeys.held_video(database), journeys.held_video(database, user_id="bob")
    assert journeys.start_upload(database, impostor, task_id="bobs")
    fence = journeys.lease(database, impostor)

    assert journeys.record(database, owner, task_id="bobs")
    assert journeys.status_of(database, impostor) == "PENDING"
    assert journeys.start_upload(database, impostor, task_id="anns")
    assert not journeys.complete(database, impostor, fence=fence)
    assert journeys.complete(database, impostor, fence=journeys.lease(database, impostor))
