"""The migration runner: each file once, one runner at a time, all of a file or nothing, and patience with locks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from clipferry.db import migrations
from clipferry.errors import ClipferryError, ConfigurationError, DatabaseBusyError, DatabaseUnavailableError
from tests.database import apply_migrations, column, run

SHIPPED = Path(__file__).parents[2] / "migrations"
PATIENCE = 60.0
"""Seconds after which a test gives up on something that should happen much sooner."""
EVERYTHING = """
select format('%s %s.%s', c.relkind, n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname !~ '^(pg_|information_schema$)'
union all select 'schema ' || nspname from pg_namespace where nspname !~ '^(pg_|information_schema$)'
order by 1
"""


@pytest.fixture
def url(empty_url: str) -> str:
    return empty_url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good migrations."""
    write(tmp_path, "0001_create_ferries.sql", "CREATE TABLE public.ferries (id integer PRIMARY KEY, name text);\n")
    write(tmp_path, "0002_name_ferries.sql", "INSERT INTO public.ferries VALUES (1, 'Silja'), (2, 'Viking');\n")
    return tmp_path


def write(folder: Path, name: str, sql: str) -> None:
    (folder / name).write_text(sql, encoding="utf-8")


def ledger(url: str) -> list[str]:
    return column(url, "select name from clipferry.migrations order by name")


def wait_for(condition: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it never happened")


@contextmanager
def in_background(work: Callable[[], list[str]]) -> Iterator[Callable[[], list[str]]]:
    """Runs `work` in a thread; calling what it yields gives the outcome."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        yield lambda: future.result(PATIENCE)


# The files


def test_files_are_taken_in_order_and_others_are_left_alone(folder: Path) -> None:
    write(folder, "0010_later.sql", "SELECT 1;")
    write(folder, "README.md", "the rules")
    write(folder, "draft.sql", "SELECT 1;")

    assert [migration.name for migration in migrations.read(folder)] == [
        "0001_create_ferries.sql",
        "0002_name_ferries.sql",
        "0010_later.sql",
    ]


def test_a_folder_without_migrations_is_a_mistake(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError):
        apply_migrations(url, tmp_path)


def test_every_shipped_file_has_a_number_of_its_own() -> None:
    numbers = [migration.name[:4] for migration in migrations.read(SHIPPED)]

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


# Once


def test_each_file_is_applied_once(url: str, folder: Path) -> None:
    assert apply_migrations(url, folder) == ["0001_create_ferries.sql", "0002_name_ferries.sql"]
    assert apply_migrations(url, folder) == []
    assert column(url, "select name from public.ferries order by id") == ["Silja", "Viking"]


def test_what_is_new_is_applied_to_what_is_there(url: str, folder: Path) -> None:
    apply_migrations(url, folder)
    write(folder, "0003_add_tonnage.sql", "ALTER TABLE public.ferries ADD tonnage integer;")

    assert apply_migrations(url, folder) == ["0003_add_tonnage.sql"]
    assert ledger(url) == ["0001_create_ferries.sql", "0002_name_ferries.sql", "0003_add_tonnage.sql"]


def test_the_shipped_files_are_applied_once(url: str) -> None:
    names = [migration.name for migration in migrations.read(SHIPPED)]

    assert apply_migrations(url, SHIPPED) == names
    before = column(url, EVERYTHING)
    assert apply_migrations(url, SHIPPED) == []
    assert column(url, EVERYTHING) == before


def test_a_file_that_was_edited_is_refused(url: str, folder: Path) -> None:
    apply_migrations(url, folder)
    write(folder, "0002_name_ferries.sql", "INSERT INTO public.ferries VALUES (3, 'Tallink');\n")
    write(folder, "0003_add_tonnage.sql", "ALTER TABLE public.ferries ADD tonnage integer;")

    with pytest.raises(ConfigurationError, match=r"0002_name_ferries\.sql"):
        apply_migrations(url, folder)
    assert ledger(url) == ["0001_create_ferries.sql", "0002_name_ferries.sql"]
    assert column(url, "select count(*) from public.ferries") == [2]


def test_a_database_that_is_newer_than_the_code_is_refused(url: str, folder: Path) -> None:
    write(folder, "0003_add_tonnage.sql", "ALTER TABLE public.ferries ADD tonnage integer;")
    apply_migrations(url, folder)
    (folder / "0003_add_tonnage.sql").unlink()

    with pytest.raises(ConfigurationError, match=r"0003_add_tonnage\.sql"):
        apply_migrations(url, folder)


def test_a_dry_run_names_what_is_missing_and_changes_nothing(url: str, folder: Path) -> None:
    before = column(url, EVERYTHING)

    assert apply_migrations(url, folder, dry_run=True) == ["0001_create_ferries.sql", "0002_name_ferries.sql"]
    assert column(url, EVERYTHING) == before

    apply_migrations(url, folder)
    write(folder, "0003_add_tonnage.sql", "ALTER TABLE public.ferries ADD tonnage integer;")
    assert apply_migrations(url, folder, dry_run=True) == ["0003_add_tonnage.sql"]
    assert ledger(url) == ["0001_create_ferries.sql", "0002_name_ferries.sql"]


# All or nothing


def test_a_file_that_fails_leaves_nothing_of_itself(url: str, folder: Path) -> None:
    write(
        folder,
        "0003_fail_half_way.sql",
        "CREATE TABLE public.harbours (id integer);\nDELETE FROM public.ferries;\nSELECT 1 / 0;\n",
    )
    write(folder, "0004_never_reached.sql", "DROP TABLE public.ferries;")

    with pytest.raises(ConfigurationError, match="DivisionByZero"):
        apply_migrations(url, folder)

    assert ledger(url) == ["0001_create_ferries.sql", "0002_name_ferries.sql"]
    assert column(url, "select to_regclass('public.harbours')") == [None]
    assert column(url, "select count(*) from public.ferries") == [2]


def test_a_file_that_was_repaired_is_applied(url: str, folder: Path) -> None:
    write(folder, "0003_add_tonnage.sql", "ALTER TABLE public.ferry ADD tonnage integer;")
    with pytest.raises(ConfigurationError):
        apply_migrations(url, folder)

    write(folder, "0003_add_tonnage.sql", "ALTER TABLE public.ferries ADD tonnage integer;")

    assert apply_migrations(url, folder) == ["0003_add_tonnage.sql"]


def test_a_file_without_a_transaction_may_build_indexes_concurrently(url: str, folder: Path) -> None:
    write(
        folder,
        "0003_index_ferries.sql",
        "-- no-transaction\n"
        "-- One for names; and one for both.\n"
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS clipferry_names ON public.ferries (name) WHERE id > 0;\n"
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS clipferry_both ON public.ferries (id, name)\n"
        "    WHERE name <> ';'; \n\n"
        "-- The end.\n",
    )

    assert apply_migrations(url, folder)[-1] == "0003_index_ferries.sql"
    assert column(url, "select relname::text from pg_class where relname like 'clipferry%' order by 1") == [
        "clipferry_both",
        "clipferry_names",
    ]


def test_an_index_that_a_failed_build_left_invalid_is_built_anew(url: str, folder: Path) -> None:
    validity = """
    select i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid where c.relname = 'clipferry_names'
    """
    write(
        folder,
        "0003_index_ferries.sql",
        "-- no-transaction\n"
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS clipferry_names ON public.ferries (name) WHERE id > 0;\n",
    )
    write(folder, "0002_name_ferries.sql", "INSERT INTO public.ferries VALUES (1, 'Silja'), (2, 'Silja');\n")
    with pytest.raises(ConfigurationError):
        apply_migrations(url, folder)
    assert column(url, validity) == [False]
    assert ledger(url) == ["0001_create_ferries.sql", "0002_name_ferries.sql"]

    run(url, "update public.ferries set name = 'Viking' where id = 2")

    assert apply_migrations(url, folder) == ["0003_index_ferries.sql"]
    assert column(url, validity) == [True]


def test_an_invalid_index_of_somebody_else_is_left_alone(url: str, folder: Path) -> None:
    apply_migrations(url, folder)
    run(url, "update public.ferries set name = 'Silja'")
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(url, "create unique index concurrently theirs on public.ferries (name)")
    write(folder, "0003_analyze.sql", "-- no-transaction\nANALYZE public.ferries;\n")

    apply_migrations(url, folder)

    assert column(url, "select indexrelid::regclass::text from pg_index where not indisvalid") == ["theirs"]


# One at a time


def test_of_runners_at_once_each_file_is_applied_by_one(url: str) -> None:
    names = [migration.name for migration in migrations.read(SHIPPED)]
    start = threading.Barrier(4)

    def apply() -> list[str]:
        start.wait(PATIENCE)
        return apply_migrations(url, SHIPPED)

    with ThreadPoolExecutor(4) as pool:
        applied = [future.result(PATIENCE) for future in [pool.submit(apply) for _ in range(4)]]

    assert sorted(name for names_of_one in applied for name in names_of_one) == names
    assert ledger(url) == names


def test_a_runner_that_waited_too_long_gives_up(url: str, folder: Path) -> None:
    write(folder, "0003_take_long.sql", "SELECT pg_sleep_for('1 hour') FROM public.ferries;")

    running = "select count(*) from pg_stat_activity where query like 'SELECT pg_sleep_for%' and state = 'active'"

    with in_background(lambda: apply_migrations(url, folder)) as outcome:
        wait_for(lambda: column(url, running) == [1])
        with pytest.raises(DatabaseBusyError):
            apply_migrations(url, folder, wait_seconds=0.1)
        run(url, "select pg_cancel_backend(pid) from pg_stat_activity where application_name = 'clipferry-migrate'")
        with pytest.raises(ClipferryError):
            outcome()


def test_a_runner_that_ended_badly_keeps_nobody_waiting(url: str, folder: Path) -> None:
    write(folder, "0003_fail.sql", "SELECT 1 / 0;")
    with pytest.raises(ConfigurationError):
        apply_migrations(url, folder)
    (folder / "0003_fail.sql").unlink()

    assert apply_migrations(url, folder, wait_seconds=0.1) == []


# Locks


@pytest.mark.parametrize("head", ["", "-- no-transaction\n"])
def test_a_file_that_meets_a_lock_gives_way_and_tries_again(url: str, folder: Path, head: str) -> None:
    """The sequence counts the tries: what takes a number doesn't give it back when it rolls back."""
    apply_migrations(url, folder)
    run(url, "create sequence public.tries")
    write(
        folder,
        "0003_add_tonnage.sql",
        f"{head}SELECT nextval('public.tries');\nSET lock_timeout = '50ms';\n"
        "ALTER TABLE public.ferries ADD COLUMN IF NOT EXISTS tonnage integer;\n",
    )

    with psycopg.connect(url) as holder:
        holder.execute("lock table public.ferries in access exclusive mode")
        with in_background(lambda: apply_migrations(url, folder)) as outcome:
            wait_for(lambda: column(url, "select last_value from public.tries") >= [2])
            assert ledger(url) == ["0001_create_ferries.sql", "0002_name_ferries.sql"]
            holder.rollback()
            assert outcome() == ["0003_add_tonnage.sql"]

    assert column(url, "select count(tonnage) from public.ferries") == [0]


def test_a_file_waits_for_locks_for_a_few_seconds_only(url: str, folder: Path) -> None:
    write(
        folder, "0003_note_patience.sql", "CREATE TABLE public.patience AS SELECT current_setting('lock_timeout') AS t;"
    )

    apply_migrations(url, folder)

    assert column(url, "select t from public.patience") == ["4s"]


# Out of reach


def test_a_database_that_is_away_is_unavailable(folder: Path) -> None:
    with pytest.raises(DatabaseUnavailableError):
        apply_migrations("postgresql://postgres@127.0.0.1:1/clipferry", folder)


def test_no_password_is_shown_when_the_database_is_away(folder: Path) -> None:
    with pytest.raises(DatabaseUnavailableError) as away:
        apply_migrations("postgresql://postgres:hunter2@127.0.0.1:1/clipferry", folder)

    assert "hunter2" not in str(away.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres:hun@ter2@127.0.0.1:1/clipferry",
        "postgresql://postgres:hun/ter2@127.0.0.1:1/clipferry",
    ],
)
def test_a_password_that_is_not_percent_encoded_is_said_and_no_part_of_it_shown(folder: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="percent-encoded") as unread:
        apply_migrations(url, folder)

    assert "hun" not in str(unread.value)
    assert "ter2" not in str(unread.value)


@pytest.mark.parametrize(
    "url", ["postgresql://ann:hunter2@127.0.0.1:1/clipferry", "host=127.0.0.1 port=1 user=ann password=hunter2"]
)
def test_the_server_that_is_away_is_named(folder: Path, url: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match=r"can't connect to 127\.0\.0\.1:1: .*refused"):
        apply_migrations(url, folder)


def test_a_server_that_never_answers_is_given_up_and_named(folder: Path) -> None:
    """It takes the connection and says nothing; libpq would wait for ever. Less than 2 s it doesn't take."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(DatabaseUnavailableError, match=f"127.0.0.1:{port}: ConnectionTimeout"):
            apply_migrations(f"postgresql://ann@127.0.0.1:{port}/clipferry", folder, connect_timeout=2)
