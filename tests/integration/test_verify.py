"""`verify` finds what is wrong: one breach of each invariant is planted, and it names that one and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from clipferry.db import verification
from clipferry.db.connection import Database
from clipferry.db.verification import Breach
from clipferry.models import VideoStatus
from clipferry.usecases.verify_credits import verify_credits
from tests import books, journeys, planted_breaches
from tests.database import MIGRATIONS, apply_migrations, new_database
from tests.planted_breaches import PLANTINGS, Planting, Scene

GUARDS = """
alter table public.credit_packages
    drop constraint clipferry_remaining_not_negative, drop constraint clipferry_frozen_not_negative,
    drop constraint clipferry_no_more_than_initial;
alter table public.credit_holds
    drop constraint clipferry_hold_positive, drop constraint clipferry_hold_backed,
    drop constraint clipferry_hold_status
"""


@pytest.fixture(scope="module")
def unguarded_url(server_url: str) -> Iterator[str]:
    """A database of its own without the CHECKs: what they refuse could not be planted."""
    with new_database(server_url) as url:
        apply_migrations(url, MIGRATIONS)
        with psycopg.connect(url) as connection:
            connection.execute(GUARDS)
        yield url


@pytest.fixture
def scene(unguarded_url: str) -> Iterator[Scene]:
    database = Database(unguarded_url)
    books.empty(database)
    for user_id in ("ann", "bob"):
        books.add_user(database, user_id)
    anns, bobs = (books.add_package(database, 100, user_id=user_id) for user_id in ("ann", "bob"))
    videos = {status: journeys.video_at(database, status) for status in VideoStatus}
    yield Scene(database=database, anns=anns, bobs=bobs, videos=videos)
    database.close()


@pytest.mark.parametrize(("invariant", "plant"), PLANTINGS, ids=[plant.__name__ for _, plant in PLANTINGS])
def test_a_planted_breach_is_found_and_named(scene: Scene, invariant: str, plant: Planting) -> None:
    named = {"user_id": None, "package_id": None, "hold_id": None, "video_uuid": None} | plant(scene)
    found = verify_credits(database=scene.database)

    assert [breach.invariant for breach in found] == [invariant]
    assert {name: getattr(found[0], name) for name in named} == named


def test_every_invariant_has_a_planted_breach() -> None:
    in_sql = set(re.findall(r"^select '(\w+)'", verification._BREACHES, re.MULTILINE))

    assert in_sql == {invariant for invariant, _ in PLANTINGS}


def test_right_books_have_no_breach(scene: Scene) -> None:
    assert verify_credits(database=scene.database) == []


def test_an_empty_database_has_no_breach(database: Database) -> None:
    assert verify_credits(database=database) == []


def test_what_the_original_application_had_ended_is_not_judged(scene: Scene) -> None:
    """It may have completed videos whose hold it never settled; only what was in flight has a job row of ours."""
    planted_breaches.a_completed_video_that_nobody_paid(scene)
    planted_breaches.a_settled_hold_that_was_never_booked(scene)
    scene.change("delete from clipferry.jobs")

    assert verify_credits(database=scene.database) == []


def test_all_breaches_are_named_not_only_the_first(scene: Scene) -> None:
    planted_breaches.credits_from_nowhere(scene)
    planted_breaches.a_package_of_more_than_was_bought(scene)
    planted_breaches.a_failed_video_that_was_paid(scene)

    found: list[Breach] = verify_credits(database=scene.database)
    assert [(breach.invariant, breach.user_id) for breach in found] == [
        ("failed_video_is_free", "ann"),
        ("ledger_explains_packages", "ann"),
        ("package_in_bounds", "bob"),
    ]
