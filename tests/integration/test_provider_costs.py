"""What providers charge is kept with each video, and shown beside the credits that were taken for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from clipferry.db import provider_costs, timeline
from clipferry.db.connection import Database
from clipferry.models import Submission, TaskReport
from clipferry.provider_cost import Currency, ProviderCost, read_cost
from clipferry.usecases.submit_video import submit_video
from clipferry.verdicts import FailureCode, TaskState, Verdict
from tests import books, journeys
from tests.command_line import Clipferry
from tests.orders import order
from tests.scripted_provider import ScriptedProvider, sign_callback

USD = ProviderCost(amount=Decimal("0.525"), currency=Currency.USD)
CREDITS = ProviderCost(amount=Decimal(30), currency=Currency.CREDITS)


@pytest.fixture(autouse=True)
def _ann(database: Database) -> None:
    books.add_user(database)
    books.add_package(database, 1000)


def cost_of(database: Database, uuid: str) -> tuple[Decimal | None, str | None]:
    [row] = books.rows(
        database, "select provider_cost, provider_cost_currency from clipferry.jobs where video_uuid = %(u)s", u=uuid
    )
    return row["provider_cost"], row["provider_cost_currency"]


def events_of(database: Database, uuid: str) -> list[dict[str, Any]]:
    with database.transaction() as tx:
        found = timeline.read(tx, uuid)
    return [entry.detail for entry in found.all() if entry.what == "provider_cost"]


def submitted(database: Database, cost: ProviderCost | None, *, task: str = "task-1") -> str:
    uuid = journeys.held_video(database)
    provider = ScriptedProvider(submit=lambda _: Submission(task_id=task, cost=cost))
    submit_video(
        [order(video_uuid=uuid, provider="evolink")],
        database=database,
        providers={"evolink": provider},
        sign_callback=sign_callback,
        polling=journeys.TIMING,
    )
    return uuid


def advance(database: Database, uuid: str, report: TaskReport) -> Verdict:
    return journeys.advance(database, uuid, {"evolink": ScriptedProvider(ask=lambda _: report)})


def succeeded(cost: ProviderCost | None) -> TaskReport:
    return TaskReport(state=TaskState.SUCCEEDED, video_url="https://files.example.com/1.mp4", cost=cost)


def test_a_cost_that_the_submit_names_is_kept_and_replaced_by_what_the_task_cost(database: Database) -> None:
    uuid = submitted(database, CREDITS)
    assert cost_of(database, uuid) == (Decimal(30), "credits")

    assert advance(database, uuid, succeeded(USD)) is Verdict.GENERATED

    assert cost_of(database, uuid) == (Decimal("0.525"), "USD")
    assert events_of(database, uuid) == [
        {"amount": "30", "currency": "credits"},
        {"amount": "0.525", "currency": "USD"},
    ]


def test_what_a_failed_task_cost_is_kept_too(database: Database) -> None:
    uuid = submitted(database, CREDITS)
    nothing = ProviderCost(amount=Decimal(0), currency=Currency.CREDITS)
    failed = TaskReport(state=TaskState.FAILED, failure=FailureCode.PROVIDER_FAILED, cost=nothing)

    assert advance(database, uuid, failed) is Verdict.FAILED

    assert cost_of(database, uuid) == (Decimal(0), "credits")


def test_an_answer_without_a_cost_leaves_what_is_known(database: Database) -> None:
    uuid = submitted(database, CREDITS)

    advance(database, uuid, succeeded(None))

    assert cost_of(database, uuid) == (Decimal(30), "credits")
    assert len(events_of(database, uuid)) == 1


def test_the_cost_of_another_task_is_not_the_videos(database: Database) -> None:
    uuid = submitted(database, None)

    with database.transaction() as tx:
        provider_costs.note(tx, uuid=uuid, task_id="another", cost=USD)

    assert cost_of(database, uuid) == (None, None)
    assert events_of(database, uuid) == []


def test_the_commands_show_it_beside_the_credits(database: Database, clipferry: Clipferry) -> None:
    dear, free, unknown = (
        submitted(database, USD),
        submitted(database, None, task="2"),
        submitted(database, USD, task="3"),
    )
    books.execute(database, "update public.videos set status = 'COMPLETED' where uuid = %(u)s", u=dear)
    [model] = {video["model"] for video in books.rows(database, "select model from public.videos")}

    listed = {video["uuid"]: video for video in clipferry("videos", "list", "--cost", "--json").json}
    assert (listed[dear]["provider_cost"], listed[dear]["currency"]) == (0.525, "USD")
    assert (listed[free]["provider_cost"], listed[free]["currency"]) == (None, None)
    assert "provider_cost" not in clipferry("videos", "list", "--json").json[0]
    credits_taken = listed[dear]["credits"]

    assert clipferry("videos", "cost", "--json").json == [
        {
            "model": model,
            "provider": "evolink",
            "videos": 2,
            "completed": 1,
            "credits_taken": credits_taken,
            "provider_cost": 1.05,
            "currency": "USD",
            "unknown": 0,
        },
        {
            "model": model,
            "provider": "evolink",
            "videos": 1,
            "completed": 0,
            "credits_taken": 0,
            "provider_cost": None,
            "currency": None,
            "unknown": 1,
        },
    ]
    assert unknown in listed
    assert "provider_cost" in clipferry("explain", dear).out


def test_a_cost_that_no_column_holds_does_not_keep_the_task_from_being_recorded(database: Database) -> None:
    uuid = submitted(database, read_cost("1e-20000", Currency.USD))

    assert journeys.status_of(database, uuid) == "GENERATING"


@pytest.mark.parametrize(
    ("said", "amount"),
    [
        *((7, "7"), (0, "0"), (1.23, "1.23"), ("0.8", "0.8"), (" 5 ", "5"), ("1e-3", "0.001")),
        *((None, None), (True, None), ("", None), ("x", None), (-1, None), (float("nan"), None), ("inf", None)),
        *((10**9, None), ([1], None), ("1e-20000", None), (f"0.{'0' * 20_000}1", None), ("0E-20000", None)),
        (1.2345678901234568e-05, "0.000012345678901234568"),
    ],
)
def test_only_a_sensible_number_is_a_cost(said: object, amount: str | None) -> None:
    cost = read_cost(said, Currency.USD)

    assert (cost and cost.amount) == (None if amount is None else Decimal(amount))
