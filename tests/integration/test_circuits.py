"""A provider that is down isn't asked for a minute, then by one request; it is in the database, for every Lambda."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clipferry.db import circuits
from clipferry.db.connection import Database
from tests import books


@pytest.fixture(autouse=True)
def _all_closed(database: Database) -> None:
    books.execute(database, "delete from clipferry.provider_circuits")


@pytest.fixture
def elsewhere(database_url: str) -> Iterator[Database]:
    """Another Lambda."""
    database = Database(database_url)
    yield database
    database.close()


def fails(database: Database, times: int = 1, provider: str = "evolink") -> list[bool]:
    """Whether each failure opened the circuit."""
    opened = []
    for _ in range(times):
        with database.transaction() as tx:
            noted = circuits.note_failure(tx, provider)
        [row] = noted.all()
        opened.append(row["has_opened"])
    return opened


def succeeds(database: Database, provider: str = "evolink") -> None:
    with database.transaction() as tx:
        circuits.note_success(tx, provider)


def open_circuits(database: Database) -> dict[str, bool]:
    """Provider by provider, whether it has rested."""
    with database.transaction() as tx:
        found = circuits.read_open(tx)
    return {circuit.provider: circuit.is_half_open for circuit in found.all()}


def may_probe(database: Database, provider: str = "evolink") -> bool:
    with database.transaction() as tx:
        claimed = circuits.claim_probe(tx, provider)
    return claimed.first() is not None


def passes(database: Database, seconds: int) -> None:
    """Moves every time into the past, as if it were so much later."""
    books.execute(
        database,
        """update clipferry.provider_circuits
        set failing_since = failing_since - make_interval(secs => %(seconds)s),
            opened_at = opened_at - make_interval(secs => %(seconds)s),
            open_until = open_until - make_interval(secs => %(seconds)s)""",
        seconds=seconds,
    )


def test_the_fifth_failure_in_a_row_opens_the_circuit_for_everybody(database: Database, elsewhere: Database) -> None:
    assert fails(database, 4) == [False] * 4
    assert open_circuits(elsewhere) == {}
    assert fails(elsewhere) == [True]
    assert open_circuits(database) == {"evolink": False}


def test_it_opens_once_however_often_it_fails_then(database: Database) -> None:
    assert fails(database, 8) == [False] * 4 + [True] + [False] * 3


def test_an_answer_in_between_begins_the_count_anew(database: Database) -> None:
    fails(database, 4)
    succeeds(database)

    assert fails(database, 4) == [False] * 4
    assert open_circuits(database) == {}


def test_failures_that_are_far_apart_do_not_add_up(database: Database) -> None:
    fails(database, 4)
    passes(database, circuits.WINDOW_SECONDS + 1)

    assert fails(database, 4) == [False] * 4
    assert fails(database) == [True]


def test_four_failures_and_one_within_two_minutes_do_add_up(database: Database) -> None:
    fails(database, 4)
    passes(database, circuits.WINDOW_SECONDS - 10)

    assert fails(database) == [True]


def test_a_provider_that_has_rested_is_probed_by_one(database: Database, elsewhere: Database) -> None:
    fails(database, 5)
    assert not may_probe(database)
    passes(database, circuits.OPEN_SECONDS + 1)
    assert open_circuits(database) == {"evolink": True}

    assert [may_probe(database), may_probe(elsewhere), may_probe(database)] == [True, False, False]
    assert open_circuits(elsewhere) == {"evolink": False}


def test_a_probe_that_fails_leaves_it_resting_again(database: Database) -> None:
    fails(database, 5)
    passes(database, circuits.OPEN_SECONDS + 1)
    may_probe(database)

    assert fails(database) == [False]
    passes(database, circuits.OPEN_SECONDS - 5)
    assert open_circuits(database) == {"evolink": False}
    passes(database, 6)
    assert open_circuits(database) == {"evolink": True}


def test_a_probe_that_succeeds_closes_it_and_the_count_begins_anew(database: Database) -> None:
    fails(database, 5)
    passes(database, circuits.OPEN_SECONDS + 1)
    may_probe(database)
    succeeds(database)

    assert open_circuits(database) == {}
    assert fails(database, 5) == [False] * 4 + [True]


def test_a_probe_whose_request_died_is_another_ones_a_minute_later(database: Database) -> None:
    fails(database, 5)
    passes(database, circuits.OPEN_SECONDS + 1)
    may_probe(database)
    passes(database, circuits.OPEN_SECONDS + 1)

    assert may_probe(database)


def test_each_provider_has_a_circuit_of_its_own(database: Database) -> None:
    fails(database, 5)
    fails(database, 4, "kie")
    succeeds(database, "kie")

    assert open_circuits(database) == {"evolink": False}


def test_a_success_of_a_healthy_provider_writes_nothing(database: Database) -> None:
    succeeds(database)

    assert books.rows(database, "select * from clipferry.provider_circuits") == []
