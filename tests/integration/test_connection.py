"""The warm connection: one round trip a transaction, nothing left behind, and a new one when the old one has died."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from clipferry.db import connection as connection_module
from clipferry.db import sign_in
from clipferry.db.connection import Database, Transaction
from clipferry.errors import ClipferryError, DatabaseBusyError, DatabaseUnavailableError
from clipferry.models import Credential
from tests.proxy import PATIENCE, Proxy

ADD_USER = """insert into public."user" (id, email) values (%(id)s, %(id)s || '@example.com')"""
USERS = """select id from public."user" order by id"""


def pid(database: Database) -> int:
    """Which of the server's processes serves us."""
    with database.transaction() as tx:
        asked = tx.query_dicts("select pg_backend_pid() as pid", {})
    row = asked.first()
    assert row is not None
    return row["pid"]


def add_user(tx: Transaction, name: str) -> None:
    tx.execute(ADD_USER, {"id": name})


def users(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute(USERS).fetchall()]


def terminate(url: str, process: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        ended = connection.execute("select pg_terminate_backend(%s, 10000)", [process]).fetchone()
    assert ended == (True,)


# A transaction


def test_a_transaction_is_committed_when_its_block_ends(database_url: str, database: Database) -> None:
    with database.transaction() as tx:
        add_user(tx, "ann")
        add_user(tx, "bob")

    assert users(database_url) == ["ann", "bob"]


def test_results_are_read_after_the_block(database: Database) -> None:
    @dataclass
    class Named:
        id: str

    with database.transaction() as tx:
        add_user(tx, "ann")
        as_models = tx.query(USERS, {}, Named)
        add_user(tx, "bob")
        as_records = tx.query_dicts(USERS, {})
        nothing = tx.query_dicts("""select id from public."user" where false""", {})

    assert as_models.all() == [Named("ann")]
    assert as_records.first() == {"id": "ann"}
    assert as_records.first() == {"id": "bob"}
    assert as_records.first() is None
    assert (nothing.first(), nothing.all()) == (None, [])


def test_results_are_read_within_the_block(database: Database) -> None:
    with database.transaction() as tx:
        add_user(tx, "ann")
        assert tx.query_dicts(USERS, {}).all() == [{"id": "ann"}]
        add_user(tx, "bob")
        assert tx.query_dicts(USERS, {}).all() == [{"id": "ann"}, {"id": "bob"}]


def test_nobody_takes_a_result_for_a_truth(database: Database) -> None:
    with database.transaction() as tx:
        result = tx.query_dicts(USERS, {})

    with pytest.raises(TypeError):
        bool(result)


def test_a_block_that_raises_is_rolled_back_and_its_error_comes_out_as_it_is(
    database_url: str, database: Database
) -> None:
    process = pid(database)

    with pytest.raises(LookupError, match="ours"), database.transaction() as tx:  # noqa: PT012
        add_user(tx, "ann")
        tx.query_dicts(USERS, {}).all()
        add_user(tx, "bob")
        raise LookupError("ours")

    assert users(database_url) == []
    assert pid(database) == process


@pytest.mark.parametrize("reads_at_once", [False, True])
def test_a_statement_that_fails_rolls_everything_back(
    database_url: str, database: Database, reads_at_once: bool
) -> None:
    process = pid(database)

    with pytest.raises(ClipferryError, match="UniqueViolation"), database.transaction() as tx:  # noqa: PT012
        add_user(tx, "ann")
        repeated = tx.query_dicts(ADD_USER + " returning id", {"id": "ann"})
        if reads_at_once:
            repeated.first()
        add_user(tx, "bob")

    assert users(database_url) == []
    assert pid(database) == process


# Round trips


def read_after(database: Database) -> None:
    with database.transaction() as tx:
        asked = tx.query_dicts("select 1 as one", {})
    asked.first()


def read_inside(database: Database) -> None:
    with database.transaction() as tx:
        tx.query_dicts("select 1 as one", {}).first()


def be_refused(database: Database) -> None:
    with pytest.raises(ClipferryError), database.transaction() as tx:
        tx.execute("select 1 / 0", {})


def give_up(database: Database) -> None:
    with pytest.raises(RuntimeError), database.transaction() as tx:  # noqa: PT012
        tx.execute("select 1", {})
        raise RuntimeError


@pytest.mark.parametrize(
    ("do", "endings"),
    [
        (read_after, [b"commit"]),
        (read_inside, [b"select 1 as one", b"commit"]),
        (be_refused, [b"commit", b"ROLLBACK"]),
        (give_up, []),
    ],
)
def test_nothing_follows_the_message_that_ends_a_transaction(
    proxied: Database, proxy: Proxy, do: Callable[[Database], None], endings: list[bytes]
) -> None:
    """What came behind it would hold a connection of a pooler's, now and then, until nobody has any."""
    proxy.said.clear()
    do(proxied)
    messages = proxy.contents()
    assert [kind for kind, _ in messages] == ["Q"] * len(endings)
    assert [text.rstrip(b"\0").rpartition(b"\n")[2] for _, text in messages] == endings


def test_a_transaction_takes_one_round_trip(proxy: Proxy, proxied: Database) -> None:
    before = proxy.round_trips

    with proxied.transaction() as tx:
        add_user(tx, "ann")
        found = tx.query_dicts(USERS, {})
        add_user(tx, "bob")

    assert found.all() == [{"id": "ann"}]
    assert proxy.round_trips - before == 1


def test_a_warm_connection_is_not_asked_whether_it_lives(proxy: Proxy, proxied: Database) -> None:
    before = proxy.round_trips

    process = pid(proxied)
    assert pid(proxied) == process

    assert proxy.round_trips - before == 2


# What is left behind


def test_no_state_is_left_in_the_session(database: Database) -> None:
    for _ in range(10):
        with database.transaction() as tx:
            timeouts = tx.query_dicts(
                "select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock", {}
            )
        assert timeouts.first() == {"statement": "10s", "lock": "8s"}

    assert database._cursor is not None
    session = database._cursor.connection
    assert session.execute("show statement_timeout").fetchone() == ("0",)
    assert session.execute("show lock_timeout").fetchone() == ("0",)
    assert session.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)
    assert session.execute("select count(*) from pg_locks where locktype = 'advisory'").fetchone() == (0,)
    assert session.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_who_signed_in_is_forgotten_with_the_transaction(database_url: str, database: Database) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(ADD_USER, {"id": "ann"})
        connection.execute(
            'insert into public.session ("userId", token, "expiresAt")'
            " values ('ann', 'token', timezone('utc', now()) + interval '1 hour')"
        )
    current = "select nullif(current_setting('clipferry.user_id', true), '') as user_id"

    with database.transaction() as tx:
        sign_in.authenticate(tx, Credential(session_token="token"))
        signed_in = tx.query_dicts(current, {})
    with database.transaction() as tx:
        next_one = tx.query_dicts(current, {})
    with pytest.raises(LookupError), database.transaction() as tx:  # noqa: PT012
        sign_in.authenticate(tx, Credential(session_token="token")).first()
        raise LookupError
    with database.transaction() as tx:
        after_a_failure = tx.query_dicts(current, {})

    assert signed_in.first() == {"user_id": "ann"}
    assert next_one.first() == after_a_failure.first() == {"user_id": None}


# When it can't be


def test_a_connection_that_the_server_ended_is_replaced(database_url: str, database: Database) -> None:
    process = pid(database)
    terminate(database_url, process)

    assert pid(database) != process


def test_a_connection_that_was_cut_without_a_word_is_replaced(proxy: Proxy, proxied: Database) -> None:
    process = pid(proxied)
    proxy.drop()

    assert pid(proxied) != process


class Clock:
    """The wall clock, which goes on while a Lambda is frozen."""

    def __init__(self) -> None:
        self.now = 1_795_334_400.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def thawing(proxied: Database, proxy: Proxy, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A warm connection whose Lambda was frozen for an hour: the wall clock went on, the monotonic one stood still."""
    clock = Clock()
    database = Database(make_conninfo(database_url, host="127.0.0.1", port=proxy.port), clock=clock)
    pid(database)
    monkeypatch.setattr(connection_module, "PING_SECONDS", 0.2)
    clock.now += 3600
    yield database
    database.close()


@pytest.mark.parametrize("how", ["silently", "with a reset"])
def test_connection_that_was_forgotten_while_the_function_was_frozen_is_replaced(
    thawing: Database, proxy: Proxy, how: Literal["silently", "with a reset"]
) -> None:
    proxy.forget(how)

    assert pid(thawing)
    assert pid(thawing)


def test_connection_that_lived_on_while_the_function_was_frozen_is_asked_and_used(
    thawing: Database, proxy: Proxy
) -> None:
    before, process = proxy.round_trips, pid(thawing)
    assert proxy.round_trips - before == 2, "one to ask"

    assert pid(thawing) == process
    assert proxy.round_trips - before == 3


def test_server_that_ends_the_session_instead_of_answering_is_no_answer(
    thawing: Database, proxy: Proxy, database_url: str
) -> None:
    """Its farewell comes with the answer: it had not arrived when the connection was looked at."""
    assert thawing._cursor is not None
    terminate(database_url, thawing._cursor.connection.info.backend_pid)

    assert pid(thawing)


def test_a_closed_database_opens_again(database: Database) -> None:
    process = pid(database)
    database.close()

    assert pid(database) != process


def test_a_connection_may_be_opened_ahead(proxy: Proxy, proxied: Database) -> None:
    proxied.close()
    proxied.connect()
    before = proxy.round_trips

    pid(proxied)

    assert proxy.round_trips - before == 1


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres:hunter2@127.0.0.1:1/clipferry",
        "postgresql://postgres:hunter2@no-such-host.invalid/clipferry",
    ],
)
def test_a_server_that_is_away_is_unavailable_and_no_password_is_shown(url: str) -> None:
    database = Database(url, connect_timeout=2)

    with pytest.raises(DatabaseUnavailableError) as away, database.transaction():
        pass
    with pytest.raises(DatabaseUnavailableError):
        database.connect()

    assert "hunter2" not in str(away.value)


def test_a_server_that_goes_away_and_comes_back_is_used_again(proxy: Proxy, proxied: Database) -> None:
    proxied._url, there = make_conninfo(proxied._url, port=1), proxied._url
    proxy.drop()
    with pytest.raises(DatabaseUnavailableError):
        pid(proxied)

    proxied._url = there

    assert pid(proxied)


def test_a_lock_that_is_not_given_in_time_means_busy(database_url: str) -> None:
    database = Database(database_url, lock_timeout=1)
    with psycopg.connect(database_url) as holder:
        holder.execute('lock table public."user" in access exclusive mode')

        with pytest.raises(DatabaseBusyError), database.transaction() as tx:
            add_user(tx, "ann")

    with database.transaction() as tx:
        add_user(tx, "bob")
    database.close()
    assert users(database_url) == ["bob"]


def test_a_statement_that_takes_too_long_means_busy(database_url: str) -> None:
    database = Database(database_url, statement_timeout=1)

    with pytest.raises(DatabaseBusyError), database.transaction() as tx:  # noqa: PT012
        add_user(tx, "ann")
        tx.execute("select pg_sleep(60)", {})

    database.close()
    assert users(database_url) == []


def test_of_two_that_wait_for_each_other_one_is_told_that_it_is_busy(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for name in ("ann", "bob"):
            connection.execute(ADD_USER, {"id": name})
    lock = """select id from public."user" where id = %(id)s for update"""
    both_hold_one = threading.Barrier(2)
    outcomes: list[str] = []

    def take(first: str, second: str) -> None:
        database = Database(database_url)
        try:
            with database.transaction() as tx:
                tx.query_dicts(lock, {"id": first}).first()
                both_hold_one.wait(PATIENCE)
                tx.query_dicts(lock, {"id": second}).first()
            outcomes.append("done")
        except DatabaseBusyError:
            outcomes.append("busy")
        finally:
            database.close()

    threads = [threading.Thread(target=take, args=names) for names in (("ann", "bob"), ("bob", "ann"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert sorted(outcomes) == ["busy", "done"]


@pytest.mark.parametrize("value", ["a\x00b", "half an emoji \ud83d"])
def test_text_that_postgres_does_not_take_is_an_error_of_ours(database: Database, value: str) -> None:
    with pytest.raises(ClipferryError), database.transaction() as tx:
        add_user(tx, value)

    assert pid(database)


# Times


def read_back(database: Database, sql: Any, **parameters: Any) -> Any:
    with database.transaction() as tx:
        found = tx.query_dicts(sql, parameters)
    row = found.first()
    assert row is not None
    return row["value"]


def test_a_timestamp_comes_back_as_aware_utc(database: Database) -> None:
    moment = read_back(database, "select timestamp(3) '2026-01-15 00:00:00.123' as value")

    assert moment == datetime(2026, 1, 15, 0, 0, 0, 123_000, UTC)
    assert moment.tzinfo is UTC


def test_utc_now_is_now_whatever_the_servers_time_zone(database_url: str, database: Database) -> None:
    with psycopg.connect(database_url) as direct:
        assert direct.execute("show timezone").fetchone() == ("Asia/Shanghai",)
    assert read_back(database, "select current_setting('timezone') as value") == "UTC"

    for sql in ("select timezone('utc', now())::timestamp(3) as value", "select now() as value"):
        assert abs(read_back(database, sql) - datetime.now(UTC)) < timedelta(hours=1)


def test_a_null_stays_a_null(database: Database) -> None:
    assert read_back(database, "select null::timestamp(3) as value") is None
