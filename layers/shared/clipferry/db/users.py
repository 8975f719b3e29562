"""The user as the front end shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from clipferry.db.connection import Rows, Transaction

_CURRENT: Final = """
select id, email, name, image, "isAdmin" as is_admin
from public."user" where id = current_setting('clipferry.user_id', true)
"""


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
    return tx.run(_CURRENT, {}, User)
