"""Nothing waits for ever: whatever a provider answers, or doesn't, a deadline ends it, after one last question."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from clipferry.providers.kie import Kie
from clipferry.verdicts import Verdict
from tests import books, journeys
from tests.provider_answers import API_KEY, HTML, ScriptedApi, sample

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
