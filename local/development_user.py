"""The development user: it has credits, and a session whose token is no secret."""

from __future__ import annotations

from contextlib import closing
from typing import Final

from clipferry.db import credits, users  # noqa: A004 - the ledger's word
from clipferry.db.connection import Database

TOKEN: Final = "dev-session-token"
USER_ID: Final = "dev-user"
CREDITS: Final = 500

_ADD_SESSION: Final = """
insert into public.session ("userId", token, "expiresAt", "createdAt", "updatedAt")
values (%(user_id)s, %(token)s, timezone('utc', now()) + interval '30 days',
        timezone('utc', now()), timezone('utc', now()))
on conflict (token) do update set "expiresAt" = excluded."expiresAt"
"""


def add_development_user(database_url: str) -> None:
    """Adds the user, its session and its credits, or leaves what is there and renews the session."""
    with closing(Database(database_url)) as database, database.transaction() as tx:
        users.create(tx, id=USER_ID, email="dev@localhost", name="Developer", is_admin=True)
        tx.execute(_ADD_SESSION, {"user_id": USER_ID, "token": TOKEN})
        credits.add(
            tx,
            user_id=USER_ID,
            credits=CREDITS,
            order_no=f"NEW_USER_{USER_ID}",
            trans_type="NEW_USER",
            expires_in_days=None,
            remark="for development",
        )
