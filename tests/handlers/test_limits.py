"""What a user may not do without end or for nothing: orders, retries, uploads of any size, a failed video's film."""

from __future__ import annotations

from clipferry import runtime
from clipferry.db import submissions, videos
from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from local.sam_template.environment import in_process
from tests import books, journeys
from tests.http_api import Answer, Api, Person

IMAGE = {"filename": "first frame.png", "contentType": "image/png"}
COUNTED = """
insert into clipferry.rate_windows (user_id, minute, requests)
select 'ann', date_trunc('minute', now()) + later, %(requests)s
from unnest(array[interval '0', interval '1 minute']) later
on conflict (user_id, minute) do update set requests = excluded.requests
"""
"""Sets the count of this minute and of the next one, which may begin meanwhile."""


def test_a_user_may_ask_for_so_many_videos_a_minute_and_what_is_not_valid_does_not_count(
    api: Api, database: Database, ann: Person, bob: Person
) -> None:
    books.add_package(database, 100)
    books.add_package(database, 100, user_id="bob")

    def ask(one: Person, prompt: str = "A ferry") -> Answer:
        order = {"prompt": prompt, "model": "seedance-2.0", "quality": "480p"}
        return api.call("POST", "/api/v1/video/generate", order, one.by_session)

    with in_process({"RATE_LIMIT_PER_MINUTE": "2"}):
        runtime.reset()
        assert [ask(ann, prompt="").status for _ in range(3)] == [400, 400, 400]
        assert books.rows(database, "select 1 from clipferry.rate_windows") == []
        assert ask(ann).code == "PROVIDER_ERROR"
        assert books.value(database, "select requests from clipferry.rate_windows") == 1
        books.execute(database, COUNTED, requests=1)
        assert ask(ann).code == "PROVIDER_ERROR"
        books.execute(database, COUNTED, requests=2)
        refused = ask(ann)
        assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "RATE_LIMITED", "60")
        assert ask(bob).code == "PROVIDER_ERROR"
    assert books.balance(database).available == 100


def test_retries_count_against_the_minutes_limit(api: Api, database: Database, ann: Person) -> None:
    books.add_package(database, 100, user_id="ann")
    uuid = journeys.video_at(database, VideoStatus.FAILED, user_id="ann")

    books.execute(database, COUNTED, requests=3)
    last = api.call("POST", f"/api/v1/video/{uuid}/retry", headers=ann.by_session)
    books.execute(database, COUNTED, requests=5)
    beyond = api.call("POST", f"/api/v1/video/{uuid}/retry", headers=ann.by_session)

    assert (last.code, beyond.status, beyond.code) == ("ORIGINAL_EXPIRED", 429, "RATE_LIMITED")
    assert books.value(database, "select max(requests) from clipferry.rate_windows") == 6


def test_a_retry_of_what_has_not_failed_counts_for_nothing(api: Api, database: Database, ann: Person) -> None:
    books.add_package(database, 100, user_id="ann")
    uuid = journeys.video_at(database, VideoStatus.GENERATING, user_id="ann")

    answers = [api.call("POST", f"/api/v1/video/{uuid}/retry", headers=ann.by_session) for _ in range(7)]

    assert {answer.code for answer in answers} == {"CONFLICT"}


def test_only_a_paid_video_shows_the_providers_url(api: Api, database: Database, ann: Person) -> None:
    books.add_package(database, 100, user_id="ann")
    failed = journeys.video_at(database, VideoStatus.FAILED, user_id="ann")
    with database.transaction() as tx:
        noted = videos.note_late_success(tx, uuid=failed, task_id=f"task-{failed}", source_url="https://files/late.mp4")
    assert noted.first() is not None
    completed = journeys.video_at(database, VideoStatus.COMPLETED, user_id="ann")

    shown = {
        uuid: api.call("GET", f"/api/v1/video/{uuid}", headers=ann.by_session).data["originalVideoUrl"]
        for uuid in (failed, completed)
    }
    listed = api.call("GET", "/api/v1/video/list", headers=ann.by_session).data["videos"]

    assert shown[failed] is None
    assert shown[completed] is not None
    assert {video["uuid"]: video["originalVideoUrl"] for video in listed} == shown


def test_an_upload_without_a_size_is_refused_where_one_is_required(api: Api, ann: Person) -> None:
    with in_process({"UPLOAD_LENGTH_REQUIRED": "true"}):
        runtime.reset()
        without = api.call("POST", "/api/v1/upload/presign", IMAGE, headers=ann.by_session)
        sized = api.call("POST", "/api/v1/upload/presign", {**IMAGE, "contentLength": 1000}, headers=ann.by_session)

    assert (without.status, without.code) == (400, "INVALID_REQUEST")
    assert (sized.status, "content-length" in sized.data["uploadUrl"]) == (200, True)


def test_a_refusal_is_not_remembered_for_a_video_that_goes_on(database: Database) -> None:
    """A callback was quicker than the error: the video will be delivered and paid for."""
    books.add_user(database)
    books.add_package(database, 100)
    goes_on, ends = (journeys.new_video(key=key) for key in ("on", "over"))
    for video in (goes_on, ends):
        assert journeys.create(database, video).verdict == "CREATED"
    assert journeys.record(database, goes_on.uuid)
    assert journeys.fail(database, ends.uuid)
    with database.transaction() as tx:
        for video in (goes_on, ends):
            submissions.store_refusal(tx, video_uuid=video.uuid, refusal={"status": 502})

    kept = books.rows(database, "select key, refusal from clipferry.idempotency_keys order by key")
    assert kept == [{"key": "on", "refusal": None}, {"key": "over", "refusal": {"status": 502}}]
