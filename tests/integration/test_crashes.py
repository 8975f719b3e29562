"""A process that is killed between two statements of create, settle or release loses no credit and books none twice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from clipferry.usecases.advance_video import advance_video
from clipferry.usecases.queue_webhooks import set_owners_endpoint
from clipferry.usecases.reconcile import reconcile
from clipferry.verdicts import Verdict
from tests import books, journeys
from tests.scripted_provider import ScriptedProvider

KILLED = -9
PATIENCE_SECONDS = 30
PLACES = [pytest.param(True, id="every statement answered"), pytest.param(False, id="statements under way")]

_CONNECTED = "select pid from pg_stat_activity where datname = current_database() and application_name = 'clipferry'"
_UNTOLD = """
select v.uuid from public.videos v
where v.status in ('COMPLETED', 'FAILED') and not exists (
    select from clipferry.webhook_events e join clipferry.webhook_deliveries d on d.event_id = e.id
    where e.video_uuid = v.uuid and e.kind = 'video.' || lower(v.status::text) and d.state = 'PENDING')
"""
_TOLD_BUT_UNTRUE = """
select e.video_uuid from clipferry.webhook_events e left join public.videos v on v.uuid = e.video_uuid
where e.kind = 'video.completed' and v.status is distinct from 'COMPLETED'
"""
# Every deadline and every lease is over.
_TOO_LATE = """
update clipferry.jobs
set deadline = now() - interval '1 second', next_check_at = now() - interval '1 second',
    lease_until = now() - interval '1 second'
where deadline is not null
"""


class CrashWorker:
    """The process that lets its children die, and the tasks for them."""

    def __init__(self, process: subprocess.Popen[str], database: Database) -> None:
        self._process = process
        self._database = database

    def dies(self, **task: Any) -> bool:
        """Whether the death came before the operation was over; returns when the server has seen the end of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        before = self._connected()
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        end = int(self._process.stdout.readline())
        assert end in (0, KILLED)
        give_up = time.monotonic() + PATIENCE_SECONDS
        while not self._connected() <= before:
            assert time.monotonic() < give_up
            time.sleep(0.005)
        return end == KILLED

    def _connected(self) -> set[int]:
        return {row["pid"] for row in books.rows(self._database, _CONNECTED)}


@pytest.fixture
def crash_worker(database: Database, database_url: str) -> Iterator[CrashWorker]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash_worker", database_url],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield CrashWorker(process, database)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(autouse=True)
def _ann(database: Database) -> None:
    """A hold takes from both packages. The owner wants to hear of every end."""
    books.add_user(database)
    books.add_package(database, 6, days=30)
    books.add_package(database, 1000)
    set_owners_endpoint(database=database, url="https://app.example.com/webhooks", credits_low=None)


class NoQueue:
    """Nothing is mirrored here."""

    def send(self, uuid: str) -> None:
        raise AssertionError(uuid)


def look_after_everything(database: Database) -> int:
    """What reconcile does when every deadline has passed."""
    books.execute(database, _TOO_LATE)
    return reconcile(databases=[database], context=journeys.context_of({}, queue=NoQueue()), seconds_left=lambda: 900)


def assert_all_is_accounted_for(database: Database) -> None:
    """No hold is left, and what isn't available any more was paid for a completed video.

    Each end waits to be announced, for whoever died before it could ask the queue; and nothing else does.
    """
    assert books.rows(database, _UNTOLD) == []
    assert books.rows(database, _TOLD_BUT_UNTRUE) == []
    assert books.breaches(database) == []
    paid = books.value(database, "select count(*) * 10 from public.videos where status = 'COMPLETED'")
    balance = books.balance(database)
    assert (balance.available, balance.frozen) == (1006 - paid, 0)
    assert books.value(database, "select count(*) from public.credit_holds where status = 'HOLDING'") == 0
    assert books.value(
        database, "select count(*) = 0 from public.videos where status in ('PENDING', 'GENERATING', 'UPLOADING')"
    )


@pytest.mark.parametrize("answered", PLACES)
@pytest.mark.parametrize("operation", ["create", "refuse"])
def test_a_create_that_is_killed_costs_nothing(
    database: Database, crash_worker: CrashWorker, operation: str, answered: bool
) -> None:
    """To the record of the provider's task; or to the release, when the provider refuses."""
    left_behind, died = list[int](), True
    while died:
        died = crash_worker.dies(operation=operation, dies_after=len(left_behind) + 1, answered=answered)
        assert books.breaches(database) == []
        left_behind.append(books.value(database, "select count(*) from public.videos where status <> 'FAILED'"))
        look_after_everything(database)
        assert_all_is_accounted_for(database)
        books.execute(database, "delete from clipferry.idempotency_keys")

    assert len(left_behind) > 12  # each of both transactions has a BEGIN, a COMMIT, and more between them
    assert left_behind[0] == 0
    assert 1 in left_behind
    assert left_behind[-1] == (1 if operation == "create" else 0)


@pytest.mark.parametrize("answered", PLACES)
def test_a_settle_that_is_killed_happens_once_or_not_at_all(
    database: Database, crash_worker: CrashWorker, answered: bool
) -> None:
    ends, died = list[str](), True
    while died:
        uuid = journeys.video_at(database, VideoStatus.UPLOADING)
        fence = journeys.fence(database, uuid)
        died = crash_worker.dies(
            operation="settle", uuid=uuid, fence=fence, dies_after=len(ends) + 1, answered=answered
        )
        assert books.breaches(database) == []
        look_after_everything(database)
        assert_all_is_accounted_for(database)
        ends.append(journeys.status_of(database, uuid))

    assert ends.count("FAILED") >= 7  # all but the COMMIT
    assert ends[-1] == "COMPLETED"
    assert ends == sorted(ends, reverse=True)


@pytest.mark.parametrize("answered", PLACES)
def test_a_release_that_is_killed_is_done_by_reconcile(
    database: Database, crash_worker: CrashWorker, answered: bool
) -> None:
    looked_at, died = list[int](), True
    while died:
        uuid = journeys.video_at(database, VideoStatus.GENERATING)
        died = crash_worker.dies(operation="release", uuid=uuid, dies_after=len(looked_at) + 1, answered=answered)
        assert books.breaches(database) == []
        looked_at.append(look_after_everything(database))
        assert_all_is_accounted_for(database)
        assert journeys.status_of(database, uuid) == "FAILED"

    assert looked_at.count(1) >= 7  # all but the COMMIT
    assert looked_at[-1] == 0


@pytest.mark.parametrize("answered", PLACES)
def test_a_retry_that_is_killed_holds_once_or_not_at_all(
    database: Database, crash_worker: CrashWorker, answered: bool
) -> None:
    held, died = list[int](), True
    while died:
        uuid = journeys.video_at(database, VideoStatus.FAILED)
        died = crash_worker.dies(operation="reopen", uuid=uuid, dies_after=len(held) + 1, answered=answered)
        assert books.breaches(database) == []
        held.append(books.balance(database).frozen)
        look_after_everything(database)
        assert_all_is_accounted_for(database)

    assert held.count(0) >= 6  # all but the COMMIT
    assert held[-1] == 10


def test_a_task_whose_submit_was_never_recorded_is_taken_up_by_its_callback(
    database: Database, crash_worker: CrashWorker
) -> None:
    assert crash_worker.dies(operation="create", dies_after="submit")
    [row] = books.rows(database, "select uuid, status::text, external_task_id from public.videos")
    assert (row["status"], row["external_task_id"]) == ("PENDING", None)
    video = journeys.read(database, row["uuid"])

    verdict = advance_video(
        video,
        claimed_task="task-x",
        database=database,
        context=journeys.context_of({"evolink": ScriptedProvider()}, queue=NoQueue()),
    )
    assert verdict is Verdict.RUNNING
    assert journeys.status_of(database, video.uuid) == "GENERATING"
    assert books.balance(database).frozen == 10
    look_after_everything(database)
    assert_all_is_accounted_for(database)


def test_a_killed_create_answers_its_repeat_and_is_not_charged_twice(
    database: Database, crash_worker: CrashWorker
) -> None:
    assert crash_worker.dies(operation="create", dies_after="submit")
    assert not crash_worker.dies(operation="create", dies_after=100, answered=False)

    assert books.value(database, "select count(*) from public.videos") == 1
    assert books.balance(database).frozen == 10
    look_after_everything(database)
    assert_all_is_accounted_for(database)
