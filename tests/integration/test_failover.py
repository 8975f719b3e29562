"""A refusal lets the next provider be asked, an unknown outcome doesn't; all of it ends within twenty seconds."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from clipferry.db import circuits
from clipferry.db.connection import Database
from clipferry.errors import (
    ProviderError,
    ProviderRefusedError,
    ProviderSilentError,
    ProviderUnreachableError,
)
from clipferry.models import Order, Submission, Submitted, VideoStatus
from clipferry.usecases.create_video import create_video
from clipferry.usecases.submit_video import SHORTEST_SUBMIT_SECONDS, SUBMIT_SECONDS, submit_video
from clipferry.verdicts import FailureCode
from tests import books, journeys
from tests.orders import order
from tests.scripted_provider import ScriptedProvider, sign_callback

BUSY = ProviderRefusedError("HTTP 429", failure="PROVIDER_BUSY")
BROKEN = ProviderRefusedError("HTTP 500 internal_error", failure="PROVIDER_FAILED", is_down=True)
BAD_PROMPT = ProviderRefusedError("HTTP 400 policy", failure="CONTENT_POLICY")
AWAY = ProviderUnreachableError("connection refused")
SILENT = ProviderSilentError("time-out")


@dataclass
class Clock:
    """Seconds; it moves when a provider takes its time."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Scripted(ScriptedProvider):
    """Answers each order with the next of `outcomes`, the last one for ever, after `seconds`; is asked nothing else."""

    name: str
    outcomes: list[str | ProviderError]
    seconds: float = 0
    clock: Clock = field(default_factory=Clock)
    asked: list[tuple[Order, str, float]] = field(default_factory=list)
    on_submit: Callable[[], None] = lambda: None

    def submit(self, order: Order, *, callback_url: str, timeout: float) -> Submission:
        self.asked.append((order, callback_url, timeout))
        self.on_submit()
        self.clock.now += self.seconds
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, ProviderError):
            raise outcome
        return Submission(task_id=f"{outcome}-{len(self.asked)}")


@pytest.fixture(autouse=True)
def _ann(database: Database) -> None:
    books.execute(database, "delete from clipferry.provider_circuits")
    books.add_user(database)
    books.add_package(database, 1000)


def submit(database: Database, uuid: str, *providers: Scripted, clock: Clock | None = None) -> Submitted:
    """The video's order to each of the providers, in their order."""
    return submit_video(
        [order(video_uuid=uuid, provider=provider.name) for provider in providers],
        database=database,
        providers={provider.name: provider for provider in providers},
        sign_callback=sign_callback,
        polling=journeys.TIMING,
        clock=clock or Clock(),
    )


def create(database: Database, *providers: Scripted) -> Any:
    """A new video of a model that all of the providers make, from the request on."""
    request = journeys.request(10)
    offers = tuple(journeys.offer(provider.name) for provider in providers)
    return create_video(
        replace(request, resolved=replace(request.resolved, offers=offers)),
        credential=books.credential(),
        idempotency_key=None,
        database=database,
        providers={provider.name: provider for provider in providers},
        preferred_provider="evolink",
        sign_callback=sign_callback,
        max_concurrent=journeys.MANY,
        polling=journeys.TIMING,
    )


def provider_of(database: Database, uuid: str) -> str:
    return books.value(database, "select provider from public.videos where uuid = %(uuid)s", uuid=uuid)


def kinds(database: Database, uuid: str) -> list[str]:
    found = books.rows(
        database, "select kind from clipferry.video_events where video_uuid = %(uuid)s order by id", uuid=uuid
    )
    return [row["kind"] for row in found]


def test_what_one_provider_refuses_for_its_content_is_offered_to_no_other(database: Database) -> None:
    uuid = journeys.held_video(database)
    kie = Scripted("kie", ["task"])

    with pytest.raises(ProviderRefusedError):
        submit(database, uuid, Scripted("evolink", [BAD_PROMPT]), kie)

    assert kie.asked == []
    assert (journeys.status_of(database, uuid), journeys.hold_of(database, uuid)) == ("FAILED", ("RELEASED", 10))
    assert books.breaches(database) == []


@pytest.mark.parametrize("refusal", [BUSY, BROKEN, AWAY])
def test_a_refusal_lets_the_next_provider_try(database: Database, refusal: ProviderError) -> None:
    uuid = journeys.held_video(database)
    evolink, kie = Scripted("evolink", [refusal]), Scripted("kie", ["task"])

    submitted = submit(database, uuid, evolink, kie)

    assert (submitted.provider, submitted.status, submitted.task_id) == ("kie", VideoStatus.GENERATING, "task-1")
    assert provider_of(database, uuid) == "kie"
    assert (len(evolink.asked), len(kie.asked)) == (1, 1)
    assert kie.asked[0][1] == f"https://us/kie?videoUuid={uuid}"
    assert kinds(database, uuid) == ["created", "provider_switched", "submitted"]
    assert books.breaches(database) == []


def test_the_row_names_a_provider_before_it_is_asked(database: Database, database_url: str) -> None:
    """Its callback may come before its answer, to another Lambda."""
    uuid = journeys.held_video(database)
    elsewhere, seen = Database(database_url), []
    kie = Scripted("kie", ["task"], on_submit=lambda: seen.append(provider_of(elsewhere, uuid)))

    submit(database, uuid, Scripted("evolink", [BUSY]), kie)
    elsewhere.close()

    assert seen == ["kie"]


def test_an_unknown_outcome_lets_nobody_else_try(database: Database) -> None:
    uuid = journeys.held_video(database)
    evolink, kie = Scripted("evolink", [SILENT]), Scripted("kie", ["task"])

    submitted = submit(database, uuid, evolink, kie)

    assert (submitted.provider, submitted.status, submitted.task_id) == ("evolink", VideoStatus.PENDING, None)
    assert (len(evolink.asked), kie.asked) == (1, [])
    assert journeys.hold_of(database, uuid) == ("HOLDING", 10)
    assert kinds(database, uuid) == ["created", "submit_unanswered"]


def test_an_unknown_outcome_of_the_second_is_unknown(database: Database) -> None:
    uuid = journeys.held_video(database)
    third = Scripted("replicate", ["task"])

    submitted = submit(database, uuid, Scripted("evolink", [BUSY]), Scripted("kie", [SILENT]), third)

    assert (submitted.provider, submitted.task_id) == ("kie", None)
    assert third.asked == []
    assert journeys.hold_of(database, uuid) == ("HOLDING", 10)


def test_when_all_refuse_the_credits_are_back_and_the_last_refusal_is_told(database: Database) -> None:
    uuid = journeys.held_video(database)

    with pytest.raises(ProviderRefusedError) as refused:
        submit(database, uuid, Scripted("evolink", [BUSY]), Scripted("kie", [BAD_PROMPT]))

    assert refused.value.details is not None
    assert refused.value.details["errorCode"] == FailureCode.CONTENT_POLICY
    assert journeys.status_of(database, uuid) == "FAILED"
    assert journeys.hold_of(database, uuid) == ("RELEASED", 10)
    assert books.breaches(database) == []


@pytest.mark.parametrize(
    ("seconds", "timeouts"),
    [
        (0.0, [20.0, 20.0]),
        (15.0, [20.0, 5.0]),
        (SUBMIT_SECONDS - SHORTEST_SUBMIT_SECONDS, [20.0, 4.0]),
        (SUBMIT_SECONDS - SHORTEST_SUBMIT_SECONDS + 0.01, [20.0]),
        (SUBMIT_SECONDS, [20.0]),
    ],
)
def test_all_providers_together_have_twenty_seconds(database: Database, seconds: float, timeouts: list[float]) -> None:
    uuid, clock = journeys.held_video(database), Clock()
    evolink = Scripted("evolink", [BUSY], seconds=seconds, clock=clock)
    kie = Scripted("kie", ["task"], clock=clock)

    if len(timeouts) == 1:
        with pytest.raises(ProviderRefusedError):
            submit(database, uuid, evolink, kie, clock=clock)
    else:
        submit(database, uuid, evolink, kie, clock=clock)

    asked = [timeout for provider in (evolink, kie) for _, _, timeout in provider.asked]
    assert asked == pytest.approx(timeouts)


def test_a_chain_of_slow_refusals_ends_in_time(database: Database) -> None:
    uuid, clock = journeys.held_video(database), Clock()
    slow = [Scripted(name, [BUSY], seconds=7, clock=clock) for name in ("evolink", "kie", "replicate", "fourth")]

    with pytest.raises(ProviderRefusedError):
        submit(database, uuid, *slow, clock=clock)

    assert [len(provider.asked) for provider in slow] == [1, 1, 1, 0]
    assert clock.now - 100 <= SUBMIT_SECONDS + 1


# The circuit, from the request on


def opened(capsys: pytest.CaptureFixture[str]) -> int:
    return capsys.readouterr().out.count('"CircuitOpened":[1')


@pytest.mark.parametrize("failure", [AWAY, BROKEN])
def test_a_provider_that_is_down_is_passed_over_and_the_metric_says_so(
    database: Database, failure: ProviderError, capsys: pytest.CaptureFixture[str]
) -> None:
    evolink, kie = Scripted("evolink", [failure]), Scripted("kie", ["task"])

    for _ in range(circuits.FAILURES):
        assert create(database, evolink, kie).provider == "kie"
    assert opened(capsys) == 1
    video = create(database, evolink, kie)

    assert len(evolink.asked) == circuits.FAILURES
    assert video.provider == "kie"
    assert provider_of(database, video.video_uuid) == "kie"
    assert opened(capsys) == 0


def test_orders_that_time_out_open_the_circuit_too(database: Database) -> None:
    evolink, kie = Scripted("evolink", [SILENT]), Scripted("kie", ["task"])

    assert [create(database, evolink, kie).task_id for _ in range(circuits.FAILURES)] == [None] * circuits.FAILURES
    assert create(database, evolink, kie).provider == "kie"


@pytest.mark.parametrize("refusal", [BUSY, BAD_PROMPT])
def test_a_refusal_does_not_open_the_circuit(database: Database, refusal: ProviderError) -> None:
    evolink, kie = Scripted("evolink", [refusal]), Scripted("kie", ["task"])

    for _ in range(circuits.FAILURES * 2):
        with contextlib.suppress(ProviderRefusedError):
            create(database, evolink, kie)

    assert len(evolink.asked) == circuits.FAILURES * 2


def test_after_its_rest_one_request_probes_and_a_success_brings_the_provider_back(database: Database) -> None:
    evolink, kie = Scripted("evolink", [AWAY] * circuits.FAILURES + ["task"]), Scripted("kie", ["task"])
    for _ in range(circuits.FAILURES):
        create(database, evolink, kie)
    books.execute(database, "update clipferry.provider_circuits set open_until = now() - interval '1 second'")

    assert [create(database, evolink, kie).provider for _ in range(3)] == ["evolink"] * 3
    assert books.value(database, "select failures from clipferry.provider_circuits") == 0


def test_while_one_request_probes_the_others_go_elsewhere(database: Database, database_url: str) -> None:
    evolink, kie = Scripted("evolink", [AWAY] * circuits.FAILURES + ["task"]), Scripted("kie", ["task"])
    for _ in range(circuits.FAILURES):
        create(database, evolink, kie)
    books.execute(database, "update clipferry.provider_circuits set open_until = now() - interval '1 second'")
    probing, done = threading.Event(), threading.Event()

    def take_a_while() -> None:
        probing.set()
        assert done.wait(30)

    evolink.on_submit = take_a_while
    elsewhere = Database(database_url)

    with ThreadPoolExecutor(1) as pool:
        probe = pool.submit(create, elsewhere, evolink, kie)
        assert probing.wait(30)
        others = [create(database, evolink, kie).provider for _ in range(3)]
        done.set()
        assert probe.result().provider == "evolink"
    elsewhere.close()

    assert others == ["kie"] * 3


def test_when_every_provider_is_down_the_first_is_asked_all_the_same(database: Database) -> None:
    evolink, kie = Scripted("evolink", [AWAY]), Scripted("kie", [AWAY])
    for _ in range(circuits.FAILURES):
        with pytest.raises(ProviderUnreachableError):
            create(database, evolink, kie)
    evolink.outcomes = ["task"]

    assert create(database, evolink, kie).provider == "evolink"
    assert (len(evolink.asked), len(kie.asked)) == (circuits.FAILURES + 1, circuits.FAILURES)
    assert create(database, evolink, kie).provider == "evolink"  # and it is back


def test_with_one_provider_there_is_no_other(database: Database) -> None:
    evolink = Scripted("evolink", [AWAY])

    for _ in range(circuits.FAILURES + 3):
        with pytest.raises(ProviderUnreachableError):
            create(database, evolink)

    assert len(evolink.asked) == circuits.FAILURES + 3
    assert books.breaches(database) == []
