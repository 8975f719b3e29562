"""The journey of a video, from outside: over HTTP, with a real database, bucket, queue and file."""

from __future__ import annotations

import hashlib
import io
import json
import time
import urllib.request

import av
import pytest
from PIL import Image

from clipferry.verdicts import Verdict
from local.providers.faults import Failure, Faults, Refusal
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
    assert status == {"status": "COMPLETED", "videoUrl": world.video(uuid)["video_url"]}
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


def test_a_submit_that_is_refused_is_502_and_costs_nothing(world: World) -> None:
    world.evolink.next(Faults(refuse=Refusal(status=402, code="insufficient_quota")))
    refused = world.generate(**{"Idempotency-Key": "once"})
    assert refused.status == 502
    assert refused.payload["error"]["details"]["errorCode"] == "PROVIDER_OUT_OF_FUNDS"
    assert world.package() == (CREDITS, 0)
    again = world.generate(**{"Idempotency-Key": "once"})
    assert (again.status, again.payload) == (refused.status, refused.payload)
    assert again.headers["idempotent-replayed"] == "true"
    world.books_are_right()


def test_a_submit_whose_answer_is_lost_is_never_sent_again_and_its_callback_completes_it(world: World) -> None:
    sent_before = len(world.evolink.submissions)
    world.evolink.next(Faults(submit="cut"))
    created = world.generate()
    assert (created.status, created.data["taskId"], created.data["status"]) == (202, None, "PENDING")
    uuid = created.data["videoUuid"]
    assert world.ends(uuid) == "COMPLETED"
    assert len(world.evolink.submissions) == sent_before + 1


def test_a_repeat_with_the_same_key_is_the_same_video(world: World) -> None:
    first = world.generate(**{"Idempotency-Key": "double-click"})
    second = world.generate(**{"Idempotency-Key": "double-click"})
    assert second.status == 202
    assert second.headers["idempotent-replayed"] == "true"
    assert second.data["videoUuid"] == first.data["videoUuid"]
    something_else = {**ORDER, "prompt": "else"}
    other = world.call("POST", "/api/v1/video/generate", something_else, **{"Idempotency-Key": "double-click"})
    assert (other.status, other.payload["error"]["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert world.ends(first.data["videoUuid"]) == "COMPLETED"
    assert world.package() == (CREDITS - PRICE, 0)


def test_a_forged_signature_is_401_and_changes_nothing(world: World) -> None:
    world.evolink.next(Faults(callbacks=0))
    uuid = world.generate().data["videoUuid"]
    before = world.video(uuid)
    forged = send("POST", world.callback_url(uuid, secret="not-the-secret"), {"id": "x", "status": "completed"})
    assert (forged.status, forged.payload["success"]) == (401, False)
    assert world.verdicts(uuid) == []
    after = world.video(uuid)
    assert (after["external_task_id"], after["provider"]) == (before["external_task_id"], before["provider"])


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


def test_a_callback_for_another_providers_video_or_an_unknown_one_changes_nothing(world: World) -> None:
    assert send("POST", world.callback_url("vid_nobodys"), {"id": "x"}).status == 200
    unknown = send("POST", world.callback_url("vid_nobodys", provider="nobody"), {"id": "x"})
    assert (unknown.status, unknown.payload["error"]["code"]) == (400, "INVALID_REQUEST")


def test_a_callback_without_its_parameters_names_each(world: World) -> None:
    answer = send("POST", f"{world.stack.url}/api/v1/video/callback/evolink?ts=1", {})
    assert answer.status == 400
    assert [fault["path"] for fault in answer.payload["error"]["details"]["fields"]] == ["videoUuid", "sig"]


def test_a_message_that_comes_twice_is_harmless(world: World) -> None:
    from clipferry import runtime

    uuid = world.generate().data["videoUuid"]
    assert world.ends(uuid) == "COMPLETED"
    before = world.video(uuid)
    runtime.dependencies().mirror_queue.send(uuid)
    runtime.dependencies().mirror_queue.send(uuid)
    time.sleep(0.5)
    assert world.video(uuid) == before
    assert world.package() == (CREDITS - PRICE, 0)


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
def test_half_a_film_or_an_html_page_never_becomes_completed(world: World, result: str) -> None:
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


def test_a_user_may_have_three_videos_at_once_and_not_a_fourth(world: World) -> None:
    world.evolink.next(Faults(callbacks=0))
    world.evolink.next(Faults(callbacks=0))
    world.evolink.next(Faults(callbacks=0))
    created = [world.generate() for _ in range(4)]
    assert [answer.status for answer in created] == [202, 202, 202, 429]
    assert created[3].headers["retry-after"] == "30"
    for answer in created[:3]:
        assert world.ends(answer.data["videoUuid"]) == "COMPLETED"


def test_who_cannot_pay_is_told_what_is_missing(world: World) -> None:
    world.rows(
        """with taken as (update credit_packages set remaining_credits = 3 where user_id = %(id)s)
        insert into credit_transactions (trans_no, user_id, trans_type, credits, balance_after)
        values ('TXN-spent-' || %(id)s, %(id)s, 'SYSTEM_ADJUST', -97, 3)""",
        id=world.user_id,
    )
    refused = world.generate()
    assert refused.status == 402
    assert refused.payload["error"] == {
        "code": "INSUFFICIENT_CREDITS",
        "message": "You don't have enough credits.",
        "details": {"requiredCredits": PRICE, "availableCredits": 3},
    }


def test_nobody_reads_anothers_video(world: World) -> None:
    uuid = world.generate().data["videoUuid"]
    stranger = World.sign_up(world.stack, world.evolink, f"other-{world.user_id}", amount=0)
    for path in (f"/api/v1/video/{uuid}", f"/api/v1/video/{uuid}/status"):
        assert stranger.call("GET", path).payload == stranger.call("GET", path.replace(uuid, "vid_unknown")).payload
        assert stranger.call("GET", path).status == 404
    assert stranger.call("GET", "/api/v1/video/list").data == {"videos": [], "nextCursor": None, "hasMore": False}
    nobody = World(world.stack, world.evolink, "", "no-such-token")
    for path in (f"/api/v1/video/{uuid}", f"/api/v1/video/{uuid}/status", "/api/v1/video/list"):
        assert nobody.call("GET", path).status == 401
    assert nobody.generate().status == 401
    assert world.ends(uuid) == "COMPLETED"


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


def test_what_does_not_exist_is_404_in_the_envelope(world: World) -> None:
    answer = world.call("GET", "/api/v1/nothing")
    assert (answer.status, answer.payload["error"]["code"]) == (404, "NOT_FOUND")
