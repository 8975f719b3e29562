"""The same operations written without Clipferry: one statement after the other, OFFSET, a sum over the ledger."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from benchmarks import dataset
from benchmarks.product import PAGE

_SESSION: Final = """
select "userId" as user_id from public.session where token = %(token)s and "expiresAt" > timezone('utc', now())
"""
_IN_FLIGHT: Final = """
select count(*) from public.videos where user_id = %(user_id)s and status in ('PENDING', 'GENERATING', 'UPLOADING')
"""
_PACKAGE: Final = """
select id from public.credit_packages
where user_id = %(user_id)s and status = 'ACTIVE' and remaining_credits >= %(credits)s
    and (expired_at is null or expired_at > timezone('utc', now()))
order by expired_at nulls last limit 1 for update
"""
_FREEZE: Final = """
update public.credit_packages
set remaining_credits = remaining_credits - %(credits)s, frozen_credits = frozen_credits + %(credits)s,
    updated_at = timezone('utc', now())
where id = %(package_id)s
"""
_INSERT_VIDEO: Final = """
insert into public.videos (uuid, user_id, prompt, model, status, provider, credits_used, created_at, updated_at)
values (%(uuid)s, %(user_id)s, 'A paper boat on a mountain stream at dawn', 'seedance-1.5-pro', 'PENDING', 'evolink',
        %(credits)s, timezone('utc', now()), timezone('utc', now()))
"""
_INSERT_HOLD: Final = """
insert into public.credit_holds (user_id, video_uuid, credits, status, package_allocation, created_at)
values (%(user_id)s, %(uuid)s, %(credits)s, 'HOLDING', %(allocation)s, timezone('utc', now()))
"""
_HOLD: Final = """
select id, user_id, credits, package_allocation from public.credit_holds
where video_uuid = %(uuid)s and status = 'HOLDING' for update
"""
_CONSUME: Final = """
update public.credit_packages set frozen_credits = frozen_credits - %(credits)s, updated_at = timezone('utc', now())
where id = %(package_id)s
"""
_SETTLE: Final = """
update public.credit_holds set status = 'SETTLED', settled_at = timezone('utc', now()) where id = %(hold_id)s
"""
_BOOK: Final = """
insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, video_uuid, hold_id,
                                        created_at)
values (%(trans_no)s, %(user_id)s, 'VIDEO_CONSUME', -%(credits)s, 0, %(uuid)s, %(hold_id)s, timezone('utc', now()))
"""
_COMPLETE: Final = """
update public.videos set status = 'COMPLETED', video_url = 'https://media.example.com/result.mp4',
    completed_at = timezone('utc', now()), updated_at = timezone('utc', now())
where uuid = %(uuid)s
"""
_LIST: Final = """
select * from public.videos where user_id = %(user_id)s and not is_deleted
order by created_at desc, id desc limit %(limit)s offset %(offset)s
"""
_GET: Final = "select * from public.videos where uuid = %(uuid)s and user_id = %(user_id)s and not is_deleted"
_SUM: Final = "select sum(credits) from public.credit_transactions where user_id = %(user_id)s"

_ADD_INDEX: Final = """
create index bare_list on public.videos (user_id, created_at desc, id desc) where not is_deleted
"""

_numbers = itertools.count(1)


@contextmanager
def bare_index(url: str) -> Iterator[None]:
    """Adds an index for the bare list, and drops it after the block."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_ADD_INDEX)
        yield
        connection.execute("drop index public.bare_list")


class Bare:
    """Runs the operations over one plain psycopg connection, and writes only what the user sees."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.Connection[dict[str, Any]].connect(url, autocommit=True, row_factory=dict_row)

    def close(self) -> None:
        self._connection.close()

    def create(self, user: int) -> str:
        """BEGIN, six statements, COMMIT; returns the video's uuid. It holds from one package only."""
        run, number = self._connection.execute, next(_numbers)
        values: dict[str, Any] = {"uuid": f"bare-{number}", "credits": dataset.CREDITS}
        run("begin")
        values |= self._session(user)
        run(_IN_FLIGHT, values).fetchone()
        package = run(_PACKAGE, values).fetchone()
        assert package is not None
        values["package_id"] = package["id"]
        values["allocation"] = Jsonb([{"packageId": package["id"], "credits": dataset.CREDITS}])
        run(_FREEZE, values)
        run(_INSERT_VIDEO, values)
        run(_INSERT_HOLD, values)
        run("commit")
        return values["uuid"]

    def settle(self, uuid: str) -> None:
        """BEGIN, five statements, COMMIT."""
        run = self._connection.execute
        run("begin")
        hold = run(_HOLD, {"uuid": uuid}).fetchone()
        assert hold is not None
        values = {
            "uuid": uuid,
            "user_id": hold["user_id"],
            "hold_id": hold["id"],
            "credits": hold["credits"],
            "package_id": hold["package_allocation"][0]["packageId"],
            "trans_no": f"TXN{uuid}",
        }
        for statement in (_CONSUME, _SETTLE, _BOOK, _COMPLETE):
            run(statement, values)
        run("commit")

    def list_page(self, user: int, *, page: int) -> None:
        """`page` counts from 1."""
        values = self._session(user) | {"limit": PAGE, "offset": (page - 1) * PAGE}
        self._connection.execute(_LIST, values).fetchall()

    def status(self, user: int, uuid: str) -> None:
        self._connection.execute(_GET, self._session(user) | {"uuid": uuid}).fetchone()

    def balance(self, user: int) -> None:
        """Adds up the ledger."""
        self._connection.execute(_SUM, self._session(user)).fetchone()

    def _session(self, user: int) -> dict[str, Any]:
        session = self._connection.execute(_SESSION, {"token": dataset.session_token(user)}).fetchone()
        assert session is not None
        return session
