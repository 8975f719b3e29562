"""The daily tasks, over a real database and a strict R2: what is removed, what is left alone, what is counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from benchmarks.plans import ExplainingDatabase
from clipferry import runtime
from clipferry.db import open_work, schema
from clipferry.db.connection import Database
from clipferry.errors import StorageError
from clipferry.files import upload_keys
from clipferry.models import VideoStatus
from clipferry.s3 import retry
from clipferry.usecases.abort_uploads import abort_uploads
from clipferry.usecases.apply_retention import apply_retention
from clipferry.usecases.delete_video import delete_video
from clipferry.usecases.remove_uploads import remove_uploads
from clipferry.usecases.run_daily_tasks import DailyTasksFailedError
from local.lambda_runtime.events import schedule_event
from local.lambda_runtime.function_instances import load
from local.lambda_runtime.lambda_context import LambdaContext, invoker
from local.r2.faults import Fault
from local.r2.folder import Object
from local.r2.server import FakeR2
from local.sam_template.read import read_template
from tests import books, journeys
from tests.bucket_of_handlers import bucket_of_handlers
from tests.database import MIGRATIONS
from tests.log_lines import captured, events, metrics

ADD = """
with video as (
    insert into videos (uuid, user_id, prompt, model, status, updated_at)
    values (%(uuid)s, 'ann', 'p', 'm', %(status)s, timezone('utc', now()))
)
insert into clipferry.jobs (video_uuid, state_since, deadline, next_check_at)
values (%(uuid)s, now() - make_interval(secs => %(age)s), %(deadline)s, %(deadline)s)
"""


@pytest.fixture
def r2(database_url: str) -> Iterator[FakeR2]:
    with bucket_of_handlers(database_url) as r2:
        yield r2


def run(name: str) -> tuple[Any, str]:
    """Returns the function's answer and its log."""
    function = read_template().function(name)
    with captured() as log:
        answer = invoker(function, load(function))(schedule_event(rule="r"))
    return answer, log()


def begin(r2: FakeR2, key: str, age: timedelta = timedelta(days=2)) -> str:
    return r2.bucket.create(key, headers={}, now=datetime.now(UTC) - age)


def add_video(database_url: str, uuid: str, status: str, *, age: float = 0) -> None:
    still_open = status in ("PENDING", "GENERATING", "UPLOADING")
    deadline = datetime.now(UTC) + timedelta(hours=1) if still_open else None
    with psycopg.connect(database_url, autocommit=True) as direct:
        direct.execute("""insert into "user" (id, email) values ('ann', 'ann') on conflict do nothing""")
        direct.execute(ADD, {"uuid": uuid, "status": status, "age": age, "deadline": deadline})


def test_an_upload_that_nobody_will_continue_is_taken_back(r2: FakeR2, database_url: str) -> None:
    add_video(database_url, "vid_done", "COMPLETED")
    add_video(database_url, "vid_failed", "FAILED")
    for uuid in ("vid_done", "vid_failed", "vid_nobodys"):
        begin(r2, f"videos/{uuid}.mp4")
    begin(r2, "videos/vid_done.mp4")
    answer, log = run("HousekeepFunction")
    assert answer["abortedUploads"] == 4
    assert r2.bucket.uploads == {}
    assert ("UploadsAborted", 4, {}) in metrics(log)


@pytest.mark.parametrize("status", ["PENDING", "GENERATING", "UPLOADING"])
def test_a_video_that_is_open_keeps_its_uploads(status: str, r2: FakeR2, database_url: str) -> None:
    add_video(database_url, "vid_open", status)
    begin(r2, "videos/vid_open.mp4")
    answer, _ = run("HousekeepFunction")
    assert (answer["abortedUploads"], len(r2.bucket.uploads)) == (0, 1)


def test_a_young_upload_and_other_peoples_are_left_alone(r2: FakeR2) -> None:
    begin(r2, "videos/vid_young.mp4", timedelta(hours=23))
    begin(r2, "uploads/ann/picture.png")
    begin(r2, "videos/of a person/film.mp4")
    begin(r2, "videos/film.mov")
    answer, _ = run("HousekeepFunction")
    assert (answer["abortedUploads"], len(r2.bucket.uploads)) == (0, 4)


def test_all_pages_are_looked_at(r2: FakeR2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.r2.operations.UPLOADS_A_PAGE", 3)
    for number in range(10):
        begin(r2, f"videos/vid_{number % 4}.mp4")
    answer, _ = run("HousekeepFunction")
    assert (answer["abortedUploads"], r2.requests["ListMultipartUploads"]) == (10, 4)


def test_a_bucket_that_is_away_costs_no_other_task(r2: FakeR2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "LONGEST_PAUSE_SECONDS", 0.01)
    begin(r2, "videos/vid_1.mp4")
    r2.fail(Fault(operation="ListMultipartUploads", kind="reset", times=50))
    answer, log = run("HousekeepFunction")
    assert (answer["abortedUploads"], answer["breaches"]) == (0, 0)
    assert ("CreditsBreached", 0, {}) in metrics(log)
    (line,) = [line for line in events(log) if line["level"] == "WARNING"]
    assert line["message"] == "uploads not aborted"


def test_one_that_is_over_meanwhile_is_fine(r2: FakeR2) -> None:
    begin(r2, "videos/vid_1.mp4")
    r2.fail(Fault(operation="AbortMultipartUpload", kind="lost"))
    answer, _ = run("HousekeepFunction")
    assert (answer["abortedUploads"], r2.bucket.uploads) == (1, {})


def test_what_time_does_not_allow_is_done_tomorrow(r2: FakeR2, database: Database) -> None:
    for number in range(3):
        begin(r2, f"videos/vid_{number}.mp4")
    left = iter([100.0, 100.0, 10.0])
    aborted = abort_uploads(
        database=database,
        storage=runtime.dependencies().storage,
        now=datetime.now(UTC),
        seconds_left=lambda: next(left),
    )
    assert (aborted, len(r2.bucket.uploads)) == (2, 1)


def test_the_files_of_a_deleted_video_go_after_seven_days(r2: FakeR2, database_url: str) -> None:
    with closing(runtime.dependencies().maintenance_database()):
        for uuid in ("vid_old", "vid_young"):
            add_video(database_url, uuid, "COMPLETED")
            runtime.dependencies().storage.upload_file(key=f"videos/{uuid}.mp4", body=b"film")
            runtime.dependencies().storage.upload_file(key=f"videos/{uuid}.jpg", body=b"picture")
    with psycopg.connect(database_url, autocommit=True) as direct:
        direct.execute(
            """insert into clipferry.deletions (video_uuid, deleted_at)
            values ('vid_old', now() - interval '8 days'), ('vid_young', now() - interval '6 days')"""
        )
        direct.execute("update videos set is_deleted = true")
    assert run("HousekeepFunction")[0]["removedVideos"] == 1
    assert sorted(r2.bucket.objects) == ["videos/vid_young.jpg", "videos/vid_young.mp4"]
    assert run("HousekeepFunction")[0]["removedVideos"] == 0


REJECTED = """
insert into clipferry.mirrored_files (video_uuid, key, size, sha256, upload_id, updated_at)
values (%(uuid)s, 'videos/' || %(uuid)s || '.mp4', 4, %(sha256)s, %(upload_id)s,
        now() - make_interval(hours => %(hours)s))
"""


@pytest.mark.parametrize(
    ("status", "code", "hours", "sha256", "upload_id", "goes"),
    [
        ("FAILED", "NOT_A_VIDEO", 25, None, None, True),
        ("FAILED", "NOT_A_VIDEO", 23, None, None, False),
        ("FAILED", "NOT_A_VIDEO", 25, "00", None, False),
        ("FAILED", "NOT_A_VIDEO", 25, None, "upload", False),
        ("FAILED", "FILE_UNAVAILABLE", 25, None, None, False),
        ("UPLOADING", None, 25, None, None, False),
        ("COMPLETED", None, 25, "00", None, False),
    ],
    ids=["a day old", "young", "a film", "unfinished", "another failure", "tried again", "completed"],
)
def test_a_file_that_was_no_film_goes_after_a_day(
    r2: FakeR2,
    database_url: str,
    status: str,
    code: str | None,
    hours: int,
    sha256: str | None,
    upload_id: str | None,
    goes: bool,
) -> None:
    add_video(database_url, "vid_1", status)
    runtime.dependencies().storage.upload_file(key="videos/vid_1.mp4", body=b"film")
    with psycopg.connect(database_url, autocommit=True) as direct:
        direct.execute("update clipferry.jobs set failure_code = %s", [code])
        direct.execute(REJECTED, {"uuid": "vid_1", "sha256": sha256, "upload_id": upload_id, "hours": hours})
    assert run("HousekeepFunction")[0]["removedRejections"] == int(goes)
    assert r2.bucket.objects.keys() == (set() if goes else {"videos/vid_1.mp4"})
    assert run("HousekeepFunction")[0]["removedRejections"] == 0


def test_all_that_is_due_goes_while_there_is_time(r2: FakeR2, database: Database) -> None:
    books.execute(
        database,
        "insert into clipferry.deletions (video_uuid, deleted_at) "
        "select 'vid_' || n, now() - interval '8 days' from generate_series(1, 250) n",
    )
    assert run("HousekeepFunction")[0]["removedVideos"] == 250
    assert books.value(database, "select count(*) from clipferry.deletions where files_removed_at is null") == 0


def test_a_file_that_the_bucket_will_not_let_go_keeps_no_other_from_going(r2: FakeR2, database: Database) -> None:
    books.execute(
        database,
        "insert into clipferry.deletions (video_uuid, deleted_at) "
        "select 'vid_' || n, now() - interval '8 days' from generate_series(1, 105) n",
    )
    r2.fail(Fault(operation="DeleteObjects", kind="500", times=5))
    with pytest.raises(StorageError, match="of 1 videos"):
        apply_retention(database=database, storage=runtime.dependencies().storage, seconds_left=lambda: 300.0)
    assert books.value(database, "select count(*) from clipferry.deletions where files_removed_at is null") == 1


def test_the_files_of_the_original_application_go_from_where_they_are(r2: FakeR2, database: Database) -> None:
    key = "videos/vid_old/1768435200000.mp4"
    runtime.dependencies().storage.upload_file(key=key, body=b"film")
    runtime.dependencies().storage.upload_file(key="uploads/ann/picture.png", body=b"picture")
    books.add_user(database)
    books.execute(
        database,
        """with video as (
            insert into videos (uuid, user_id, prompt, model, status, video_url, thumbnail_url, is_deleted, updated_at)
            values ('vid_old', 'ann', 'p', 'm', 'COMPLETED', %(film)s, %(picture)s, true, timezone('utc', now()))
        )
        insert into clipferry.deletions (video_uuid, deleted_at) values ('vid_old', now() - interval '8 days')""",
        film=runtime.dependencies().storage.public_url(key),
        picture=runtime.dependencies().storage.public_url("uploads/ann/picture.png"),
    )
    assert run("HousekeepFunction")[0]["removedVideos"] == 1
    assert sorted(r2.bucket.objects) == ["uploads/ann/picture.png"]


def inputs(database: Database, uuid: str, first: str, **parameters: Any) -> None:
    """Writes what a video was made from into its row: keys in the bucket."""
    url = runtime.dependencies().storage.public_url
    books.execute(
        database,
        "update public.videos set start_image_url = %(url)s, parameters = %(parameters)s where uuid = %(uuid)s",
        url=url(first),
        parameters=Jsonb({"duration": 5} | {name: [url(key) for key in keys] for name, keys in parameters.items()}),
        uuid=uuid,
    )


def test_what_a_user_wrote_and_sent_for_a_deleted_video_goes_with_its_files(r2: FakeR2, database: Database) -> None:
    storage = runtime.dependencies().storage
    credential = books.add_user(database)
    books.add_package(database, 100)
    gone, kept = (journeys.video_at(database, VideoStatus.COMPLETED) for _ in range(2))
    own, last, video, sound, shared, bobs = (
        f"uploads/{name}"
        for name in ("ann/own.png", "ann/last.png", "ann/v.mp4", "ann/s.mp3", "ann/shared.png", "bob/b.png")
    )
    for key in (own, last, video, sound, shared, bobs):
        storage.upload_file(key=key, body=b"file")
    inputs(database, gone, own, imageUrls=[own, last, shared, bobs], videoUrls=[video], audioUrls=[sound])
    inputs(database, kept, own.replace("own", "other"), imageUrls=[shared])
    delete_video(gone, credential=credential, database=database)
    books.execute(database, "update clipferry.deletions set deleted_at = now() - interval '8 days'")
    assert run("HousekeepFunction")[0]["removedVideos"] == 1

    assert sorted(r2.bucket.objects) == [shared, bobs]
    left = "select prompt, start_image_url, parameters from public.videos where uuid = %(u)s"
    assert books.rows(database, left, u=gone) == [
        {"prompt": "", "start_image_url": None, "parameters": {"duration": 5}}
    ]
    assert books.value(database, "select prompt <> '' from public.videos where uuid = %(u)s", u=kept)
    assert books.breaches(database) == []


def test_an_upload_goes_with_the_last_video_that_was_made_from_it(r2: FakeR2, database: Database) -> None:
    credential = books.add_user(database)
    books.add_package(database, 100)
    runtime.dependencies().storage.upload_file(key="uploads/ann/shared.png", body=b"picture")
    for _ in range(2):
        uuid = journeys.video_at(database, VideoStatus.COMPLETED)
        inputs(database, uuid, "uploads/ann/shared.png")
        delete_video(uuid, credential=credential, database=database)
    books.execute(database, "update clipferry.deletions set deleted_at = now() - interval '8 days'")
    assert run("HousekeepFunction")[0]["removedVideos"] == 2
    assert r2.bucket.objects == {}


MIB = 1024 * 1024


def upload(r2: FakeR2, key: str, *, days: float, size: int = 7) -> str:
    """Puts a file of `size` bytes there that was written `days` ago."""
    modified = datetime.now(UTC) - timedelta(days=days)
    r2.bucket.objects[key] = Object(size=size, etag="", kept=None, headers={}, sha256=None, modified=modified)
    return key


@pytest.mark.parametrize(
    ("user", "ending", "days", "size", "used_by", "goes"),
    [
        ("ann", "png", 0.9, 7, None, False),
        ("ann", "png", 0.9, 11 * MIB, None, False),
        ("ann", "png", 1.1, 7, None, True),
        ("ann", "png", 1.1, 7, VideoStatus.FAILED, False),
        ("ann", "png", 1.1, 10 * MIB, VideoStatus.COMPLETED, False),
        ("ann", "png", 1.1, 10 * MIB + 1, VideoStatus.COMPLETED, True),
        ("ann", "mp4", 1.1, 100 * MIB, VideoStatus.COMPLETED, False),
        ("ann", "mp4", 1.1, 100 * MIB + 1, VideoStatus.COMPLETED, True),
        ("ann", "mp3", 1.1, 20 * MIB + 1, VideoStatus.COMPLETED, True),
        ("ann", "png", 1.1, 11 * MIB, VideoStatus.GENERATING, False),
        ("ann", "png", 29.9, 7, VideoStatus.COMPLETED, False),
        ("ann", "png", 30.1, 7, VideoStatus.COMPLETED, True),
        ("ann", "png", 30.1, 7, VideoStatus.PENDING, False),
        ("an id@that/is hashed", "png", 1.1, 7, None, True),
        ("an id@that/is hashed", "png", 1.1, 7, VideoStatus.FAILED, False),
    ],
)
def test_an_upload_goes_when_it_is_too_large_or_unused_or_old(
    r2: FakeR2,
    database: Database,
    user: str,
    ending: str,
    days: float,
    size: int,
    used_by: VideoStatus | None,
    goes: bool,
) -> None:
    books.add_user(database, user)
    books.add_package(database, 100, user_id=user)
    types = {ending: content_type for content_type, ending in upload_keys.UPLOAD_TYPES.items()}
    key = upload(r2, upload_keys.new_key(user, types[ending]), days=days, size=size)
    if used_by is not None:
        inputs(database, journeys.video_at(database, used_by, user_id=user), "videos/other.png", videoUrls=[key])
    answer, log = run("HousekeepFunction")
    assert answer["removedUploads"] == int(goes)
    assert r2.bucket.objects.keys() == (set() if goes else {key})
    assert ("UploadsRemoved", int(goes), {}) in metrics(log)


def removed_uploads(database: Database, *, kept_days: int = 30, day: int = 0, seconds_left: float = 300.0) -> int:
    return remove_uploads(
        database=database,
        storage=runtime.dependencies().storage,
        now=datetime.now(UTC) + timedelta(days=day),
        kept_days=kept_days,
        seconds_left=lambda: seconds_left,
    )


def test_uploads_that_are_kept_for_ever_do_not_expire(r2: FakeR2, database: Database) -> None:
    books.add_user(database)
    books.add_package(database, 100)
    used, unused = (upload(r2, upload_keys.new_key("ann", "image/png"), days=4000) for _ in range(2))
    inputs(database, journeys.video_at(database, VideoStatus.COMPLETED), used)
    assert removed_uploads(database, kept_days=0) == 1
    assert list(r2.bucket.objects) == [used]
    assert unused != used


@pytest.mark.parametrize(
    "key",
    [
        "uploads/ann/picture.png",
        "uploads/ann/aaaaaaaaaaaaaaaaaaaaa.exe",
        "uploads/aaaaaaaaaaaaaaaaaaaaa.png",
        "uploads/ann/more/aaaaaaaaaaaaaaaaaaaaa.png",
        "avatars/ann/aaaaaaaaaaaaaaaaaaaaa.png",
    ],
)
def test_files_that_clipferry_has_not_named_are_left_alone(r2: FakeR2, database: Database, key: str) -> None:
    upload(r2, key, days=4000)
    assert removed_uploads(database) == 0
    assert list(r2.bucket.objects) == [key]


@pytest.mark.parametrize("day", range(0, 62, 9))
def test_every_page_of_uploads_is_looked_at_wherever_the_day_begins(
    r2: FakeR2, database: Database, monkeypatch: pytest.MonkeyPatch, day: int
) -> None:
    monkeypatch.setattr("local.r2.operations.OBJECTS_A_PAGE", 3)
    for user in ("0", "A", "Z", "ann", "bob", "zoe"):
        for _ in range(2):
            upload(r2, upload_keys.new_key(user, "image/png"), days=2)
    assert removed_uploads(database, day=day) == 12
    assert r2.bucket.objects == {}


@pytest.mark.parametrize("ending", ["jpeg", "JPG", "Mp4", "avi"])
def test_an_upload_that_keeps_its_own_ending_is_an_upload(r2: FakeR2, database: Database, ending: str) -> None:
    """The newer original's server uploads under keys like ours."""
    upload(r2, f"uploads/ann/aaaaaaaaaaaaaaaaaaaaa.{ending}", days=2)
    assert removed_uploads(database) == 1


def test_uploads_wait_for_another_day_when_time_is_short(r2: FakeR2, database: Database) -> None:
    upload(r2, upload_keys.new_key("ann", "image/png"), days=2)
    assert removed_uploads(database, seconds_left=19.0) == 0
    assert len(r2.bucket.objects) == 1


def test_a_video_that_was_brought_back_keeps_its_files_and_is_deleted_anew(r2: FakeR2, database: Database) -> None:
    credential = books.add_user(database)
    books.add_package(database, 100)
    uuid = journeys.video_at(database, VideoStatus.COMPLETED)
    delete_video(uuid, credential=credential, database=database)
    books.execute(database, "update clipferry.deletions set deleted_at = now() - interval '8 days'")
    books.execute(database, "update public.videos set is_deleted = false")
    assert run("HousekeepFunction")[0]["removedVideos"] == 0
    delete_video(uuid, credential=credential, database=database)
    assert run("HousekeepFunction")[0]["removedVideos"] == 0
    books.execute(database, "update clipferry.deletions set deleted_at = now() - interval '8 days'")
    assert run("HousekeepFunction")[0]["removedVideos"] == 1


BREAK = (
    """alter table credit_packages drop constraint clipferry_frozen_not_negative,
    drop constraint clipferry_no_more_than_initial""",
    """update credit_packages set frozen_credits = -10, expired_at = timezone('utc', now()) - interval '1 hour'
    where user_id = 'ann'""",
    "update credit_packages set expired_at = timezone('utc', now()) - interval '1 hour' where user_id = 'bob'",
    """alter table credit_packages add constraint clipferry_frozen_not_negative check (frozen_credits >= 0) not valid,
    add constraint clipferry_no_more_than_initial
        check (remaining_credits + frozen_credits <= initial_credits) not valid""",
)
"""A hold as the original application may have left it: it settles without locks."""


def test_a_dropped_index_is_a_breach(r2: FakeR2, database: Database, database_url: str) -> None:
    books.execute(database, "drop index public.clipferry_videos_task_key")
    try:
        answer, log = run("HousekeepFunction")
    finally:
        schema.bring_up_to_date(database_url, MIGRATIONS)

    assert answer["breaches"] == 1
    assert "clipferry_videos_task_key" in log


def test_a_user_with_broken_books_stops_nobody_elses_expiry(r2: FakeR2, database: Database) -> None:
    for user_id in ("ann", "bob"):
        books.add_user(database, user_id)
        books.add_package(database, 10, user_id=user_id)
    books.execute_all(database, *BREAK)
    answer, log = run("HousekeepFunction")
    assert answer["expiredPackages"] == 1
    assert answer["breaches"] > 0
    assert books.balance(database, "bob").available == 0
    assert ("ExpiriesRefused", 1, {}) in metrics(log)


def test_a_task_that_fails_does_not_keep_the_others_from_being_run(r2: FakeR2, database: Database) -> None:
    begin(r2, "videos/vid_1.mp4")
    books.execute(database, "insert into clipferry.deletions values ('vid_gone', now() - interval '8 days')")
    r2.fail(Fault(operation="DeleteObjects", kind="500", times=50))
    housekeep = load(read_template().function("HousekeepFunction"))
    context = LambdaContext(function_name="f", timeout_seconds=300)
    with captured() as log, pytest.raises(DailyTasksFailedError, match="removedVideos"):
        housekeep(schedule_event(rule="r"), context)
    told = metrics(log())
    assert ("DailyTaskErrors", 1, {"task": "removedVideos"}) in told
    assert ("CreditsBreached", 0, {}) in told
    assert ("UploadsAborted", 1, {}) in told


def test_reconcile_lets_go_of_a_video_that_somebody_else_has_ended(r2: FakeR2, database_url: str) -> None:
    add_video(database_url, "vid_1", "GENERATING", age=500)
    with psycopg.connect(database_url, autocommit=True) as direct:
        direct.execute("update videos set status = 'COMPLETED'")
        direct.execute("update clipferry.jobs set next_check_at = now()")
        run("ReconcileFunction")
        [job] = direct.execute("select deadline, next_check_at from clipferry.jobs").fetchall()
    assert job == (None, None)


def test_reconcile_says_how_long_the_oldest_has_been_open_and_what_is_held(r2: FakeR2, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as direct:
        direct.execute("""insert into "user" (id, email) values ('ann', 'ann')""")
    _, log = run("ReconcileFunction")
    assert [found for found in metrics(log) if found[0] in ("OldestOpenVideoSeconds", "CreditsHeld")] == [
        ("OldestOpenVideoSeconds", 0, {}),
        ("CreditsHeld", 0, {}),
    ]
    add_video(database_url, "vid_old", "GENERATING", age=500)
    add_video(database_url, "vid_young", "UPLOADING", age=5)
    add_video(database_url, "vid_ended", "COMPLETED", age=90_000)
    with psycopg.connect(database_url, autocommit=True) as direct:
        for uuid, status, held in (
            ("vid_old", "HOLDING", 15),
            ("vid_young", "HOLDING", 20),
            ("vid_ended", "SETTLED", 40),
        ):
            direct.execute(
                """with package as (
                    insert into credit_packages
                        (user_id, initial_credits, remaining_credits, frozen_credits, trans_type, updated_at)
                    values ('ann', %(held)s, 0, %(held)s, 'ORDER_PAY', timezone('utc', now())) returning id
                )
                insert into credit_holds (user_id, video_uuid, credits, status, package_id, package_allocation)
                select 'ann', %(uuid)s, %(held)s, %(status)s, id,
                    jsonb_build_array(jsonb_build_object('packageId', id, 'credits', %(held)s::int))
                from package""",
                {"uuid": uuid, "status": status, "held": held},
            )
    _, log = run("ReconcileFunction")
    told = {name: value for name, value, _ in metrics(log)}
    assert 500 <= told["OldestOpenVideoSeconds"] < 560
    assert told["CreditsHeld"] == 35


def test_the_gauges_read_open_videos_and_no_others(database_url: str) -> None:
    """A table of a few pages is best read as a whole, so there have to be some."""
    with psycopg.connect(database_url, autocommit=True) as direct:
        direct.execute("""insert into "user" (id, email) values ('ann', 'ann')""")
        direct.execute(
            """with added as (
                insert into videos (uuid, user_id, prompt, model, status, updated_at)
                select 'vid_' || n, 'ann', 'p', 'm',
                    (case when n % 1000 = 0 then 'GENERATING' else 'COMPLETED' end)::"VideoStatus",
                    timezone('utc', now())
                from generate_series(1, 20000) n returning uuid, status
            )
            insert into clipferry.jobs (video_uuid, deadline, next_check_at)
            select uuid, case when status = 'GENERATING' then now() end, case when status = 'GENERATING' then now() end
            from added"""
        )
        direct.execute("analyze videos; analyze clipferry.jobs; analyze credit_holds")
    with closing(ExplainingDatabase(database_url)) as database, database.transaction() as tx:
        open_work.read(tx)
        (plan,) = database.plans
    assert plan.rows_read <= 30
