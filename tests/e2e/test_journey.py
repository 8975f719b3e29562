"""The journey of a video, from outside: over HTTP, with a real database, bucket, queue and file."""

from __future__ import annotations

import hashlib
import io
import json
import urllib.request

import av
import pytest
from PIL import Image
from standardwebhooks import Webhook

from clipferry.s3 import retry
from clipferry.verdicts import Verdict
from local.providers.faults import Failure, Faults
from tests.callback_receiver import receiving, until
from tests.stack_world import CREDITS, ORDER, PRICE, World, send


def test_a_video_is_created_called_back_mirrored_and_paid_for(world: World) -> None:
    created = world.generate()
    assert created.status == 202
    assert set(created.data) == {"videoUuid", "taskId", "provider", "status", "estimatedTime", "creditsUsed"}
    assert (created.data["provider"], created.data["status"], created.data["creditsUsed"]) == (
        "evolink",
        "GENERATING",
        PRICE,
    )
    assert world.package() == (CREDITS - PRICE, PRICE)
    uuid = created.data["videoUuid"]
    assert world.ends(uuid) == "COMPLETED"
    assert world.package() == (CREDITS - PRICE, 0)
    assert world.hold(uuid) == "SETTLED"
    row = world.video(uuid)
    assert (row["duration"], row["resolution"], row["aspect_ratio"]) == (5, "480p", "16:9")
    assert row["external_task_id"] == created.data["taskId"]
    assert row["generation_time"] is not None
    (entry,) = world.rows("select * from credit_transactions where video_uuid = %(uuid)s", uuid=uuid)
    assert (entry["trans_type"], entry["credits"], entry["balance_after"]) == (
        "VIDEO_CONSUME",
        -PRICE,
        CREDITS - PRICE,
    )


def test_the_end_is_announced_to_the_address_that_the_request_named(world: World) -> None:
    key = world.call("POST", "/api/v1/key", {"name": "server"}).data["key"]
    by_key = {"Authorization": f"Bearer {key}"}
    with receiving() as receiver:
        created = world.call("POST", "/api/v1/video/generate", {**ORDER, "webhookUrl": receiver.url}, **by_key)
        assert world.ends(created.data["videoUuid"]) == "COMPLETED"
        until(lambda: receiver.requests)
    [request] = receiver.requests

    secret = world.call("GET", "/api/v1/webhook/secret", **by_key).data["secret"]
    told = Webhook(secret).verify(request.body, dict(request.headers.items()))
    assert (told["type"], told["data"]["videoUuid"]) == ("video.completed", created.data["videoUuid"])
    assert told["data"]["videoUrl"] == world.video(created.data["videoUuid"])["video_url"]
    until(lambda: world.rows("select 1 from clipferry.webhook_deliveries where state = 'DELIVERED'"))


def test_the_mirrored_file_is_the_providers_to_the_byte_and_plays(world: World) -> None:
    uuid = world.generate().data["videoUuid"]
    assert world.ends(uuid) == "COMPLETED"
    row = world.video(uuid)
    with urllib.request.urlopen(row["original_video_url"]) as source:
        original = source.read()
    with urllib.request.urlopen(row["video_url"]) as mirrored:
        assert mirrored.headers["Content-Type"] == "video/mp4"
        copy = mirrored.read()
    assert copy == original
    assert row["file_size"] == len(original)
    (file,) = world.rows("select * from clipferry.mirrored_files where video_uuid = %(uuid)s", uuid=uuid)
    assert file["sha256"] == hashlib.sha256(original).hexdigest()
    with av.open(io.BytesIO(copy)) as film:
        assert sum(1 for _ in film.decode(video=0)) > 1


def test_the_thumbnail_is_the_films_first_frame(world: World) -> None:
    uuid = world.generate().data["videoUuid"]
    assert world.ends(uuid) == "COMPLETED"
    with urllib.request.urlopen(world.video(uuid)["thumbnail_url"]) as thumbnail:
        assert thumbnail.headers["Content-Type"] == "image/jpeg"
        picture = Image.open(io.BytesIO(thumbnail.read()))
    assert (picture.format, picture.width) == ("JPEG", 640)


def test_what_the_front_end_reads_of_a_finished_video(world: World) -> None:
    uuid = world.generate().data["videoUuid"]
    assert world.ends(uuid) == "COMPLETED"
    status = world.call("GET", f"/api/v1/video/{uuid}/status").data
    assert status == {"status": "COMPLETED", "progress": 100, "videoUrl": world.video(uuid)["video_url"]}
    detail = world.call("GET", f"/api/v1/video/{uuid}").data
    assert detail["createdAt"].endswith("Z")
    assert (detail["userId"], detail["creditsUsed"], detail["isDeleted"]) == (world.user_id, PRICE, False)
    page = world.call("GET", "/api/v1/video/list").data
    media = detail.pop("media")
    assert (media["codec"], media["hasAudio"], media["width"], media["height"]) == (
        "h264",
        False,
        detail["width"],
        detail["height"],
    )
    assert round(media["durationMs"] / 1000) == detail["duration"]
    assert page == {"videos": [detail], "nextCursor": None, "hasMore": False}


def test_a_callback_that_comes_twice_changes_nothing_the_second_time(world: World) -> None:
    world.evolink.next(Faults(callbacks=2))
    uuid = world.generate().data["videoUuid"]
    assert world.ends(uuid) == "COMPLETED"
    world.waits(lambda: [attempt.status for attempt in world.evolink.callbacks if uuid in attempt.url] == [200, 200])
    assert world.verdicts(uuid) == [Verdict.GENERATED]
    assert world.package() == (CREDITS - PRICE, 0)
    world.books_are_right()


def test_a_callback_that_comes_before_the_task_id_was_stored_is_taken(world: World) -> None:
    world.evolink.next(Faults(early_callback=True))
    created = world.generate()
    uuid = created.data["videoUuid"]
    assert world.ends(uuid) == "COMPLETED"
    assert world.verdicts(uuid)[0] == Verdict.GENERATED
    assert world.video(uuid)["external_task_id"] == created.data["taskId"]


def test_a_lost_callback_is_made_good_by_reconcile(world: World) -> None:
    world.evolink.next(Faults(callbacks=0))
    uuid = world.generate().data["videoUuid"]
    assert world.ends(uuid) == "COMPLETED"
    assert world.verdicts(uuid) == []


def test_a_task_that_fails_costs_nothing(world: World) -> None:
    world.evolink.next(Faults(fail=Failure(code="content_policy_violation", message="secret words of the provider")))
    uuid = world.generate().data["videoUuid"]
    assert world.ends(uuid) == "FAILED"
    assert world.hold(uuid) == "RELEASED"
    assert world.package() == (CREDITS, 0)
    status = world.call("GET", f"/api/v1/video/{uuid}/status").data
    assert status["errorCode"] == "CONTENT_POLICY"
    assert "secret words" not in json.dumps(status)


def test_a_forged_body_under_a_valid_signature_changes_nothing(world: World) -> None:
    world.evolink.next(Faults(callbacks=0))
    uuid = world.generate().data["videoUuid"]
    evil = {"id": "task-unified-1-evil", "status": "completed", "results": ["http://127.0.0.1:9/evil.mp4"]}
    assert send("POST", world.callback_url(uuid), evil).status == 200
    assert send("POST", world.callback_url(uuid), {"status": "failed", "error": {"code": "evil"}}).status == 200
    assert send("POST", world.callback_url(uuid), b"\xff\x00 not json").status == 200
    assert world.ends(uuid) == "COMPLETED"
    assert "evil" not in world.video(uuid)["original_video_url"]


@pytest.mark.parametrize("failed", [False, True])
def test_a_pending_video_does_not_take_another_videos_finished_task(world: World, failed: bool) -> None:
    if failed:
        world.evolink.next(Faults(fail=Failure(code="generation_failed_no_content")))
    other = world.generate().data
    assert world.ends(other["videoUuid"]) == ("FAILED" if failed else "COMPLETED")
    world.evolink.next(Faults(submit="cut", callbacks=0))
    uuid = world.generate().data["videoUuid"]
    stolen = {"id": other["taskId"], "status": "completed", "results": ["http://127.0.0.1:9/evil.mp4"]}
    assert send("POST", world.callback_url(uuid), stolen).status == 200
    assert world.verdicts(uuid) == [Verdict.NOT_ITS_TASK]
    row = world.video(uuid)
    assert (row["status"], row["external_task_id"], row["original_video_url"]) == ("PENDING", None, None)
    world.books_are_right()


def test_a_file_that_is_gone_fails_the_video_after_one_more_question(world: World) -> None:
    world.evolink.next(Faults(result="missing"))
    uuid = world.generate().data["videoUuid"]
    assert world.ends(uuid) == "FAILED"
    assert world.package() == (CREDITS, 0)
    kinds = [
        row["kind"] for row in world.rows("select kind from clipferry.video_events where video_uuid = %(u)s", u=uuid)
    ]
    assert kinds.count("source_refreshed") == 1
    assert world.call("GET", f"/api/v1/video/{uuid}/status").data["errorCode"] == "FILE_UNAVAILABLE"


@pytest.mark.parametrize("result", ["truncated", "page"])
def test_half_a_film_or_an_html_page_never_becomes_completed(
    world: World, result: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LONGEST_PAUSE_SECONDS", 0.05)  # else each mirror sleeps for 14 s before it gives up
    world.evolink.next(Faults(result=result))  # type: ignore[arg-type]
    uuid = world.generate().data["videoUuid"]
    interrupted = "select 1 from clipferry.video_events where video_uuid = %(uuid)s and kind = 'mirror_interrupted'"
    world.waits(lambda: len(world.rows(interrupted, uuid=uuid)) >= 2)
    assert world.video(uuid)["status"] == "UPLOADING"
    assert world.hold(uuid) == "HOLDING"
    world.books_are_right()
    world.rows("update clipferry.jobs set deadline = now() - interval '1 hour' where video_uuid = %(uuid)s", uuid=uuid)
    assert world.ends(uuid) == "FAILED"
    assert world.package() == (CREDITS, 0)


def test_a_page_ends_where_the_next_begins(world: World) -> None:
    world.rows(
        """insert into videos (uuid, user_id, prompt, model, status, created_at, updated_at)
        select 'vid_' || %(id)s || n, %(id)s, 'p', 'm', 'FAILED', timestamp '2026-01-01', timestamp '2026-01-01'
        from generate_series(1, 7) n""",
        id=world.user_id,
    )
    seen, path = [], "/api/v1/video/list?limit=3"
    while path:
        page = world.call("GET", path).data
        seen += [video["id"] for video in page["videos"]]
        path = page["nextCursor"] and f"/api/v1/video/list?limit=3&cursor={page['nextCursor']}"
    assert len(seen) == 7
    assert seen == sorted(seen, reverse=True)
    assert world.call("GET", "/api/v1/video/list?status=COMPLETED").data["videos"] == []
    for query in ("limit=0", "limit=101", "limit=x", "cursor=nonsense", "status=DONE"):
        assert world.call("GET", f"/api/v1/video/list?{query}").status == 400
