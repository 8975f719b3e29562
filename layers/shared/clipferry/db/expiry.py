"""Credits that expire: what is left of a package when its time is over, and never what is held."""

from __future__ import annotations

from typing import Any, Final

from clipferry.db import users
from clipferry.db.connection import Rows, Transaction
from clipferry.db.credits import lock_packages

_EXPIRE: Final = """
with doomed as (
    select id, user_id, remaining_credits
    from public.credit_packages
    where user_id = current_setting('clipferry.user_id', true) and remaining_credits > 0
        and expired_at <= timezone('utc', now())
),
zeroed as (
    update public.credit_packages p
    set remaining_credits = p.remaining_credits - doomed.remaining_credits, updated_at = timezone('utc', now()),
        status = case when p.frozen_credits = 0 then 'EXPIRED' else p.status end
    from doomed where p.id = doomed.id
    returning p.id, doomed.user_id, doomed.remaining_credits
)
insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, package_id, remark,
                                        created_at)
select clipferry.transaction_number(), user_id, 'EXPIRED', -remaining_credits,
       clipferry.available_credits(user_id), id, 'Expired', timezone('utc', now())
from zeroed
returning package_id, -credits as credits
"""

_WITH_EXPIRED: Final = """
select distinct user_id from public.credit_packages
where remaining_credits > 0 and expired_at <= timezone('utc', now()) and user_id > %(after)s
order by user_id limit %(limit)s
"""


def expire(tx: Transaction, user_id: str) -> Rows[dict[str, Any]]:
    """Zeroes what has expired, with a ledger row each (`package_id`, `credits`); held credits stay with their hold."""
    users.lock(tx, user_id)
    lock_packages(tx)
    return tx.query_dicts(_EXPIRE, {})


def users_with_expired(tx: Transaction, *, after: str, limit: int) -> Rows[dict[str, Any]]:
    """Returns users who own expired credits, by `user_id`, those after `after`."""
    return tx.query_dicts(_WITH_EXPIRED, {"after": after, "limit": limit})
