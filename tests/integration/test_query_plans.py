"""How the product's statements run on 20,000 videos: through indexes, few rows each, in one round trip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks import checks, dataset, growth
from benchmarks.dataset import Size
from benchmarks.latency_proxy import latency_proxy
from benchmarks.plans import ExplainingDatabase
from benchmarks.product import Product
from benchmarks.rounds import Operation, PlanBook, ReadTargets, Stopwatch, product_round
from clipferry.db.connection import Database
from tests.database import MIGRATIONS, apply_migrations, new_database

SIZE = Size(videos=20_000, users=100, ledger=60_000)
FEW = 1000
"""Rows: a twentieth of the videos. A table of a few pages is best read as a whole, so this isn't a handful."""
AWAY = 0.05
"""Seconds. Long enough that a busy machine doesn't hear the answer's beginning while it still asks."""


@pytest.fixture(scope="module")
def filled_url(server_url: str) -> Iterator[str]:
    """A database of its own: the other tests empty theirs."""
    with new_database(server_url) as url:
        apply_migrations(url, MIGRATIONS)
        dataset.fill(url, SIZE)
        yield url


@pytest.fixture(scope="module")
def targets(filled_url: str) -> ReadTargets:
    return ReadTargets.find(filled_url, SIZE)


@pytest.fixture(scope="module")
def book(filled_url: str, targets: ReadTargets) -> PlanBook:
    with closing(ExplainingDatabase(filled_url)) as database:
        book = PlanBook(database)
        product_round(Product(database), targets, 1, book.measure)
        return book


@pytest.fixture
def away(filled_url: str) -> Iterator[tuple[Database, Stopwatch]]:
    """A database behind a counting proxy."""
    server = conninfo_to_dict(filled_url)
    with latency_proxy(str(server["host"]), int(server["port"] or 5432), round_trip=AWAY) as (proxy, port):
        url = make_conninfo(filled_url, hostaddr="127.0.0.1", port=port)
        with closing(Database(url)) as database:
            yield database, Stopwatch(lambda: proxy.round_trips)


def test_the_data_set_adds_up(filled_url: str) -> None:
    with closing(Database(filled_url)) as database:
        assert Product(database).verify() == 0


def test_no_operation_reads_a_large_table_from_end_to_end(book: PlanBook) -> None:
    assert list(checks.scans(book)) == []


def test_a_page_reads_no_rows_but_its_own_wherever_it_is(book: PlanBook) -> None:
    assert list(checks.greedy_pages(book)) == []


def test_an_operation_reads_few_rows(book: PlanBook) -> None:
    counting = (Operation.HISTORY, Operation.HISTORY_TYPE)  # their total is what it is
    rows = {name: book.rows_read(name) for name in book.plans if name not in counting}

    assert {name: read for name, read in rows.items() if read > FEW} == {}


def test_a_balance_reads_the_same_rows_however_long_the_ledger(filled_url: str) -> None:
    before, after = growth.measure_growth(filled_url, user=SIZE.users + 1, more_rows=5000, rounds=1)

    assert after.rows_read == before.rows_read


def test_each_operation_is_one_round_trip(away: tuple[Database, Stopwatch], targets: ReadTargets) -> None:
    database, watch = away
    Product(database).balance(dataset.HEAVY_USER)

    product_round(Product(database), targets, 2, watch.measure)

    assert {name: watch.trips[name] for name in watch.trips} == {name: [1] for name in Operation}


def test_a_connection_opened_ahead_costs_its_first_user_nothing(away: tuple[Database, Stopwatch]) -> None:
    database, watch = away
    database.connect()

    with watch.measure(Operation.BALANCE):
        Product(database).balance(dataset.HEAVY_USER)

    assert watch.trips[Operation.BALANCE] == [1]
