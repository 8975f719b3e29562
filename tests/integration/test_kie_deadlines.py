"""Nothing waits for ever: whatever a provider answers, or doesn't, a deadline ends it, after one last question."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from clipferry.db.connection import Database
from clipferry.errors import DatabaseUnavailableError
from clipferry.models import TaskReport, VideoStatus
from clipferry.provider_throttle import MOST_SLOW_CHECKS
from clipferry.providers.kie import Kie
from clipferry.usecases import reconcile as schedule
from clipferry.usecases.reconcile import reconcile
from clipferry.verdicts import TaskState, Verdict
from tests import books, journeys
from tests.provider_answers import API_KEY, HTML, ScriptedApi, sample
from tests.scripted_provider import ScriptedProvider

pytestmark = pytest.mark.usefixtures("rich_ann")

Advance = Callable[[str], Verdict]


@pytest.fixture
def advance(database: Database, server: ScriptedApi) -> Advance:
    return lambda uuid: journeys.advance(database, uuid, {"kie": Kie(server.api)})


def generating(database: Database, *, overdue: bool = False, provider: str = "kie") -> str:
    uuid = journeys.video_at(database, VideoStatus.GENERATING)
    books.execute(database, "update public.videos set provider = %(p)s where uuid = %(u)s", p=provider, u=uuid)
    if overdue:
        be_overdue(database, uuid)
    return uuid


def be_overdue(database: Database, uuid: str) -> None:
    books.execute(
        database,
        "update clipferry.jobs set deadline = now() - interval '1 second' where video_uuid = %(uuid)s",
        uuid=uuid,
    )


def answered(state: str) -> bytes:
    return json.dumps({"code": 200, "msg": "success", "data": {"state": state}}).encode()


def goes_on(server: ScriptedApi) -> None:
    server.answers(200, sample("kie/task_generating"))


def is_unknown(server: ScriptedApi) -> None:
    server.answers(200, answered("archived"))


def is_lost(server: ScriptedApi) -> None:
    server.answers(200, sample("kie/error_422_no_record"))


def is_html(server: ScriptedApi) -> None:
    server.answers(200, HTML)


def is_refused(server: ScriptedApi) -> None:
    server.answers(401, sample("kie/error_401"))


SILENCES = [goes_on, is_unknown, is_lost, is_html, ScriptedApi.hangs_up]


@pytest.mark.parametrize("silence", SILENCES)
def test_whatever_does_not_end_a_task_leaves_it_until_its_deadline(
    database: Database, server: ScriptedApi, advance: Advance, silence: Callable[[ScriptedApi], None]
) -> None:
    uuid = generating(database)
    silence(server)

    verdicts = [advance(uuid) for _ in range(3)]

    assert set(verdicts) <= {Verdict.RUNNING, Verdict.NO_ANSWER}
    assert journeys.status_of(database, uuid) == "GENERATING"
    assert journeys.hold_of(database, uuid) == ("HOLDING", 10)


@pytest.mark.parametrize("silence", [*SILENCES, is_refused])
def test_the_deadline_ends_it_gives_the_credits_back_and_the_key_is_in_no_log(
    database: Database,
    server: ScriptedApi,
    advance: Advance,
    silence: Callable[[ScriptedApi], None],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    uuid = generating(database, overdue=True)
    silence(server)

    assert advance(uuid) is Verdict.FAILED
    assert journeys.read(database, uuid).error_code == "TIMED_OUT"
    assert server.requests[0].headers["Authorization"] == f"Bearer {API_KEY}"  # it was asked once more
    assert journeys.hold_of(database, uuid) == ("RELEASED", 10)
    assert books.breaches(database) == []
    assert API_KEY not in caplog.text + "".join(capsys.readouterr())
    assert API_KEY not in str(books.rows(database, "select * from clipferry.video_events"))


def test_a_state_that_nobody_documents_is_logged_and_counted(
    database: Database,
    server: ScriptedApi,
    advance: Advance,
    capsys: pytest.CaptureFixture[str],
    caplog: Any,
) -> None:
    uuid = generating(database)
    is_unknown(server)

    advance(uuid)

    assert '"UnknownTaskStates":[1' in capsys.readouterr().out
    assert "unknown task status" in caplog.text


def test_the_last_question_may_save_the_video(database: Database, server: ScriptedApi, advance: Advance) -> None:
    uuid = generating(database, overdue=True)
    server.answers(200, sample("kie/task_success"))

    assert advance(uuid) is Verdict.GENERATED
    assert journeys.status_of(database, uuid) == "UPLOADING"


def test_the_last_question_may_say_why_it_failed(database: Database, server: ScriptedApi, advance: Advance) -> None:
    uuid = generating(database, overdue=True)
    server.answers(200, sample("kie/task_fail_content"))

    assert advance(uuid) is Verdict.FAILED
    assert journeys.read(database, uuid).error_code == "CONTENT_POLICY"


def test_without_a_task_there_is_nobody_to_ask(database: Database, server: ScriptedApi, advance: Advance) -> None:
    uuid = journeys.held_video(database)
    assert advance(uuid) is Verdict.NO_TASK
    be_overdue(database, uuid)

    assert advance(uuid) is Verdict.FAILED
    assert journeys.read(database, uuid).error_code == "TIMED_OUT"
    assert server.requests == []


def test_a_provider_that_lost_its_key_does_not_keep_a_video_for_ever(
    database: Database, server: ScriptedApi, advance: Advance
) -> None:
    uuid = generating(database, provider="evolink")
    assert advance(uuid) is Verdict.NO_ANSWER
    be_overdue(database, uuid)

    assert advance(uuid) is Verdict.FAILED
    assert journeys.read(database, uuid).error_code == "TIMED_OUT"


def test_a_success_after_the_end_is_counted_and_costs_nothing(
    database: Database, server: ScriptedApi, advance: Advance, capsys: pytest.CaptureFixture[str]
) -> None:
    uuid = generating(database, overdue=True)
    goes_on(server)
    advance(uuid)
    server.replies.clear()
    server.answers(200, sample("kie/task_success"))

    assert [advance(uuid) for _ in range(2)] == [Verdict.LATE_SUCCESS, Verdict.ALREADY_FAILED]
    assert capsys.readouterr().out.count('"LateSuccesses":[1') == 1
    assert journeys.hold_of(database, uuid) == ("RELEASED", 10)


# The schedule


@dataclass
class Run:
    """A run of reconcile with `seconds` to go; each question takes what its provider `costs`, and may fail."""

    database: Database
    seconds: float = 55
    costs: Mapping[str, float] = field(default_factory=dict)
    fails: Callable[[str], Exception | None] = lambda _: None
    asked: list[str] = field(default_factory=list)
    """The videos, by uuid."""

    def __call__(self) -> int:
        return reconcile(
            databases=[self.database],
            providers={name: ScriptedProvider(name, ask=partial(self._ask, name)) for name in ("kie", "evolink")},
            queue=journeys.QUEUE_DOWN,
            polling=journeys.TIMING,
            seconds_left=lambda: self.seconds,
        )

    def _ask(self, provider: str, task_id: str) -> TaskReport:
        uuid = task_id.removeprefix("task-")
        self.seconds -= self.costs.get(provider, 0.1)
        self.asked.append(uuid)
        error = self.fails(uuid)
        if error is not None:
            raise error
        return TaskReport(state=TaskState.RUNNING)


def due(database: Database, number: int, *, provider: str = "kie") -> list[str]:
    """Videos that are due, the first expires first."""
    uuids = [generating(database, provider=provider) for _ in range(number)]
    for place, uuid in enumerate(uuids):
        books.execute(
            database,
            """update clipferry.jobs
            set next_check_at = now() - interval '1 second', deadline = now() + make_interval(mins => %(place)s)
            where video_uuid = %(uuid)s""",
            place=10 + place,
            uuid=uuid,
        )
    return uuids


def test_every_video_that_is_due_has_its_turn_once(database: Database) -> None:
    uuids = due(database, 2 * schedule.BATCH + 3)
    run = Run(database)

    assert run() == len(uuids)
    assert sorted(run.asked) == sorted(uuids)
    assert Run(database)() == 0


def test_what_expires_first_is_in_the_first_batch(database: Database) -> None:
    uuids = due(database, schedule.BATCH + 5)
    run = Run(database)
    run()

    assert sorted(run.asked[: schedule.BATCH]) == sorted(uuids[: schedule.BATCH])


@pytest.mark.parametrize("error", [DatabaseUnavailableError("gone"), ValueError("an adapter's"), KeyError("x")])
def test_a_video_that_always_fails_does_not_keep_the_others_from_their_turn(
    database: Database, error: Exception
) -> None:
    uuids = due(database, 5)
    run = Run(database, fails=lambda uuid: error if uuid == uuids[0] else None)
    run()

    assert sorted(run.asked) == sorted(uuids)


def test_a_run_ends_before_the_function_does_and_the_next_one_goes_on(database: Database) -> None:
    uuids = due(database, 20)
    first = Run(database, costs={"kie": 2.5})
    first()
    books.execute(database, "update clipferry.jobs set next_check_at = now() - interval '1 second'")
    second = Run(database)
    second()

    assert first.seconds >= schedule.SECONDS_FOR_ONE - 2.5
    assert 0 < len(first.asked) < len(uuids)
    assert sorted(second.asked) == sorted(uuids)


def test_a_provider_that_keeps_us_waiting_does_not_keep_the_others_from_their_turn(database: Database) -> None:
    hanging, quick = due(database, 30), due(database, 30, provider="evolink")
    run = Run(database, costs={"kie": 6.5})
    run()

    turns = Counter("kie" if uuid in hanging else "evolink" for uuid in run.asked)
    assert turns == {"kie": MOST_SLOW_CHECKS, "evolink": len(quick)}


def test_two_reconcilers_share_the_work(database: Database, database_url: str) -> None:
    uuids = due(database, 60)
    elsewhere = Database(database_url)
    runs = [Run(database), Run(elsewhere)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda run: run(), runs))
    elsewhere.close()

    assert sorted(runs[0].asked + runs[1].asked) == sorted(uuids)
