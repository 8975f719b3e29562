"""A user can have a failed video's file fetched once more, and can delete a video.

On the whole local stack, whose fake provider loses a file and finds it again.
"""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable

import pytest

from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from clipferry.usecases import move_credits
from local.providers.faults import Failure, Faults
from tests.stack_world import CREDITS, PRICE, Answer, World


def video_at(world: World, status: VideoStatus) -> str:
    """A row that nobody works on."""
    uuid = f"vid_{world.user_id}_{status}"
    world.rows(
        """insert into videos (uuid, user_id, prompt, model, status, updated_at)
        values (%(uuid)s, %(user_id)s, 'p', 'm', %(status)s, timezone('utc', now()))""",
        uuid=uuid,
        user_id=world.user_id,
        status=status,
    )
    return uuid


def retry(world: World, uuid: str) -> Answer:
    return world.call("POST", f"/api/v1/video/{uuid}/retry")


def spend(world: World, amount: int) -> None:
    database = Database(world.stack.database_url)
    try:
        taken = move_credits.take_back(
            user_id=world.user_id, amount=amount, order_no=f"spent-{world.user_id}", database=database
        )
    finally:
        database.close()
    assert taken == amount


def at_once(*calls: Callable[[], Answer]) -> list[Answer]:
    answers: list[Answer] = []
    together = threading.Barrier(len(calls))

    def run(call: Callable[[], Answer]) -> None:
        together.wait()
        answers.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


# Retry


def test_a_file_that_is_back_is_mirrored_and_paid_for(world: World) -> None:
    uuid = world.failed_video()
    assert (world.hold(uuid), world.package()) == ("RELEASED", (CREDITS, 0))
    task_id = world.video(uuid)["external_task_id"]
    world.bring_back(uuid)

    answer = retry(world, uuid)

    assert answer.status == 202
    assert answer.data == {
        "videoUuid": uuid,
        "taskId": task_id,
        "provider": "evolink",
        "status": "UPLOADING",
        "estimatedTime": None,
        "creditsUsed": PRICE,
    }
    assert world.ends(uuid) == "COMPLETED"
    assert (world.hold(uuid), world.package()) == ("SETTLED", (CREDITS - PRICE, 0))
    status = world.call("GET", f"/api/v1/video/{uuid}/status").data
    assert status == {"status": "COMPLETED", "progress": 100, "videoUrl": world.video(uuid)["video_url"]}
    with urllib.request.urlopen(status["videoUrl"], timeout=30) as film:
        assert film.read(8)[4:] == b"ftyp"
    entries = world.rows("select credits from credit_transactions where video_uuid = %(u)s and credits < 0", u=uuid)
    assert entries == [{"credits": -PRICE}]


def test_of_two_retries_at_once_one_succeeds(world: World) -> None:
    uuid = world.failed_video()
    world.bring_back(uuid)

    answers = at_once(lambda: retry(world, uuid), lambda: retry(world, uuid))

    assert sorted(answer.status for answer in answers) == [202, 409]
    [loser] = [answer for answer in answers if answer.status == 409]
    assert loser.payload["error"] == {"code": "CONFLICT", "message": "Someone else was first."}
    assert world.ends(uuid) == "COMPLETED"
    assert world.package() == (CREDITS - PRICE, 0)


def test_a_file_that_is_still_gone_cannot_be_retried_and_costs_nothing(world: World) -> None:
    uuid = world.failed_video()

    answer = retry(world, uuid)

    assert (answer.status, answer.payload["error"]["code"]) == (410, "ORIGINAL_EXPIRED")
    assert (world.video(uuid)["status"], world.hold(uuid), world.package()) == ("FAILED", "RELEASED", (CREDITS, 0))
    world.books_are_right()


def test_a_video_that_never_was_made_cannot_be_retried(world: World) -> None:
    world.evolink.next(Faults(fail=Failure(code="content_policy_violation")))
    uuid = world.generate().data["videoUuid"]
    assert world.ends(uuid) == "FAILED"

    assert retry(world, uuid).status == 410
    assert world.package() == (CREDITS, 0)


def test_a_retry_has_to_be_paid_for(world: World) -> None:
    uuid = world.failed_video()
    world.bring_back(uuid)
    spend(world, CREDITS - PRICE + 1)

    answer = retry(world, uuid)

    assert answer.status == 402
    assert answer.payload["error"]["code"] == "INSUFFICIENT_CREDITS"
    assert answer.payload["error"]["details"] == {"requiredCredits": PRICE, "availableCredits": PRICE - 1}
    assert (world.video(uuid)["status"], world.hold(uuid)) == ("FAILED", "RELEASED")
    world.books_are_right()


def test_a_retry_that_fails_again_gives_the_credits_back_again(world: World) -> None:
    uuid = world.failed_video()
    world.bring_back(uuid)
    task = world.evolink.tasks[world.video(uuid)["external_task_id"]]
    task.faults = Faults(result="page")

    assert retry(world, uuid).status == 202
    world.waits(lambda: bool(world.rows("select 1 from clipferry.jobs where mirror_attempts > 0")))
    world.rows("update clipferry.jobs set deadline = now() - interval '1 hour' where video_uuid = %(u)s", u=uuid)

    assert world.ends(uuid) == "FAILED"
    assert (world.hold(uuid), world.package()) == ("RELEASED", (CREDITS, 0))


@pytest.mark.parametrize("status", [status for status in VideoStatus if status is not VideoStatus.FAILED])
def test_only_what_has_failed_is_retried(world: World, status: VideoStatus) -> None:
    uuid = video_at(world, status)
    before = world.video(uuid)

    answer = retry(world, uuid)

    assert (answer.status, answer.payload["error"]["code"]) == (409, "CONFLICT")
    assert world.video(uuid) == before


# Delete


def test_a_deleted_video_is_gone_at_once_and_cannot_be_deleted_again(world: World) -> None:
    uuid = world.generate().data["videoUuid"]
    assert world.ends(uuid) == "COMPLETED"

    first, second = (world.call("DELETE", f"/api/v1/video/{uuid}") for _ in range(2))

    assert (first.status, first.data) == (200, {"deleted": True})
    assert (second.status, second.payload["error"]["code"]) == (404, "VIDEO_NOT_FOUND")
    assert world.call("GET", "/api/v1/video/list").data["videos"] == []
    assert world.call("GET", f"/api/v1/video/{uuid}").status == 404
    assert world.call("GET", f"/api/v1/video/{uuid}/status").status == 404
    assert world.package() == (CREDITS - PRICE, 0)


def test_a_video_that_is_deleted_while_it_is_made_is_still_made_and_paid_for(world: World) -> None:
    uuid = world.generate().data["videoUuid"]
    assert world.call("DELETE", f"/api/v1/video/{uuid}").status == 200

    assert world.ends(uuid) == "COMPLETED"
    assert (world.hold(uuid), world.package()) == ("SETTLED", (CREDITS - PRICE, 0))
    assert world.video(uuid)["is_deleted"] is True
    assert world.call("GET", "/api/v1/video/list").data["videos"] == []


def test_a_video_that_is_deleted_and_then_fails_costs_nothing(world: World) -> None:
    world.evolink.next(Faults(fail=Failure(code="generation_failed_no_content")))
    uuid = world.generate().data["videoUuid"]
    assert world.call("DELETE", f"/api/v1/video/{uuid}").status == 200

    assert world.ends(uuid) == "FAILED"
    assert world.package() == (CREDITS, 0)
    assert retry(world, uuid).status == 404


@pytest.mark.parametrize("status", VideoStatus)
def test_a_video_can_be_deleted_whatever_it_is_doing(world: World, status: VideoStatus) -> None:
    uuid = video_at(world, status)

    assert world.call("DELETE", f"/api/v1/video/{uuid}").data == {"deleted": True}
    assert world.video(uuid)["status"] == status
    assert world.call("GET", f"/api/v1/video/{uuid}").status == 404
