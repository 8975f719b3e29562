"""What another schema tool drops is named by `verify` and made again by `migrate`, on every database that there is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import LiteralString, cast

import psycopg
import pytest

from clipferry.db import guard_restoring
from clipferry.db.connection import Database
from clipferry.db.schema import Changes, bring_up_to_date
from clipferry.db.schema_guards import IN_PUBLIC, TABLES, Guard, GuardKind
from clipferry.errors import ConfigurationError
from clipferry.usecases.verify_credits import GUARDED, verify
from tests.database import CONTRACT, MIGRATIONS, PRISMA, column, copy_of, new_database, run

DRIZZLE = (CONTRACT / "drizzle-schema.sql").read_text(encoding="utf-8")
DRIZZLE_PUSH = (CONTRACT / "drizzle-push.sql").read_text(encoding="utf-8")
PRISMA_7 = "".join(f'drop index "{g.name}";\n' for g in IN_PUBLIC if " WHERE " in g.definition)
"""Prisma 7.4 drops the partial indexes that its schema doesn't have (prisma/orm#29220)."""
NAMES = [guard.name for guard in IN_PUBLIC]
OURS = [guard for guard in IN_PUBLIC if guard.name.startswith("clipferry_")]
UP_TO_DATE = Changes(applied=[])
INDEXES = """
select pg_get_indexdef(indexrelid) from pg_index i join pg_class t on t.oid = i.indrelid
where t.relnamespace = 'public'::regnamespace order by 1
"""
DUPLICATES = """
select string_agg(indexrelid::regclass::text, ' ') from pg_index i join pg_class t on t.oid = i.indrelid
where t.relnamespace = 'public'::regnamespace
group by indrelid, regexp_replace(pg_get_indexdef(indexrelid), '^.* USING', '') having count(*) > 1
"""
ROWS = """
insert into "user" (id, email) values ('ann', 'ann@example.com');
insert into videos (uuid, user_id, prompt, model, status, provider, external_task_id, updated_at) values
    ('vid_1', 'ann', 'p', 'm', 'COMPLETED', 'kie', 'task-1', now()),
    ('vid_2', 'ann', 'p', 'm', 'COMPLETED', 'kie', 'task-2', now()),
    ('vid_3', 'ann', 'p', 'm', 'COMPLETED', null, 'task-3', now()),
    ('vid_4', 'ann', 'p', 'm', 'COMPLETED', null, 'task-3', now());
insert into credit_packages (user_id, initial_credits, remaining_credits, trans_type, updated_at)
values ('ann', 10, 10, 'SYSTEM_ADJUST', now());
insert into credit_holds (user_id, video_uuid, credits, status, package_allocation)
values ('ann', 'vid_1', 5, 'RELEASED', '[{"packageId": 1, "credits": 5}]');
insert into credit_transactions (trans_no, user_id, trans_type, credits, balance_after)
values ('TXN1', 'ann', 'SYSTEM_ADJUST', 10, 10)
"""


def migrate(url: str, *, dry_run: bool = False) -> Changes:
    return bring_up_to_date(url, MIGRATIONS, dry_run=dry_run)


def lacking(url: str) -> list[str]:
    """What `verify` says is missing."""
    with closing(Database(url)) as database:
        breaches = verify(database=database)
    assert {breach.invariant for breach in breaches} <= {GUARDED}
    return [breach.detail.partition(" is missing")[0] for breach in breaches]


@pytest.fixture(scope="module")
def own_url(server_url: str) -> Iterator[str]:
    """A database that the migrations made, with some rows."""
    with new_database(server_url) as url:
        migrate(url)
        run(url, ROWS)
        yield url


@pytest.fixture
def url(server_url: str, own_url: str) -> Iterator[str]:
    with copy_of(server_url, own_url) as copy:
        yield copy


@pytest.fixture(scope="module")
def prisma_url(server_url: str) -> Iterator[str]:
    with new_database(server_url) as url:
        run(url, PRISMA.read_text(encoding="utf-8") + ROWS)
        yield url


@pytest.fixture(scope="module")
def drizzle_url(server_url: str, prisma_url: str) -> Iterator[str]:
    with copy_of(server_url, prisma_url) as url:
        run(url, DRIZZLE + 'drop index if exists "videos_uuid_key"')
        yield url


def test_the_guards_are_what_the_migrations_make(own_url: str) -> None:
    """A migration that adds a table, a CHECK, or an index that isn't plain: add it to `schema_guards`, too."""
    public = """
    select relname from pg_index i join pg_class c on c.oid = i.indexrelid
    where c.relnamespace = 'public'::regnamespace and not indisprimary
        and (indisunique or indpred is not null or indexprs is not null)
    union all select conname from pg_constraint where connamespace = 'public'::regnamespace and contype = 'c'
    """
    tables = "select tablename from pg_tables where schemaname = 'clipferry'"

    assert sorted(column(own_url, public)) == sorted(NAMES)
    assert sorted(column(own_url, tables)) == sorted(table.name for table in TABLES)
    assert lacking(own_url) == []
    assert column(own_url, "select conname from pg_constraint where not convalidated") == []


@pytest.mark.parametrize("guard", IN_PUBLIC, ids=NAMES)
def test_each_guard_that_is_dropped_is_missed_whatever_the_search_path(own_url: str, guard: Guard) -> None:
    drop = f'drop index public."{guard.name}" cascade'
    if guard.kind is GuardKind.CHECK:
        drop = f'alter table public."{guard.table}" drop constraint "{guard.name}"'
    with psycopg.connect(own_url) as connection:
        for path in ("pg_catalog", "clipferry", "public", "clipferry, public"):
            connection.execute(cast("LiteralString", f"set search_path = {path}"))
            assert guard_restoring.missing(connection) == []
        connection.execute(cast("LiteralString", drop))
        assert guard_restoring.missing(connection) == [guard]
        connection.rollback()


@pytest.mark.parametrize("database", ["own_url", "prisma_url", "drizzle_url"])
@pytest.mark.parametrize(
    ("tool", "dropped"),
    [(DRIZZLE_PUSH, OURS), (PRISMA_7, [guard for guard in OURS if guard.kind is not GuardKind.CHECK])],
    ids=["drizzle-kit push", "prisma 7.4"],
)
def test_what_a_schema_tool_drops_is_named_and_made_again(
    request: pytest.FixtureRequest, server_url: str, database: str, tool: str, dropped: list[Guard]
) -> None:
    with copy_of(server_url, request.getfixturevalue(database)) as url:
        migrate(url)
        assert migrate(url) == UP_TO_DATE
        indexes = column(url, INDEXES)
        run(url, tool)

        assert lacking(url) == [str(guard) for guard in dropped]
        assert migrate(url, dry_run=True) == Changes(applied=[], restored=[str(guard) for guard in dropped])
        assert lacking(url) == [str(guard) for guard in dropped]

        assert migrate(url) == Changes(applied=[], restored=[str(guard) for guard in dropped])
        assert migrate(url) == UP_TO_DATE
        assert lacking(url) == []
        assert column(url, INDEXES) == indexes
        with pytest.raises(psycopg.errors.CheckViolation):
            run(url, "update credit_packages set remaining_credits = -5")


def test_drizzles_whole_push_passes_on_a_database_that_prisma_or_we_made(url: str) -> None:
    """It changes the type of columns; a function whose body binds one stopped it half-way."""
    run(url, DRIZZLE_PUSH + DRIZZLE)

    assert lacking(url) == [str(guard) for guard in OURS]
    assert migrate(url).restored == [str(guard) for guard in OURS]
    assert migrate(url) == UP_TO_DATE


def test_an_index_that_drizzle_calls_otherwise_is_not_made_twice(server_url: str, drizzle_url: str) -> None:
    with copy_of(server_url, drizzle_url) as url:
        theirs = set(column(url, INDEXES))
        migrate(url)

        assert column(url, DUPLICATES) == []
        made = set(column(url, INDEXES)) - theirs
        assert len(made) == len([guard for guard in OURS if guard.kind is not GuardKind.CHECK])
        assert all(definition.split("INDEX ")[1].startswith("clipferry_") for definition in made)


# What rows forbid


@pytest.mark.parametrize(
    ("change", "rule", "row"),
    [
        ("update credit_packages set remaining_credits = -5", "clipferry_remaining_not_negative", "1"),
        ("update credit_packages set remaining_credits = 11", "clipferry_no_more_than_initial", "1"),
        ("update credit_holds set status = 'LOST'", "clipferry_hold_status", "1"),
        ("update videos set credits_used = -1 where uuid = 'vid_2'", "clipferry_credits_not_negative", "vid_2"),
        (
            "update credit_holds set status = 'HOLDING', package_allocation = '[{\"credits\": 4}]'",
            "clipferry_hold_backed",
            "1",
        ),
        ("update credit_holds set status = 'HOLDING', package_allocation = '{}'", "clipferry_hold_backed", "1"),
        (
            "update credit_holds set status = 'HOLDING', package_allocation = '[{\"credits\": \"five\"}]'",
            "clipferry_hold_backed",
            "1",
        ),
    ],
)
def test_a_check_that_a_row_breaks_names_it_and_is_validated_once_none_does(
    url: str, change: str, rule: str, row: str
) -> None:
    valid = f"select convalidated from pg_constraint where conname = '{rule}'"
    run(url, DRIZZLE_PUSH)
    table = next(guard.table for guard in IN_PUBLIC if guard.name == rule)
    run(url, f"create table before as select * from {table}")
    run(url, change)

    for restored in (len(OURS), 0):
        changes = migrate(url)
        assert len(changes.restored) == restored
        assert [(broken.rule, broken.table, broken.rows) for broken in changes.broken] == [(rule, table, [row])]
        assert column(url, valid) == [False]
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.DataError)):
        run(url, change)

    run(url, f"truncate {table} cascade; insert into {table} select * from before")
    assert migrate(url) == Changes(applied=[], validated=[f"CHECK {rule} on {table}"])
    assert column(url, valid) == [True]
    assert migrate(url) == UP_TO_DATE


def test_two_rows_that_share_a_task_are_named_and_all_else_is_made(url: str) -> None:
    run(url, DRIZZLE_PUSH)
    run(url, "update videos set external_task_id = 'task-1' where uuid = 'vid_2'")

    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"\(provider, external_task_id\).*: vid_1 and vid_2$"):
            migrate(url)
        assert lacking(url) == ["unique index clipferry_videos_task_key on videos"]
        assert column(url, "select indexrelid::regclass::text from pg_index where not indisvalid") == []

    run(url, "update videos set external_task_id = null where uuid = 'vid_2'")
    assert migrate(url).restored == ["unique index clipferry_videos_task_key on videos"]


def test_many_rows_are_not_all_named(url: str) -> None:
    run(url, DRIZZLE_PUSH)
    run(
        url,
        "insert into credit_packages (user_id, initial_credits, remaining_credits, trans_type, updated_at) "
        "select 'ann', 1, -1, 'SYSTEM_ADJUST', now() from generate_series(1, 30)",
    )

    [broken] = migrate(url).broken
    assert (len(broken.rows), broken.rows[-1]) == (guard_restoring.SHOWN + 1, "and others")


# What stands under the name of a guard and is another thing


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (
            """alter table credit_packages drop constraint clipferry_frozen_not_negative,
            add constraint clipferry_frozen_not_negative check (frozen_credits >= -100)""",
            "CHECK clipferry_frozen_not_negative on credit_packages",
        ),
        (
            """drop index clipferry_videos_task_key; create index clipferry_videos_task_key
            on videos (provider, external_task_id) where external_task_id is not null""",
            "unique index clipferry_videos_task_key on videos",
        ),
        (
            "update pg_index set indisvalid = false where indexrelid = 'credit_holds_video_uuid_key'::regclass",
            "unique index credit_holds_video_uuid_key on credit_holds",
        ),
    ],
    ids=["another condition", "not unique", "an interrupted build"],
)
def test_a_guard_is_known_by_what_it_does_not_by_its_name(url: str, change: str, missing: str) -> None:
    run(url, change)

    assert lacking(url) == [missing]
    assert migrate(url) == Changes(applied=[], restored=[missing])
    assert migrate(url) == UP_TO_DATE


def test_a_check_of_the_same_condition_under_another_name_is_enough(url: str) -> None:
    run(url, "alter table videos rename constraint clipferry_credits_not_negative to no_negative_credits")

    assert lacking(url) == []
    assert migrate(url) == UP_TO_DATE


def test_a_table_that_is_gone_is_named_and_comes_back_from_a_backup_only(url: str) -> None:
    run(url, "drop table clipferry.opening_balances")
    run(url, "drop index clipferry_videos_list_idx")

    assert lacking(url) == ["table clipferry.opening_balances", "index clipferry_videos_list_idx on videos"]
    with pytest.raises(ConfigurationError, match=r"table clipferry\.opening_balances: .* backup"):
        migrate(url)
    assert lacking(url) == ["table clipferry.opening_balances"]


def test_of_runners_at_once_one_makes_it_again(url: str) -> None:
    run(url, DRIZZLE_PUSH)

    with ThreadPoolExecutor(3) as pool:
        changes = list(pool.map(migrate, [url] * 3))

    assert sorted(len(change.restored) for change in changes) == [0, 0, len(OURS)]


def test_it_gives_way_to_who_holds_a_lock_and_tries_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipferry.db.migration_session.LOCK_TIMEOUT", "50ms")
    run(url, "alter table videos drop constraint clipferry_credits_not_negative")
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(url) as holder,
        psycopg.connect(url, autocommit=True) as watcher,
    ):
        holder.execute("lock table videos in row exclusive mode")
        changes = pool.submit(migrate, url)
        for is_waiting in (True, False):
            while is_waiting != bool(watcher.execute("select from pg_locks where not granted").fetchall()):
                assert not changes.done()
        holder.rollback()

        assert changes.result(60).restored == ["CHECK clipferry_credits_not_negative on videos"]
