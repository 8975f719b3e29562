"""Users: read for the front end, made the transaction's user, locked before credits move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

_CURRENT: Final = """
select id, email, name, image, "isAdmin" as is_admin
from public."user" where id = current_setting('clipferry.user_id', true)
"""

_SET_CURRENT: Final = """
select id, set_config('clipferry.user_id', id, true) as setting from public."user" where id = %(user_id)s
"""

_CREATE: Final = """
insert into public."user" (id, name, email, "emailVerified", "createdAt", "updatedAt", "isAdmin")
values (%(id)s, %(name)s, %(email)s, false, timezone('utc', now()), timezone('utc', now()), %(is_admin)s)
on conflict do nothing
returning id, email, name, image, "isAdmin" as is_admin
"""

_LOCK: Final = _SET_CURRENT + "for no key update"

_LOCK_OWNER: Final = """
select set_config('clipferry.user_id', id, true) from public."user"
where id = (select user_id from public.videos where uuid = %(video_uuid)s) for no key update
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A row of `public.user`, the columns that are shown."""

    id: str
    email: str
    name: str | None
    image: str | None
    is_admin: bool


def current(tx: Transaction) -> Rows[User]:
    """Returns the transaction's user."""
    return tx.query(_CURRENT, {}, User)


def create(tx: Transaction, *, id: str, email: str, name: str, is_admin: bool) -> Rows[User]:  # noqa: A002 - the column
    """Returns the new user; no row where another one has the id or the e-mail."""
    return tx.query(_CREATE, {"id": id, "email": email, "name": name, "is_admin": is_admin}, User)


def lock(tx: Transaction, user_id: str) -> Rows[dict[str, Any]]:
    """Locks the user's row, first of all, and makes it the transaction's user."""
    return tx.query_dicts(_LOCK, {"user_id": user_id})


def lock_owner(tx: Transaction, video_uuid: str) -> None:
    """Does the same with the user who owns the video."""
    tx.execute(_LOCK_OWNER, {"video_uuid": video_uuid})


def set_current(tx: Transaction, user_id: str) -> Rows[dict[str, Any]]:
    """Makes the user the transaction's, for a transaction that moves no credits; no row if there is none."""
    return tx.query_dicts(_SET_CURRENT, {"user_id": user_id})
