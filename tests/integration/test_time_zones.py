"""A session lasts as long as its row says, whichever kind of timestamp the column is and wherever the server stands.

Better Auth's older schema has `expiresAt` as `timestamp` in UTC, its newer one as `timestamptz`.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from clipferry.db import sign_in
from clipferry.db.connection import Database
from clipferry.models import Credential

ZONES = ("UTC", "Asia/Shanghai", "America/New_York")
KINDS = {"timestamp": "timezone('utc', now())", "timestamp with time zone": "now()"}
"""Each with the moment as the front end writes it."""
SESSIONS = """
insert into public."user" (id, email) values ('ann', 'ann@example.com');
insert into public.session ("userId", token, "expiresAt")
values ('ann', 'live', {now} + interval '1 hour'), ('ann', 'ended', {now} - interval '1 hour')
"""


@pytest.fixture(params=KINDS)
def sessions_url(request: pytest.FixtureRequest, database_url: str) -> Iterator[str]:
    """A database with a live session and one that has ended, in a column of this kind."""
    change = """alter table public.session alter column "expiresAt" type {kind} using "expiresAt" at time zone 'utc'"""
    with psycopg.connect(database_url, autocommit=True) as connection:
        if request.param != "timestamp":
            connection.execute(change.format(kind=request.param))
        connection.execute(SESSIONS.format(now=KINDS[request.param]))
        yield database_url
        connection.execute("delete from public.session")
        if request.param != "timestamp":
            connection.execute(change.format(kind="timestamp(3)"))


@pytest.mark.parametrize("zone", ZONES)
def test_session_ends_with_its_time_and_not_hours_before_or_after(sessions_url: str, zone: str) -> None:
    database = Database(make_conninfo(sessions_url, options=f"-c TimeZone={zone}"))
    with database.transaction() as tx:
        live = sign_in.authenticate(tx, Credential(session_token="live"))
        ended = sign_in.authenticate(tx, Credential(session_token="ended"))
    assert database._cursor is not None
    assert database._cursor.connection.execute("show timezone").fetchone() == (zone,), "it is the session's own again"
    database.close()

    found = live.first()
    assert found is not None
    assert found.user_id == "ann"
    assert ended.first() is None
