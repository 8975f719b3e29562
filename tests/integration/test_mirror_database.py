"""A database that blinks while a worker mirrors: no video waits for the end of a lease that nobody works under."""

from __future__ import annotations

import time
from typing import Any, Literal

import pytest
from psycopg.conninfo import make_conninfo

from clipferry.db import retry
from clipferry.errors import DatabaseUnavailableError
from clipferry.models import TaskReport
from clipferry.usecases import mirror_job
from clipferry.verdicts import TaskState
from tests.integration.mirror_fixtures import PART, Behaviour, film
from tests.integration.waiting_video import World, waiting_video
from tests.log_lines import captured, metrics
from tests.proxy import Proxy
from tests.scripted_provider import ScriptedProvider

WRITES = {
    "the lease": b"'mirror_started'",
    "the earlier progress": b"select upload_id, part_size",
    "the upload's id": b"insert into clipferry.mirrored_files (video_uuid, key, size, upload_id",
    "the completion": b"set status = 'SETTLED'",
}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(retry, "LONGEST_PAUSE_SECONDS", 0.05)


def through(proxy: Proxy, url: str) -> str:
    return make_conninfo(url, host="127.0.0.1", port=proxy.port)


def job(world: World) -> dict[str, Any]:
    [found] = world.rows(
        "select lease_until, mirror_attempts, next_check_at <= now() as is_due from clipferry.jobs "
        "where video_uuid = %(uuid)s"
    )
    return found


def settlements(world: World) -> int:
    return len(world.rows("select id from credit_transactions where video_uuid = %(uuid)s"))


@pytest.mark.parametrize("lost", ["question", "answer"])
@pytest.mark.parametrize("write", WRITES)
def test_connection_that_is_lost_costs_nothing_but_the_moment(
    database_url: str, proxy: Proxy, write: str, lost: Literal["question", "answer"]
) -> None:
    proxy.loses.append((WRITES[write], lost))
    with waiting_video(database_url, Behaviour(film(12 * PART))) as world, captured() as log:
        world.mirror(url=through(proxy, database_url))

        assert proxy.loses == [], "it was lost"
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert (job(world)["mirror_attempts"], settlements(world)) == (1, 1)
        assert [value for name, value, _ in metrics(log()) if name == "VideosCompleted"] == [1]


@pytest.mark.parametrize("write", ["the upload's id", "the completion"])
def test_worker_that_gives_up_gives_its_lease_back_as_soon_as_the_database_answers(
    database_url: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    monkeypatch.setattr(mirror_job, "DATABASE_SECONDS", 0.0)
    proxy.loses += [(WRITES[write], "question")] * 3
    with waiting_video(database_url, Behaviour(film(12 * PART))) as world:
        world.mirror(url=through(proxy, database_url))
        assert (world.status(), job(world)["lease_until"], job(world)["is_due"]) == ("UPLOADING", None, True)

        proxy.loses.clear()
        world.mirror()
        assert (world.status(), world.is_right(), settlements(world)) == ("COMPLETED", True, 1)


def test_progress_that_could_not_be_saved_at_first_is_gone_on_from(
    database_url: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database fails when the parts are there and before the upload is completed."""
    monkeypatch.setattr(mirror_job, "DATABASE_SECONDS", 0.0)
    proxy.loses += [(b'"12": ', "question")]
    with waiting_video(database_url, Behaviour(film(12 * PART))) as world:
        world.mirror(url=through(proxy, database_url))
        assert (proxy.loses, len(world.kept()["parts"])) == ([], 12)
        sent = world.behaviour.sent

        world.mirror()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert world.behaviour.sent == sent, "nothing of it was fetched again"


def test_worker_that_the_database_does_not_answer_any_more_ends_with_its_time(database_url: str, proxy: Proxy) -> None:
    """Then the lease that it may have been given runs out with the function's time."""
    begun = time.monotonic()

    def seconds_left() -> float:
        return 3 - (time.monotonic() - begun)

    proxy.loses.append((WRITES["the lease"], "answer"))
    proxy.refuses_after_loss = 1000
    with waiting_video(database_url, Behaviour(film(PART))) as world:
        with pytest.raises(DatabaseUnavailableError):
            world.mirror(seconds_left, url=through(proxy, database_url))
        assert seconds_left() > 0, "the worker ends by itself"


def test_database_that_is_away_from_the_start_is_not_waited_for(database_url: str, proxy: Proxy) -> None:
    proxy.refuses = 1
    with waiting_video(database_url, Behaviour(film(PART))) as world:
        with pytest.raises(DatabaseUnavailableError):
            world.mirror(url=through(proxy, database_url))
        assert (world.status(), job(world)["lease_until"], job(world)["mirror_attempts"]) == ("UPLOADING", None, 0)


@pytest.mark.parametrize("lost", ["question", "answer"])
def test_mirror_that_fails_at_its_source_is_written_down_once_whatever_is_lost(
    database_url: str, proxy: Proxy, lost: Literal["question", "answer"]
) -> None:
    proxy.loses.append((b"'mirror_interrupted', jsonb_build_object", lost))
    with waiting_video(database_url, Behaviour(film(PART), fault="html", times=1000)) as world:
        world.mirror(url=through(proxy, database_url))
        told = world.rows(
            "select id from clipferry.video_events where video_uuid = %(uuid)s and kind = 'mirror_interrupted'"
        )
        assert (world.status(), job(world)["lease_until"], len(told)) == ("UPLOADING", None, 1)


def test_provider_is_asked_once_for_a_fresh_address_however_often_the_database_is_away(
    database_url: str, proxy: Proxy
) -> None:
    asked: list[str] = []

    def ask(task_id: str) -> TaskReport:
        asked.append(task_id)
        return TaskReport(state=TaskState.SUCCEEDED, video_url="https://example.com/fresh.mp4")

    proxy.loses += [(b"'source_refreshed'", "question")] * 3
    with waiting_video(database_url, Behaviour(film(PART), fault="404", times=1000)) as world:
        world.mirror(url=through(proxy, database_url), providers={"evolink": ScriptedProvider(ask=ask)})

        assert (proxy.loses, asked) == ([], ["task"])
        assert world.rows("select original_video_url from videos where uuid = %(uuid)s") == [
            {"original_video_url": "https://example.com/fresh.mp4"}
        ]
        assert (job(world)["lease_until"], job(world)["is_due"]) == (None, True)
