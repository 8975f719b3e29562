"""A run of reconcile with several workers: what is checked, what has to wait, and what the next run finds."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from clipferry.db.connection import Database
from clipferry.errors import DatabaseUnavailableError
from clipferry.models import TaskReport, VideoStatus
from clipferry.provider_throttle import FIRST_LIMIT, MOST_SLOW_CHECKS, SLOW_SECONDS
from clipferry.providers.base import Provider
from clipferry.providers.kie import Kie
from clipferry.usecases.reconcile import BATCH, PAUSE_SECONDS, SECONDS_FOR_ONE, WORKERS, reconcile
from clipferry.verdicts import TaskState
from tests import books, journeys
from tests.log_lines import captured, events
from tests.provider_answers import ScriptedApi, sample, scripted_api
from tests.scripted_provider import ScriptedProvider

SECONDS = 10.0
"""How long a thread waits for another before its test has failed."""

pytestmark = pytest.mark.usefixtures("rich_ann")


@pytest.fixture
def databases(database_url: str, database: Database) -> Iterator[list[Database]]:
    others = [Database(database_url) for _ in range(WORKERS - 1)]
    yield [database, *others]
    for other in others:
        other.close()


def due(database: Database, number: int, *, provider: str = "kie") -> list[str]:
    """GENERATING videos whose time has come, the first expires first."""
    uuids = [journeys.video_at(database, VideoStatus.GENERATING) for _ in range(number)]
    books.execute(
        database,
        """update public.videos set provider = %(provider)s where uuid = any(%(uuids)s)""",
        provider=provider,
        uuids=uuids,
    )
    books.execute(
        database,
        """update clipferry.jobs
        set next_check_at = now() - interval '1 second',
            deadline = now() + make_interval(mins => 10 + array_position(%(uuids)s, video_uuid))
        where video_uuid = any(%(uuids)s)""",
        uuids=uuids,
    )
    return uuids


def claimable(database: Database) -> set[str]:
    """The videos that a run would check that begins now."""
    found = books.rows(database, "select video_uuid from clipferry.jobs where next_check_at <= now()")
    return {row["video_uuid"] for row in found}


@dataclass
class Run:
    """A run with `seconds` to go. While a provider is asked about a video, in its worker's thread, `on_question` is
    called with its uuid; then the provider says that the task still runs. Or others are asked: `providers`."""

    databases: list[Database]
    on_question: Callable[[str], None] = lambda _: None
    seconds: float = 55
    providers: Mapping[str, Provider] | None = None
    queue: Any = None
    asked: list[str] = field(default_factory=list)
    """The videos, by uuid."""
    naps: list[float] = field(default_factory=list)

    def __call__(self) -> int:
        scripted = {name: ScriptedProvider(name, ask=self._ask) for name in ("kie", "evolink")}
        return reconcile(
            databases=self.databases,
            context=journeys.context_of(self.providers or scripted, queue=self.queue),
            seconds_left=lambda: self.seconds,
            sleep=self.naps.append,
        )

    def _ask(self, task_id: str) -> TaskReport:
        uuid = task_id.removeprefix("task-")
        self.asked.append(uuid)
        self.on_question(uuid)
        return TaskReport(state=TaskState.RUNNING)


def test_every_video_has_one_turn_however_many_work(database: Database, databases: list[Database]) -> None:
    uuids = due(database, 5 * BATCH + 3)
    run = Run(databases)

    assert run() == len(uuids)
    assert sorted(run.asked) == sorted(uuids)
    assert claimable(database) == set()


def test_what_expires_first_is_in_the_first_batch(database: Database) -> None:
    uuids = due(database, BATCH + 5)
    run = Run([database])
    run()

    assert sorted(run.asked[:BATCH]) == sorted(uuids[:BATCH])


def test_two_reconcilers_share_the_work(database: Database, databases: list[Database]) -> None:
    uuids = due(database, 3 * BATCH)
    runs = [Run([own]) for own in databases[:2]]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda run: run(), runs))

    assert sorted(runs[0].asked + runs[1].asked) == sorted(uuids)


def test_as_many_videos_are_checked_at_a_time_as_there_are_connections(
    database: Database, databases: list[Database]
) -> None:
    """Nobody is answered before everybody has asked, but for the first few, with which a provider shows that it can."""
    warming = due(database, WORKERS)
    together = threading.Barrier(WORKERS, timeout=SECONDS)
    due(database, 2 * WORKERS)

    def wait_for_the_others(uuid: str) -> None:
        if uuid not in warming:
            together.wait()

    assert Run(databases, wait_for_the_others)() == 3 * WORKERS


@pytest.mark.parametrize("error", [DatabaseUnavailableError("gone"), ValueError("an adapter's"), KeyError("x")])
def test_one_that_fails_stops_nobody(database: Database, databases: list[Database], error: Exception) -> None:
    uuids = due(database, BATCH + 5)

    def fail_now_and_then(uuid: str) -> None:
        if uuid in uuids[::3]:
            raise error

    run = Run(databases, fail_now_and_then)

    assert run() == len(uuids)
    assert sorted(run.asked) == sorted(uuids)


def test_the_rest_of_a_slow_providers_videos_wait_and_the_others_have_their_turn_meanwhile(
    database: Database, databases: list[Database]
) -> None:
    """It answers when all of the other provider's have been checked, and not before."""
    slow, quick = due(database, 30), due(database, 30, provider="evolink")
    left, all_quick_are_seen = Counter(quick), threading.Event()
    run = Run(databases)

    def be_slow(uuid: str) -> None:
        if uuid in slow:
            assert all_quick_are_seen.wait(SECONDS)
            run.seconds -= SLOW_SECONDS + 0.1
        else:
            del left[uuid]
            if not left:
                all_quick_are_seen.set()

    run.on_question = be_slow
    run()

    turns = Counter("slow" if uuid in slow else "quick" for uuid in run.asked)
    assert turns == {"slow": MOST_SLOW_CHECKS, "quick": len(quick)}
    assert claimable(database) == set(slow) - set(run.asked), "they are the next run's"


@pytest.mark.parametrize("status", [429, 503])
def test_a_provider_that_is_busy_or_down_is_left_in_peace_after_each_question(
    database: Database, databases: list[Database], status: int
) -> None:
    uuids = due(database, 6)
    with scripted_api() as server:
        server.answers(status, b'{"code": 429, "msg": "too many"}')
        run = _asking(server, databases)
        run()

    assert len(server.requests) >= len(uuids)
    assert run.naps == [PAUSE_SECONDS] * len(uuids)


def test_an_answer_is_followed_by_the_next_question_at_once(database: Database, databases: list[Database]) -> None:
    due(database, 6)
    with scripted_api() as server:
        server.answers(200, sample("kie/task_generating"))
        run = _asking(server, databases)

        assert run() == 6
    assert run.naps == []


def test_a_task_that_is_lost_is_no_reason_to_spare_its_provider(database: Database, databases: list[Database]) -> None:
    due(database, 6)
    with scripted_api() as server:
        server.answers(200, sample("kie/error_422_no_record"))
        run = _asking(server, databases)
        run()
    assert run.naps == []


def _asking(server: ScriptedApi, databases: list[Database]) -> Run:
    """With an adapter that speaks to `server`."""
    return Run(databases, providers={"kie": Kie(server.api)})


def test_what_has_no_turn_when_time_runs_out_is_the_next_runs(database: Database, databases: list[Database]) -> None:
    uuids = due(database, BATCH + 10)
    books.execute(database, "update clipferry.jobs set state_since = now() - interval '5 hours'")
    first = Run(databases)
    last_checks = threading.Barrier(FIRST_LIMIT, timeout=SECONDS)

    def be_the_last(_uuid: str) -> None:
        last_checks.wait()
        first.seconds = SECONDS_FOR_ONE

    first.on_question = be_the_last
    with captured() as log:
        first()
    second = Run(databases)
    second()

    assert len(first.asked) == FIRST_LIMIT
    assert sorted(first.asked + second.asked) == sorted(uuids), "nobody twice, nobody forgotten"
    (line,) = [line for line in events(log()) if line["message"] == "claims released for the next run"]
    assert line["videos"] == BATCH - FIRST_LIMIT
    checks = books.rows(database, "select distinct checks from clipferry.jobs")
    assert checks == [{"checks": 1}]


def test_what_was_claimed_is_given_back_though_the_run_crashes(database: Database, databases: list[Database]) -> None:
    uuids = due(database, BATCH)

    def crash(_uuid: str) -> None:
        raise RuntimeError("nobody foresaw this")

    run = Run(databases, crash)
    with pytest.raises(RuntimeError):
        run()

    assert claimable(database) == set(uuids) - set(run.asked)


def test_no_check_begins_that_might_not_end(database: Database, databases: list[Database]) -> None:
    uuids = due(database, 3)
    run = Run(databases, seconds=SECONDS_FOR_ONE)

    assert run() == 0
    assert claimable(database) == set(uuids)


def test_what_somebody_has_moved_meanwhile_is_not_given_back(database: Database, databases: list[Database]) -> None:
    """A callback has come for the last, which has its own time since then."""
    *_, last = uuids = due(database, FIRST_LIMIT + 2)
    run = Run(databases)

    def move_the_last(uuid: str) -> None:
        if uuid == uuids[0]:
            books.execute(database, "update public.videos set provider = 'evolink' where uuid = %(uuid)s", uuid=last)
            assert journeys.start_upload(database, last)
        run.seconds = SECONDS_FOR_ONE

    run.on_question = move_the_last
    run.databases = databases[1:]
    run()

    assert last not in run.asked
    assert claimable(database) == set(uuids) - set(run.asked) - {last}


def test_where_the_server_has_no_more_connections_those_it_has_given_do_the_work(
    database: Database, databases: list[Database]
) -> None:
    nobody = [Database("postgresql://127.0.0.1:9/nobody", connect_timeout=2) for _ in range(3)]
    uuids = due(database, BATCH + 5)
    run = Run([*databases[:2], *nobody])
    with captured() as log:
        assert run() == len(uuids)

    assert sorted(run.asked) == sorted(uuids)
    assert [line["message"] for line in events(log()) if line["level"] != "INFO"] == [
        "no more connections for reconcile"
    ]


def test_a_single_video_needs_a_single_connection(database: Database) -> None:
    due(database, 1)
    run = Run([database, Database("postgresql://127.0.0.1:9/nobody", connect_timeout=2)])
    with captured() as log:
        assert run() == 1
    assert [line for line in events(log()) if line["level"] != "INFO"] == []


@dataclass
class Queue:
    """Takes what it is sent."""

    sent: list[str] = field(default_factory=list)

    def send(self, uuid: str) -> None:
        self.sent.append(uuid)


def test_a_finished_video_that_nobody_mirrors_is_put_on_the_queue_again(
    database: Database, databases: list[Database]
) -> None:
    """Its message was lost, or its worker died. One whose worker is at it is left alone."""
    lost = journeys.video_at(database, VideoStatus.UPLOADING)
    journeys.video_at(database, VideoStatus.UPLOADING)
    books.execute(database, "update clipferry.jobs set next_check_at = now() - interval '1 second'")
    books.execute(
        database,
        "update clipferry.jobs set lease_until = now() - interval '1 second' where video_uuid = %(uuid)s",
        uuid=lost,
    )
    run = Run(databases, queue=Queue())

    assert run() == 1
    assert run.queue.sent == [lost]
    again = books.rows(database, "select video_uuid from clipferry.video_events where kind = 'mirror_queued_again'")
    assert again == [{"video_uuid": lost}]
