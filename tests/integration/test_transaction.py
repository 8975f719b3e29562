"""A transaction: values, errors, results that nobody reads, much at once, a connection that breaks half-way."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from clipferry.db.connection import Database
from clipferry.errors import ClipferryError, DatabaseUnavailableError
from tests.proxy import PATIENCE, Proxy

ECHO = "select %(text)s::text as text"
NOTE = """insert into public."user" (id, email) values (%(id)s, %(id)s || '@example.com')"""
BLOCK = 100_000
BLOCKS = 200
"""20 MB: more than the sockets between here and there hold, however far the system lets them grow."""


class Colour(Enum):
    RED = 1


class Status(StrEnum):
    PENDING = "pending"


def noted(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute('select id from public."user" order by id').fetchall()]


def lives(database: Database) -> bool:
    with database.transaction() as tx:
        found = tx.query_dicts("select 1 as one", {})
    return found.all() == [{"one": 1}]


@contextmanager
def given_up(proxy: Proxy) -> Iterator[None]:
    """Two that wait for each other for ever would be parted, which is an error."""
    timer = threading.Timer(PATIENCE, proxy.drop)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


# Values

VALUES = [
    None,
    True,
    1,
    -1,
    40_000,
    3_000_000_000,
    2**70,
    1.5,
    float("inf"),
    Decimal("12.3400"),
    "",
    "Fähre ⛴ 渡し舟 '\"\\%",
    b"\x00\xff",
    bytearray(b"bytes"),
    datetime(2026, 1, 15, 1, 2, 3, 456_000, UTC),
    datetime(2026, 1, 15, 1, 2, 3, tzinfo=timezone(timedelta(hours=-3))),
    datetime(2026, 1, 15, 1, 2, 3),  # noqa: DTZ001
    date(2026, 1, 15),
    timedelta(days=2, seconds=-5),
    UUID("12345678-1234-5678-1234-567812345678"),
    Jsonb({"a": [1, None, "ü"]}),
    Colour.RED,
    Status.PENDING,
    [],
    [None],
    [1, 2],
    [1, None, 40_000],
    [1, 3_000_000_000],
    ["a", None, 'quoted "b", {c}', ""],
    [Status.PENDING],
    [[1, 2], [3, 4]],
    [Decimal(1), Decimal("2.5")],
    [datetime(2026, 1, 15, tzinfo=UTC)],
]


def test_values_reach_the_server_as_parameters_of_its_own_would(database: Database) -> None:
    """psycopg's ordinary cursor sends them beside the statement, over the same connection."""
    sql = "select %(value)s as value, %(value)s as again, %(none)s as none"
    with database.transaction() as tx:
        written = [tx.query_dicts(sql, {"value": value, "none": None}) for value in VALUES]
    assert database._cursor is not None
    beside = psycopg.Cursor(database._cursor.connection, row_factory=dict_row)

    assert len(written) == len(VALUES)
    for value, rows in zip(VALUES, written, strict=True):
        assert rows.all() == beside.execute(sql, {"value": value, "none": None}).fetchall(), value


@pytest.mark.parametrize("conforming", ["on", "off"])
@pytest.mark.parametrize(
    "text",
    [
        "it's",
        "'; drop table public.videos; --",
        "\\'; select 1; --",
        "\\",
        "\\\\'",
        "E'\\n'",
        "$$ $1 $tag$",
        "100 %, %s, %(text)s, %%",
        "/* -- */\n;\n",
        "\b\f\n\r\t\x7f",
        "Fähre ⛴ 渡し舟 😀 ￾",
    ],
)
def test_no_text_can_leave_its_quotes(database_url: str, text: str, conforming: str) -> None:
    """Whatever the server takes a backslash for."""
    url = make_conninfo(database_url, options=f"-c standard_conforming_strings={conforming}")
    database, value = Database(url), {"text": text, "bytes": text.encode()}
    with database.transaction() as tx:
        before = tx.query_dicts("select %(text)s || '' as text", value)
        after = tx.query_dicts("select %(text)s::text as text, %(bytes)s as bytes", value)
    database.close()

    assert before.all() == [{"text": text}]
    assert after.all() == [{"text": text, "bytes": text.encode()}]


def test_rows_come_as_a_dataclass_whatever_the_order_of_the_columns(database: Database) -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Pair:
        a: int
        b: str = "left out"

    with database.transaction() as tx:
        swapped = tx.query("select 'x' as b, 1 as a", {}, Pair)
        shorter = tx.query("select 2 as a", {}, Pair)
        longer = tx.query("select 3 as a, 4 as c", {}, Pair)

    assert swapped.all() + shorter.all() == [Pair(a=1, b="x"), Pair(a=2)]
    with pytest.raises(TypeError):
        longer.first()


def test_a_statement_whose_columns_have_grown_names_them_all(database_url: str, database: Database) -> None:
    """A front end's own migration adds a column to a table while functions are warm."""
    everything = "select * from pair"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("create table pair as select 1 as one")
        with database.transaction() as tx:
            before = tx.query_dicts(everything, {})
        connection.execute("alter table pair add two integer default 2")
    with database.transaction() as tx:
        after = tx.query_dicts(everything, {})
    assert (before.all(), after.all()) == ([{"one": 1}], [{"one": 1, "two": 2}])


def test_percent_signs_and_repeated_names_reach_the_server(database: Database) -> None:
    with database.transaction() as tx:
        row = tx.query_dicts(
            "select 7 %% %(n)s::int as rest, %(n)s || '%%' as text, 'ab' like %(p)s as l", {"n": "4", "p": "a%"}
        )

    assert row.first() == {"rest": 3, "text": "4%", "l": True}


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [("select %(here)s, %(missing)s", {"here": 1}), ("select 5 % 2", {}), ("select %(here)s", {"here": object()})],
)
def test_what_cannot_be_sent_is_an_error_where_it_is_said(
    database_url: str, database: Database, sql: Any, parameters: dict[str, Any]
) -> None:
    with pytest.raises(ClipferryError, match="ProgrammingError"), database.transaction() as tx:  # noqa: PT012
        tx.execute(NOTE, {"id": "ann"})
        with pytest.raises(psycopg.ProgrammingError):
            tx.execute(sql, parameters)
        tx.execute(sql, parameters)

    assert noted(database_url) == []
    assert lives(database)


# Errors


def test_of_two_errors_the_first_is_told(database_url: str, database: Database) -> None:
    with pytest.raises(ClipferryError, match="DivisionByZero"), database.transaction() as tx:  # noqa: PT012
        tx.execute(NOTE, {"id": "ann"})
        tx.execute("select 1 / 0", {})
        tx.execute("select no_such_column", {})

    assert noted(database_url) == []
    assert lives(database)


def test_a_read_tells_of_any_statement_that_failed(database: Database) -> None:
    seen = False
    with suppress(ClipferryError), database.transaction() as tx:
        good = tx.query_dicts("select 1 as one", {})
        tx.execute("select 1 / 0", {})
        behind = tx.query_dicts("select 2 as two", {})
        for rows in (good, behind, behind, good):
            with pytest.raises(psycopg.errors.DivisionByZero):
                rows.first()
        seen = True

    assert seen
    for rows in (good, behind):
        with pytest.raises(psycopg.Error):
            rows.first()


def test_a_block_that_overlooks_an_error_is_not_committed(database_url: str, database: Database) -> None:
    with pytest.raises(ClipferryError, match="DivisionByZero"), database.transaction() as tx:  # noqa: PT012
        tx.execute(NOTE, {"id": "ann"})
        with suppress(psycopg.Error):
            tx.query_dicts("select 1 / 0", {}).first()
        tx.execute(NOTE, {"id": "bob"})

    assert noted(database_url) == []
    assert lives(database)


def test_an_error_of_the_block_is_not_replaced_by_one_of_a_statement(database: Database) -> None:
    with pytest.raises(LookupError), database.transaction() as tx:  # noqa: PT012
        tx.execute("select 1 / 0", {})
        raise LookupError

    assert lives(database)


def test_an_error_at_the_commit_is_the_transactions(database_url: str, database: Database) -> None:
    with database.transaction() as tx:
        tx.execute("create table public.late (id integer unique deferrable initially deferred)", {})
    try:
        with pytest.raises(ClipferryError, match="UniqueViolation"), database.transaction() as tx:  # noqa: PT012
            tx.execute(NOTE, {"id": "ann"})
            tx.execute("insert into public.late values (1), (1)", {})
        assert noted(database_url) == []
    finally:
        with database.transaction() as tx:
            tx.execute("drop table public.late", {})


def test_a_copy_is_refused_and_the_connection_replaced(database: Database) -> None:
    with pytest.raises(ClipferryError), database.transaction() as tx:
        tx.execute('copy public."user" to stdout', {})

    assert lives(database)


# Results


def test_results_that_nobody_reads_are_no_matter(proxied: Database, proxy: Proxy) -> None:
    before = proxy.round_trips
    with proxied.transaction() as tx:
        tx.query_dicts("select repeat('x', 5000000) as text", {})
        kept = tx.query_dicts("select 1 as one", {})
        tx.query_dicts("select 2 as two", {})

    assert kept.first() == {"one": 1}
    assert proxy.round_trips - before == 1
    assert lives(proxied)


def test_a_result_may_be_read_after_its_connection_was_closed(database_url: str) -> None:
    """Each type for the first time: what reads it can't ask the connection any more."""
    database = Database(database_url)
    with database.transaction() as tx:
        found = tx.query_dicts(
            "select 'ü' as text, now() as at, 1.5::numeric as n, array['a'] as list, '{}'::jsonb as j", {}
        )
    database.close()

    row = found.first()
    assert row is not None
    assert row | {"at": None} == {"text": "ü", "at": None, "n": Decimal("1.5"), "list": ["a"], "j": {}}


def test_a_result_of_a_transaction_that_was_given_up_is_an_error(database: Database) -> None:
    with suppress(LookupError), database.transaction() as tx:
        never_sent = tx.query_dicts("select 1 as one", {})
        raise LookupError
    with suppress(ClipferryError), database.transaction() as tx:
        tx.execute("select 1 / 0", {})
        never_run = tx.query_dicts("select 1 as one", {})
    with database.transaction() as tx:
        for rows in (never_sent, never_run):
            with pytest.raises(psycopg.Error):
                rows.all()
        tx.execute("select 1", {})


def test_a_statement_may_end_with_a_comment(database: Database) -> None:
    with database.transaction() as tx:
        commented = tx.query_dicts("select 1 as one -- and nothing else", {})
        following = tx.query_dicts("select 2 as two", {})

    assert (commented.first(), following.first()) == ({"one": 1}, {"two": 2})


def test_a_value_that_python_cannot_hold_troubles_only_its_reader(database: Database) -> None:
    with database.transaction() as tx:
        endless = tx.query_dicts("select 'infinity'::timestamp as at", {})
        unread = tx.query_dicts("select 'infinity'::timestamp as at", {})
        row = tx.query_dicts("select 1 as one", {})

    assert row.first() == {"one": 1}
    assert unread is not endless
    with pytest.raises(psycopg.DataError):
        endless.first()


def test_a_statement_without_rows_has_none_to_read(database: Database) -> None:
    with database.transaction() as tx:
        noted_down = tx.query_dicts(NOTE, {"id": "ann"})

    with pytest.raises(psycopg.ProgrammingError, match="didn't produce records"):
        noted_down.first()


# Much at once


def test_much_is_sent_and_read_at_once(proxied: Database, proxy: Proxy) -> None:
    """Each end has more to say than fits between them: whoever only sent or only read would wait for ever."""
    texts = [str(number) * BLOCK for number in range(BLOCKS)]
    with given_up(proxy), proxied.transaction() as tx:
        echoes = [tx.query_dicts(ECHO, {"text": text}) for text in texts]

    assert [rows.first() for rows in echoes] == [{"text": text} for text in texts]


def test_much_is_read_within_the_block(proxied: Database, proxy: Proxy) -> None:
    with given_up(proxy), proxied.transaction() as tx:
        echoes = [tx.query_dicts(ECHO, {"text": "x" * BLOCK}) for _ in range(BLOCKS)]
        assert echoes[0].first() == {"text": "x" * BLOCK}
        last = tx.query_dicts("select 1 as one", {})

    assert len([rows for rows in echoes[1:] if rows.all()]) == BLOCKS - 1
    assert last.first() == {"one": 1}


def test_one_parameter_of_many_megabytes_comes_back(proxied: Database, proxy: Proxy) -> None:
    text = "ä" * 10_000_000
    with given_up(proxy), proxied.transaction() as tx:
        echo = tx.query_dicts(ECHO, {"text": text})

    assert echo.first() == {"text": text}


# Breaks


@pytest.mark.parametrize("end", ["client", "server"])
@pytest.mark.parametrize("carried", [0, 1, 1000, 50 * BLOCK])
def test_a_connection_that_breaks_in_the_middle_is_an_error_and_is_replaced(
    database_url: str, proxied: Database, proxy: Proxy, end: str, carried: int
) -> None:
    proxy.cut_after[end] = carried
    with pytest.raises(DatabaseUnavailableError), proxied.transaction() as tx:  # noqa: PT012
        tx.execute(NOTE, {"id": "ann"})
        for _ in range(BLOCKS):
            tx.query_dicts(ECHO, {"text": "x" * BLOCK})

    assert lives(proxied)
    if end == "client":  # COMMIT never got there
        assert noted(database_url) == []


def test_what_raised_nothing_was_committed_wherever_the_connection_broke(
    database_url: str, proxied: Database, proxy: Proxy
) -> None:
    """From the first byte that the server says to the last, ReadyForQuery."""
    committed = []
    for carried in itertools.count():
        proxy.cut_after["server"] = carried
        try:
            with proxied.transaction() as tx:
                tx.execute(NOTE, {"id": f"{carried:04}"})
                row = tx.query_dicts("select 1 as one", {})
        except DatabaseUnavailableError:
            continue
        finally:
            proxy.cut_after.clear()
            lives(proxied)
        committed.append(f"{carried:04}")
        assert row.first() == {"one": 1}
        break

    assert int(committed[0]) > 100
    assert set(committed) <= set(noted(database_url))


def test_a_connection_that_breaks_while_a_result_is_read_is_an_error(
    database_url: str, proxied: Database, proxy: Proxy
) -> None:
    with pytest.raises(DatabaseUnavailableError), proxied.transaction() as tx:  # noqa: PT012
        tx.execute(NOTE, {"id": "ann"})
        proxy.cut_after["server"] = 1000
        tx.query_dicts(ECHO, {"text": "x" * BLOCK}).first()

    assert lives(proxied)
    assert noted(database_url) == []


def test_a_server_that_ends_the_connection_in_the_middle_is_named(database_url: str, database: Database) -> None:
    with pytest.raises(DatabaseUnavailableError, match="AdminShutdown"), database.transaction() as tx:  # noqa: PT012
        tx.execute(NOTE, {"id": "ann"})
        tx.execute("select pg_terminate_backend(pg_backend_pid())", {})
        tx.execute(NOTE, {"id": "bob"})

    assert lives(database)
    assert noted(database_url) == []


WAITS = """
import json, sys, signal
from contextlib import suppress
from clipferry.db.connection import Database

class StopError(Exception): pass

def stop(number, frame):
    raise StopError

signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what it runs in the background without it
database, said = Database(sys.argv[1], statement_timeout=60), []
with database.transaction() as tx:
    tx.execute("set local application_name = 'to be interrupted'", {})
    before = tx.query_dicts("select pg_backend_pid() as pid", {})
try:
    with database.transaction() as tx:
        tx.execute('insert into public."user" (id, email) values (%(id)s, %(id)s)', {"id": "ann"})
        waiting = tx.query_dicts("select pg_sleep(60) /* to be interrupted */", {})
        if sys.argv[2] == "inside":
            waiting.first()
        elif sys.argv[2] == "overlooked":
            with suppress(KeyboardInterrupt):
                waiting.first()
except BaseException as error:
    said.append(type(error).__name__)
with database.transaction() as tx:
    after = tx.query_dicts("select pg_backend_pid() as pid", {})
said.append(before.first() == after.first())
print(json.dumps(said))
"""
ASLEEP = """
from pg_stat_activity where wait_event = 'PgSleep' and query like '%to be interrupted%'
"""


@pytest.mark.parametrize(
    ("where", "sent", "said"),
    [
        pytest.param("inside", signal.SIGINT, ["KeyboardInterrupt", True], id="Ctrl-C at a result"),
        pytest.param("overlooked", signal.SIGINT, ["ClipferryError", True], id="Ctrl-C at a result, overlooked"),
        pytest.param("at the end", signal.SIGINT, ["KeyboardInterrupt", True], id="Ctrl-C at the end"),
        pytest.param("at the end", signal.SIGTERM, ["StopError", False], id="another exception at the end"),
    ],
)
def test_who_is_interrupted_while_waiting_can_go_on(
    database_url: str, where: str, sent: signal.Signals, said: list[object]
) -> None:
    """After Ctrl-C psycopg cancels the statement; after what it doesn't know the connection is another."""
    command = [sys.executable, "-c", WAITS, database_url, where]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        give_up = time.monotonic() + PATIENCE
        while connection.execute("select count(*)" + ASLEEP).fetchone() == (0,):
            assert time.monotonic() < give_up
            time.sleep(0.02)
        process.send_signal(sent)
        assert json.loads(process.communicate(timeout=PATIENCE)[0]) == said
        left = connection.execute("select pg_terminate_backend(pid, 10000)" + ASLEEP).fetchall()

    assert left == ([] if sent == signal.SIGINT else [(True,)])
    assert noted(database_url) == []
