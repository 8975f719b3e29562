"""The development user: it has credits, and a session whose token is no secret."""

from __future__ import annotations

from typing import Final

import psycopg

TOKEN: Final = "dev-session-token"
USER_ID: Final = "dev-user"
CREDITS: Final = 500

_ADD_USER: Final = """
insert into public."user" (id, name, email, "emailVerified", "createdAt", "updatedAt", "isAdmin")
values (%(user_id)s, 'Developer', 'dev@localhost', true, timezone('utc', now()), timezone('utc', now()), true)
on conflict do nothing
"""

_ADD_SESSION: Final = """
insert into public.session ("userId", token, "expiresAt", "createdAt", "updatedAt")
values (%(user_id)s, %(token)s, timezone('utc', now()) + interval '30 days',
        timezone('utc', now()), timezone('utc', now()))
on conflict (token) do update set "expiresAt" = excluded."expiresAt"
"""

# The order number makes it happen once, as it does for every grant.
_ADD_CREDITS: Final = """
with ordered as (
    insert into clipferry.order_numbers (order_no, user_id, credits)
    values (%(order_no)s, %(user_id)s, %(credits)s) on conflict do nothing returning order_no
),
package as (
    insert into public.credit_packages (user_id, initial_credits, remaining_credits, trans_type, order_no,
                                        created_at, updated_at)
    select %(user_id)s, %(credits)s, %(credits)s, 'NEW_USER', order_no,
           timezone('utc', now()), timezone('utc', now())
    from ordered returning id, order_no
)
insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, package_id,
                                        order_no, remark, created_at)
select 'TXN' || order_no, %(user_id)s, 'NEW_USER', %(credits)s, %(credits)s, id, order_no,
       'for development', timezone('utc', now())
from package
"""


def add_development_user(database_url: str) -> None:
    """Adds the user, its session and its credits, or leaves what is there and renews the session."""
    parameters = {
        "user_id": USER_ID,
        "token": TOKEN,
        "credits": CREDITS,
        "order_no": f"NEW_USER_{USER_ID}",
    }
    with psycopg.connect(database_url) as connection:
        for statement in (_ADD_USER, _ADD_SESSION, _ADD_CREDITS):
            connection.execute(statement, parameters)
