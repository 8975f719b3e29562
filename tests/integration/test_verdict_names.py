"""A database whose callbacks were judged in sentences has the verdicts' names after the migration."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from clipferry.db import inbox
from clipferry.db.connection import Database
from clipferry.verdicts import Verdict
from tests import books, journeys
from tests.database import MIGRATIONS, apply_migrations, new_database

THIS = "0007_name_the_verdicts.sql"

SENTENCES = {
    "already completed": Verdict.COMPLETED,
    "no task yet": Verdict.NO_TASK,
    "task is not this video's": Verdict.NOT_ITS_TASK,
    "still running": Verdict.RUNNING,
    "provider did not answer": Verdict.NO_ANSWER,
    "generated": Verdict.GENERATED,
    "failed: TIMED_OUT": Verdict.FAILED,
    "failed: CONTENT_POLICY": Verdict.FAILED,
    "already moved": Verdict.MOVED,
    "already failed": Verdict.ALREADY_FAILED,
    "late success": Verdict.LATE_SUCCESS,
    "being mirrored": Verdict.MIRRORING,
    "waiting to be mirrored": Verdict.AWAITING_MIRROR,
    "queued again": Verdict.QUEUED_AGAIN,
    "queue away": Verdict.QUEUE_DOWN,
    "unknown video": Verdict.UNKNOWN_VIDEO,
    "another provider's video": Verdict.OTHER_PROVIDER,
    "no task yet; the body is another video's": Verdict.OTHER_VIDEO,
    "failed: TIMED_OUT; the body is another video's": Verdict.OTHER_VIDEO,
    "provider did not answer; the body is another task's": Verdict.OTHER_TASK,
}

_CALLBACK = """
with callback as (
    insert into clipferry.callback_inbox (provider, video_uuid, task_id, signed_at, body_sha256, body_size, verdict)
    values ('evolink', %(uuid)s, 'task-of-long-ago', now(), decode(md5(random()::text), 'hex'), 0,
            %(verdict)s)
)
insert into clipferry.video_events (video_uuid, kind, detail)
values (%(uuid)s, 'callback', jsonb_build_object('provider', 'evolink', 'verdict', %(verdict)s::text))
"""


@pytest.fixture
def before(server_url: str, tmp_path: Path) -> Iterator[str]:
    """A database with all migrations before this one."""
    for file in MIGRATIONS.glob("*.sql"):
        if file.name < THIS:
            shutil.copy(file, tmp_path)
    with new_database(server_url) as url:
        apply_migrations(url, tmp_path)
        yield url


def keep(url: str, uuid: str, verdict: str | None) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_CALLBACK, {"uuid": uuid, "verdict": verdict})


def verdicts(url: str) -> tuple[list[str | None], list[str | None]]:
    """The verdicts of the inbox, and those of the events."""
    with psycopg.connect(url, autocommit=True) as connection:
        kept = connection.execute("select verdict from clipferry.callback_inbox order by id").fetchall()
        told = connection.execute("select detail ->> 'verdict' from clipferry.video_events order by id").fetchall()
    return [row[0] for row in kept], [row[0] for row in told]


def test_every_sentence_has_become_a_name(before: str) -> None:
    for sentence in SENTENCES:
        keep(before, "vid_1", sentence)

    apply_migrations(before, MIGRATIONS)

    assert verdicts(before) == ([*SENTENCES.values()], [*SENTENCES.values()])


def test_there_is_a_sentence_for_every_verdict() -> None:
    assert set(SENTENCES.values()) == set(Verdict)


@pytest.mark.parametrize("kept", [None, "RUNNING", "in somebody else's words"])
def test_what_is_no_sentence_of_ours_stays(before: str, kept: str | None) -> None:
    keep(before, "vid_1", kept)

    apply_migrations(before, MIGRATIONS)

    assert verdicts(before) == ([kept], [kept])


def test_a_task_that_could_not_be_asked_about_before_is_still_asked_about(before: str) -> None:
    keep(before, "vid_1", "provider did not answer")

    apply_migrations(before, MIGRATIONS)

    with closing(Database(before)) as database:
        books.add_user(database)
        books.add_package(database, 100)
        uuid = journeys.held_video(database)
        with database.transaction() as tx:
            tx.execute("update clipferry.callback_inbox set video_uuid = %(uuid)s", {"uuid": uuid})
            found = inbox.unanswered_task(tx, uuid)
        assert found.all() == [{"task_id": "task-of-long-ago"}]
