"""What docs/migrating.md does to books that the original application has left broken: afterwards they are right."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import LiteralString, cast

import psycopg
import pytest

from clipferry.db.connection import Database
from clipferry.usecases.move_credits import expire_credits
from clipferry.usecases.verify_credits import verify_credits
from tests import books, journeys
from tests.database import MIGRATIONS, PRISMA, apply_migrations, new_database

ROOT = Path(__file__).parents[2]
[MEND] = re.findall(r"^```sql\n(.*?)^```$", (ROOT / "docs/migrating.md").read_text(), re.MULTILINE | re.DOTALL)

FILL = """
insert into "user" (id, email) values ('ann', 'ann');
insert into credit_packages (id, user_id, initial_credits, remaining_credits, frozen_credits, trans_type, expired_at,
                             updated_at)
values (1, 'ann', 100, {remaining}, {frozen}, 'ORDER_PAY', null, now());
insert into videos (uuid, user_id, prompt, model, status, external_task_id, credits_used, updated_at)
values ('vid_1', 'ann', 'p', 'm', 'GENERATING', 't', 10, now());
insert into credit_holds (user_id, video_uuid, credits, status, package_allocation)
values ('ann', 'vid_1', {credits}, 'HOLDING', '{allocation}')
"""
RIGHT = {"remaining": 90, "frozen": 10, "credits": 10, "allocation": '[{"packageId": 1, "credits": 10}]'}
BROKEN = {
    "nothing": {},
    "less than nothing frozen": {"frozen": -10},
    "less than nothing left": {"remaining": -5},
    "more than was put in": {"remaining": 100},
    "frozen twice": {"remaining": 80, "frozen": 20},
    "nothing held": {"credits": 0, "allocation": "[]"},
    "an allocation of null": {"allocation": "null"},
    "an allocation that is an object": {"allocation": "{}"},
    "an allocation in a string": {"allocation": '"[{\\"packageId\\": 1}]"'},
    "an allocation of another sum": {"allocation": '[{"packageId": 1, "credits": 7}]'},
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_broken_is_mended_and_the_books_are_right(server_url: str, broken: dict[str, object]) -> None:
    filled = FILL
    for name, value in {**RIGHT, **broken}.items():
        filled = filled.replace(f"{{{name}}}", str(value))
    with new_database(server_url) as url:
        with psycopg.connect(url, autocommit=True) as original:
            for sql in (PRISMA.read_text(encoding="utf-8"), filled, MEND.replace("rollback;", "commit;")):
                original.execute(cast("LiteralString", sql))
        apply_migrations(url, MIGRATIONS)
        with closing(Database(url)) as database:
            _live_on(database)


def _live_on(database: Database) -> None:
    """The video fails, and what is left expires."""
    assert verify_credits(database=database) == []
    journeys.fail(database, "vid_1")
    assert journeys.status_of(database, "vid_1") == "FAILED"
    books.execute(database, "update credit_packages set expired_at = timezone('utc', now()) - interval '1 hour'")
    assert expire_credits(database=database) == 1
    assert verify_credits(database=database) == []


def test_what_is_right_stays_as_it_is(server_url: str) -> None:
    filled = FILL
    for name, value in RIGHT.items():
        filled = filled.replace(f"{{{name}}}", str(value))
    with new_database(server_url) as url, psycopg.connect(url, autocommit=True) as original:
        for sql in (PRISMA.read_text(encoding="utf-8"), filled):
            original.execute(cast("LiteralString", sql))
        before = original.execute("select p::text, h::text from credit_packages p, credit_holds h").fetchall()
        original.execute(cast("LiteralString", MEND.replace("rollback;", "commit;")))
        assert original.execute("select p::text, h::text from credit_packages p, credit_holds h").fetchall() == before
