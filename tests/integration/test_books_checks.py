"""The database itself refuses what would break the books, whoever asks."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg
import pytest

from clipferry.db.connection import Database
from clipferry.errors import ClipferryError
from tests import books, journeys

_HOLD = """
insert into public.credit_holds (user_id, video_uuid, credits, status, package_allocation)
values ('ann', 'vid_x', %(credits)s, %(status)s, %(allocation)s)
"""


pytestmark = pytest.mark.usefixtures("ann")


def refused(database_url: str, sql: LiteralString, **parameters: Any) -> str:
    """The constraint that refuses the statement."""
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation) as violation:
        connection.execute(sql, parameters)
    return str(violation.value.diag.constraint_name)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("remaining_credits = -1", "clipferry_remaining_not_negative"),
        ("frozen_credits = -1", "clipferry_frozen_not_negative"),
        ("remaining_credits = 11", "clipferry_no_more_than_initial"),
        ("frozen_credits = 1", "clipferry_no_more_than_initial"),
    ],
)
def test_a_package_stays_in_its_bounds(
    database: Database, database_url: str, change: LiteralString, constraint: str
) -> None:
    books.add_package(database, 10)

    assert refused(database_url, "update public.credit_packages set " + change) == constraint


@pytest.mark.parametrize(
    ("price", "status", "allocation", "constraint"),
    [
        (10, "HOLDING", "[]", "clipferry_hold_backed"),
        (10, "HOLDING", '[{"packageId": 1, "credits": 9}]', "clipferry_hold_backed"),
        (10, "HOLDING", '[{"packageId": 1, "credits": 9}, {"packageId": 2, "credits": 2}]', "clipferry_hold_backed"),
        (0, "HOLDING", "[]", "clipferry_hold_positive"),
        (-5, "HOLDING", '[{"packageId": 1, "credits": -5}]', "clipferry_hold_positive"),
        (10, "FROZEN", '[{"packageId": 1, "credits": 10}]', "clipferry_hold_status"),
    ],
)
def test_a_hold_is_positive_backed_and_of_a_known_status(
    database_url: str, price: int, status: str, allocation: str, constraint: str
) -> None:
    assert refused(database_url, _HOLD, credits=price, status=status, allocation=allocation) == constraint


def test_a_video_never_costs_less_than_nothing(database: Database, database_url: str) -> None:
    books.add_package(database, 10)
    journeys.held_video(database)

    assert refused(database_url, "update public.videos set credits_used = -1") == "clipferry_credits_not_negative"


def test_a_transaction_that_fails_half_way_leaves_nothing(database: Database) -> None:
    """The last statement breaks a CHECK, and what the ones before it did is undone."""
    books.add_package(database, 10)
    before = books.everything(database)
    with pytest.raises(ClipferryError, match="CheckViolation"):
        books.execute_all(
            database,
            "update public.credit_packages set remaining_credits = 5",
            "update public.credit_packages set frozen_credits = -1",
        )

    assert books.everything(database) == before
