"""`clipferry users erase`: what goes, what the ledger keeps, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clipferry import runtime
from clipferry.db.connection import Database
from clipferry.files import upload_keys
from clipferry.models import VideoStatus
from local.r2.faults import Fault
from local.r2.server import FakeR2
from tests import books, journeys
from tests.bucket_of_handlers import bucket_of_handlers
from tests.command_line import Clipferry

LEFT_BEHIND = """
insert into clipferry.callback_inbox (provider, video_uuid, signed_at, body_sha256, body_size, body)
select 'evolink', uuid, now(), '', 0, 'a body' from public.videos
"""
REQUESTED = """
insert into clipferry.idempotency_keys (user_id, key, request_sha256, video_uuid)
select user_id, uuid, '', uuid from public.videos
"""
TOLD = """
with endpoint as (
    insert into clipferry.webhook_endpoints (user_id, url) values (%(user)s, 'https://a.example.com') returning id
),
event as (
    insert into clipferry.webhook_events (id, kind, user_id, body) values ('msg_' || %(user)s, 'k', %(user)s, '{}')
    returning id
)
insert into clipferry.webhook_deliveries (event_id, endpoint_id, state) select event.id, endpoint.id, 'DELIVERED'
from event, endpoint
"""
COUNTED = "insert into clipferry.rate_windows values (%(user)s, now(), 1), ('upload:' || %(user)s, now(), 1)"


@pytest.fixture
def r2(database_url: str) -> Iterator[FakeR2]:
    with bucket_of_handlers(database_url) as r2:
        yield r2


def put(r2: FakeR2, *keys: str) -> None:
    for key in keys:
        runtime.dependencies().storage.upload_file(key=key, body=b"file")


def kept_about(database: Database, user_id: str) -> dict[str, int]:
    """The number of rows with something that the user wrote, sent or caused."""
    [row] = books.rows(
        database,
        """select
            (select count(*) from public.videos where user_id = %(user)s and not (prompt = '' and is_deleted
                and start_image_url is null and original_video_url is null and parameters = '{}')) as videos,
            (select count(*) from clipferry.callback_inbox c join public.videos v on v.uuid = c.video_uuid
                where v.user_id = %(user)s) as callbacks,
            (select count(*) from clipferry.video_events e join public.videos v on v.uuid = e.video_uuid
                where v.user_id = %(user)s) as events,
            (select count(*) from clipferry.mirrored_files f join public.videos v on v.uuid = f.video_uuid
                where v.user_id = %(user)s) as files,
            (select count(*) from clipferry.api_keys where user_id = %(user)s) as keys,
            (select count(*) from clipferry.webhook_events where user_id = %(user)s) as webhooks,
            (select count(*) from clipferry.webhook_endpoints where user_id = %(user)s) as addresses,
            (select count(*) from clipferry.idempotency_keys where user_id = %(user)s) as requests,
            (select count(*) from clipferry.rate_windows
                where user_id in (%(user)s, 'upload:' || %(user)s)) as rates""",
        user=user_id,
    )
    return row


@pytest.fixture
def two_users(r2: FakeR2, database: Database, clipferry: Clipferry) -> dict[str, list[str]]:
    """Ann and Bob, each with two videos that have ended, their files, and all else that is kept about them."""
    videos = {}
    for user in ("ann", "bob"):
        books.add_user(database, user)
        books.add_package(database, 100, user_id=user)
        videos[user] = [
            journeys.video_at(database, status, user_id=user) for status in (VideoStatus.COMPLETED, VideoStatus.FAILED)
        ]
        books.execute(database, COUNTED, user=user)
        books.execute(database, TOLD, user=user)
        clipferry("keys", "create", user)
        put(r2, f"videos/{videos[user][0]}.mp4", f"videos/{videos[user][0]}.jpg")
        put(r2, upload_keys.new_key(user, "image/png"), f"{upload_keys.folder(user)}an old name.bin")
    books.execute_all(database, LEFT_BEHIND, REQUESTED)
    return videos


def test_erase_removes_what_one_user_wrote_and_sent_and_keeps_the_ledger(
    r2: FakeR2, database: Database, clipferry: Clipferry, two_users: dict[str, list[str]]
) -> None:
    bobs, ledger = kept_about(database, "bob"), books.account(database, "ann").ledger
    assert all(kept_about(database, "ann").values())

    [told] = clipferry("users", "erase", "ann", "--yes", "--json").json

    assert told | {"events": 0} == {
        "user_id": "ann",
        "videos": 2,
        "files_of_videos": 2,
        "uploads": 2,
        "callbacks": 2,
        "events": 0,
        "keys": 1,
    }
    assert told["events"] > 0
    assert not any(kept_about(database, "ann").values())
    assert kept_about(database, "bob") == bobs
    assert all("bob" in key or two_users["bob"][0] in key for key in r2.bucket.objects)
    assert len(r2.bucket.objects) == 4
    assert books.account(database, "ann").ledger == ledger
    assert books.breaches(database) == []
    assert books.value(database, """select email from public."user" where id = 'ann'""") is not None


def test_erase_a_second_time_finds_nothing_more(clipferry: Clipferry, two_users: dict[str, list[str]]) -> None:
    clipferry("users", "erase", "ann", "--yes")
    again = clipferry("users", "erase", "ann", "--yes", "--json")

    assert again.status == 0
    assert [value for value in again.json[0].values() if value] == ["ann", 2]


@pytest.mark.parametrize("status", [VideoStatus.PENDING, VideoStatus.GENERATING, VideoStatus.UPLOADING])
def test_erase_refuses_while_a_video_is_in_the_making_and_removes_nothing(
    r2: FakeR2, database: Database, clipferry: Clipferry, two_users: dict[str, list[str]], status: VideoStatus
) -> None:
    journeys.video_at(database, status, user_id="ann")
    before, objects = kept_about(database, "ann"), set(r2.bucket.objects)

    ended = clipferry("users", "erase", "ann", "--yes", "--json")

    assert (ended.status, ended.out) == (1, "")
    assert "1 of ann's" in ended.err
    assert kept_about(database, "ann") == before
    assert set(r2.bucket.objects) == objects


def test_erase_continues_what_a_failure_of_the_bucket_has_interrupted(
    r2: FakeR2, database: Database, clipferry: Clipferry, two_users: dict[str, list[str]]
) -> None:
    r2.fail(Fault(operation="DeleteObjects", kind="500", times=3))
    assert clipferry("users", "erase", "ann", "--yes").status == 1
    assert len(r2.bucket.objects) == 8

    [told] = clipferry("users", "erase", "ann", "--yes", "--json").json
    assert (told["files_of_videos"], told["uploads"], len(r2.bucket.objects)) == (2, 2, 4)


def test_erase_asks_first_and_knows_its_users(
    r2: FakeR2, database: Database, clipferry: Clipferry, two_users: dict[str, list[str]]
) -> None:
    before = kept_about(database, "ann")

    assert clipferry("users", "erase", "ann").status == 2
    assert clipferry("users", "erase", "ann", answer="n").status == 1
    unknown = clipferry("users", "erase", "nobody", "--yes")
    assert (unknown.status, "no user nobody" in unknown.err) == (1, True)
    assert kept_about(database, "ann") == before
    assert clipferry("users", "erase", "ann", answer="y").status == 0
