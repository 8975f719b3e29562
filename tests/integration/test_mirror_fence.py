"""Two workers on one video, both alive, over a real database: only the lease's holder completes and settles."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from clipferry.db.connection import Database
from clipferry.timing import Timing
from clipferry.usecases.mirror_video import mirror_video
from local.r2 import FakeR2
from tests.integration.mirror_world import PART, Behaviour, film, serving, sha256, storage_for, strict_r2

UUID = "vid_fence"
TIMING = Timing(
    submit_deadline_seconds=3900,
    generation_deadline_seconds=3600,
    upload_deadline_seconds=21600,
    reconcile_interval_seconds=60,
    status_refresh_seconds=15,
)
INSERTS = (
    """insert into public."user" (id, email) values ('u', 'u@example.com')""",
    """insert into credit_packages (id, user_id, initial_credits, remaining_credits, frozen_credits, trans_type,
                                    updated_at)
    values (1, 'u', 100, 90, 10, 'NEW_USER', timezone('utc', now()))""",
    """insert into videos (uuid, user_id, prompt, model, status, provider, external_task_id, original_video_url,
                           credits_used, updated_at)
    values (%(uuid)s, 'u', 'p', 'm', 'UPLOADING', 'evolink', 'task', %(url)s, 10, timezone('utc', now()))""",
    """insert into credit_holds (user_id, video_uuid, credits, status, package_allocation)
    values ('u', %(uuid)s, 10, 'HOLDING', '[{"packageId": 1, "credits": 10}]')""",
    """insert into clipferry.jobs (video_uuid, state_since, deadline, next_check_at)
    values (%(uuid)s, now(), now() + interval '1 hour', now())""",
)


class World:
    """One video that waits to be mirrored, its source and its bucket."""

    def __init__(self, url: str, r2: FakeR2, behaviour: Behaviour, source: str) -> None:
        self.url, self.r2, self.behaviour = url, r2, behaviour
        for insert in INSERTS:
            self.rows(insert, uuid=UUID, url=source)

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, autocommit=True, row_factory=psycopg.rows.dict_row) as connection:
            cursor = connection.execute(sql, parameters or {"uuid": UUID})  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def mirror(self, seconds_left: Callable[[], float] = lambda: 300.0) -> None:
        database, storage = Database(self.url), storage_for(self.r2, pause_seconds=0.01)
        try:
            mirror_video(
                UUID, database=database, storage=storage, providers={}, timing=TIMING, seconds_left=seconds_left
            )
        finally:
            database.close()
            storage.close()

    def status(self) -> str:
        return self.rows("select status from videos where uuid = %(uuid)s")[0]["status"]

    def kept(self) -> dict[str, Any]:
        found = self.rows("select * from clipferry.mirrored_files where video_uuid = %(uuid)s")
        return found[0] if found else {}

    def is_right(self) -> bool:
        stored = self.r2.bucket.objects[f"videos/{UUID}.mp4"].content
        return stored == self.behaviour.content and self.kept()["sha256"] == sha256(self.behaviour.content)


@contextmanager
def _world(url: str, behaviour: Behaviour) -> Iterator[World]:
    with strict_r2() as r2, serving(behaviour) as source:
        yield World(url, r2, behaviour, source.url)


@pytest.mark.parametrize("size", [PART, 12 * PART])
def test_a_video_is_mirrored_and_settled(database_url: str, size: int) -> None:
    with _world(database_url, Behaviour(film(size))) as world:
        world.mirror()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert (world.kept()["upload_id"], world.kept()["parts"]) == (None, None)


def _at_rest(behaviour: Behaviour) -> int:
    """What the source has sent, once it has noticed that nobody is listening any more."""
    sent = -1
    while sent != behaviour.sent:
        sent = behaviour.sent
        time.sleep(0.3)
    return sent


def test_out_of_time_progress_is_stored_and_the_next_delivery_goes_on(database_url: str) -> None:
    with _world(database_url, Behaviour(film(30 * PART), rate=300_000)) as world:
        world.mirror(seconds_left=lambda: 11.0)
        kept = world.kept()
        assert (world.status(), kept["sha256"]) == ("UPLOADING", None)
        assert kept["upload_id"] in world.r2.bucket.uploads
        assert len(kept["parts"]) > 0
        sent = _at_rest(world.behaviour)
        world.behaviour.rate = 0
        world.mirror()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert world.behaviour.sent - sent == (30 - len(kept["parts"])) * PART
        assert world.r2.bucket.uploads == {}


def test_an_old_holder_that_wakes_up_harms_nobody(database_url: str) -> None:
    with _world(database_url, Behaviour(film(30 * PART), rate=300_000)) as world:
        old = threading.Thread(target=world.mirror)
        old.start()
        while not world.kept():
            time.sleep(0.01)
        world.rows("update clipferry.jobs set lease_until = now() - interval '1 second' where video_uuid = %(uuid)s")
        world.mirror()  # takes over the upload while the first still works on it
        old.join()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert len(world.r2.bucket.completed) == 1
        assert (world.r2.bucket.aborted, world.r2.bucket.uploads) == ([], {})
        assert len(world.rows("select id from credit_transactions where video_uuid = %(uuid)s")) == 1


def test_two_messages_at_once_are_one_mirror(database_url: str) -> None:
    with _world(database_url, Behaviour(film(12 * PART), rate=1_000_000)) as world:
        workers = [threading.Thread(target=world.mirror) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert world.r2.requests["CreateMultipartUpload"] == 1


def test_a_source_that_changes_midway_is_mirrored_in_its_new_version(database_url: str) -> None:
    changed = Behaviour(film(12 * PART), fault="changed", skip=4, changed=film(12 * PART, seed=1), hangs_up_after=PART)
    with _world(database_url, changed) as world:
        world.mirror()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert world.behaviour.content == film(12 * PART, seed=1)
