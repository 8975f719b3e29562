"""The reconcile function as Lambda calls it, before a strict fake provider that can answer several at once only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from clipferry import runtime
from clipferry.db.connection import Database
from clipferry.provider_throttle import FIRST_LIMIT
from clipferry.usecases.reconcile import WORKERS
from local.file_server import ServedFile
from local.http.messages import NoResponse, Response
from local.lambda_runtime.events import schedule_event
from local.lambda_runtime.function_instances import load
from local.lambda_runtime.lambda_context import invoker
from local.providers.evolink import FakeEvolink
from local.providers.faults import Faults
from local.providers.responses import json_response
from local.providers.serving import serving
from local.providers.task_queue import FilmOrder, Task
from local.sam_template.environment import in_process
from local.sam_template.read import read_template
from tests import books, journeys
from tests.http_api import environment
from tests.log_lines import captured, events, metrics

KEY = "evolink-key"
PROMPT = "A ferry at dusk"
CONNECTED = """
select count(*) from pg_stat_activity where application_name = 'clipferry' and backend_start > %(begun)s
"""


class Evolink(FakeEvolink):
    """`listen` hears of each question before it is answered; an odd one answers in words that nobody documents."""

    is_odd = False
    listen: Callable[[], object] = staticmethod(lambda: None)

    def query(self, task: Task) -> Response | NoResponse:
        self.listen()
        if self.is_odd:
            return json_response({"id": task.id, "status": f"odd for {task.id}"})
        return super().query(task)


@pytest.fixture
def evolink(database: Database, database_url: str) -> Iterator[Evolink]:
    books.add_user(database)
    books.add_package(database, 10_000)
    with serving(Evolink, api_key=KEY, film=b"film") as evolink:
        own = {"EVOLINK_BASE_URL": evolink.base_url, "EVOLINK_API_KEY": KEY}
        with in_process({**environment(database_url), **own}):
            runtime.reset()
            yield evolink
            runtime.reset()


def finished(database: Database, evolink: Evolink, number: int, *, faults: Faults = Faults()) -> list[str]:  # noqa: B008
    """Videos whose callbacks were lost: the provider has their files, and they are due."""
    uuids = []
    for _ in range(number):
        uuid = journeys.held_video(database)
        task_id = f"task-unified-{uuid}"
        evolink.tasks[task_id] = Task(
            id=task_id,
            model="m",
            order=FilmOrder(prompt=PROMPT, seconds=5, width=16, height=9),
            callback_url=None,
            created=0,
            takes=0,
            faults=faults,
            file=ServedFile.of(b"film", content_type="video/mp4"),
        )
        assert journeys.record(database, uuid, task_id=task_id)
        uuids.append(uuid)
    books.execute(
        database,
        "update clipferry.jobs set next_check_at = now() - interval '1 second' where video_uuid = any(%(uuids)s)",
        uuids=uuids,
    )
    return uuids


def run() -> tuple[Any, str]:
    """Returns the function's answer and its log."""
    function = read_template().function("ReconcileFunction")
    with captured() as log:
        answer = invoker(function, load(function))(schedule_event(rule="r"))
    return answer, log()


def statuses(database: Database, uuids: list[str]) -> set[str]:
    return {journeys.status_of(database, uuid) for uuid in uuids}


def test_a_provider_that_answers_only_when_several_ask_at_once_is_asked_by_several(
    database: Database, evolink: Evolink
) -> None:
    evolink.listen = threading.Barrier(FIRST_LIMIT, timeout=10).wait
    uuids = finished(database, evolink, 5 * FIRST_LIMIT)
    answer, _ = run()

    assert answer == {"lookedAt": len(uuids)}
    assert statuses(database, uuids) == {"UPLOADING"}


def test_no_more_connections_than_workers_and_one_that_stays(
    database: Database, database_url: str, evolink: Evolink
) -> None:
    """The first questions are answered at once, the others when everybody asks."""
    uuids = finished(database, evolink, 3 * WORKERS)
    everybody, questions = threading.Barrier(WORKERS, timeout=10), iter(range(len(uuids)))
    with psycopg.connect(database_url, autocommit=True) as watching:
        begun = watching.execute("select clock_timestamp()").fetchone()
        assert begun is not None
        found = []

        def connected() -> int:
            row = watching.execute(CONNECTED, {"begun": begun[0]}).fetchone()
            assert row is not None
            return row[0]

        def listen() -> None:
            if next(questions) >= WORKERS and everybody.wait() == 0:
                found.append(connected())

        evolink.listen = listen
        answer, _ = run()
        assert answer == {"lookedAt": len(uuids)}
        assert found == [WORKERS] * 2
        for _ in range(500):  # until the server has heard that they are closed
            if connected() == 1:
                break
            time.sleep(0.01)
        assert connected() == 1


def test_every_line_event_and_metric_of_a_video_is_its_own(database: Database, evolink: Evolink) -> None:
    """The adapter's warning doesn't know the video, only the task: the line has its uuid from whom it follows."""
    evolink.listen = threading.Barrier(FIRST_LIMIT, timeout=10).wait
    evolink.is_odd = True
    uuids = finished(database, evolink, 4 * FIRST_LIMIT)
    _, log = run()

    odd = [line for line in events(log) if line["message"] == "unknown task status"]
    told = {line["video_uuid"]: line["task_status"] for line in odd}
    assert told == {uuid: f"odd for task-unified-{uuid}" for uuid in uuids}
    assert [line for line in events(log) if "function_request_id" not in line] == []
    assert len([name for name, _, _ in metrics(log) if name == "UnknownTaskStates"]) == len(uuids)
    asked = books.rows(database, "select video_uuid from clipferry.video_events where kind = 'asked'")
    assert sorted(row["video_uuid"] for row in asked) == sorted(uuids)


def test_a_task_that_cannot_be_asked_about_stops_no_other(database: Database, evolink: Evolink) -> None:
    silent = finished(database, evolink, 1, faults=Faults(questions=("page", "cut")))
    well = finished(database, evolink, 20)
    answer, log = run()

    assert answer == {"lookedAt": 21}
    assert statuses(database, silent) == {"GENERATING"}
    assert statuses(database, well) == {"UPLOADING"}
    assert ("ProviderErrors", 1, {"provider": "evolink"}) in metrics(log)
