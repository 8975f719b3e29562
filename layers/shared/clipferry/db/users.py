"""The user: as the front end shows them, as the transaction's own, and locked before credits move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

_CURRENT: Final = """
select id, email, name, image, "isAdmin" as is_admin
from public."user" where id = current_setting('clipferry.user_id', true)
"""

_ENTER: Final = """
select id, set_config('clipferry.user_id', id, true) as setting from public."user" where id = %(user_id)s
"""

_LOCK: Final = _ENTER + "for no key update"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A row of `public.user`, without what nobody needs to see."""

    id: str
    email: str
    name: str | None
    image: str | None
    is_admin: bool


def current(tx: Transaction) -> Rows[User]:
    """The transaction's user."""
    return tx.query(_CURRENT, {}, User)


def lock(tx: Transaction, user_id: str) -> Rows[dict[str, Any]]:
    """Locks the user's row, first of all, and makes it the transaction's user."""
    return tx.query_dicts(_LOCK, {"user_id": user_id})


def enter(tx: Transaction, user_id: str) -> Rows[dict[str, Any]]:
    """Makes the user the transaction's, for one that reads; no row if there is none."""
    return tx.query_dicts(_ENTER, {"user_id": user_id})
