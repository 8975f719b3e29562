"""What a user can read: the balance, and the ledger by pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

_BALANCE: Final = """
select coalesce(sum(initial_credits) filter (where live), 0)::bigint as total,
       coalesce(sum(initial_credits - remaining_credits - frozen_credits) filter (where live), 0)::bigint as used,
       coalesce(sum(frozen_credits), 0)::bigint as frozen,
       coalesce(sum(remaining_credits) filter (where live), 0)::bigint as available,
       coalesce(sum(remaining_credits) filter (where live and expired_at <= timezone('utc', now()) + interval '7 days'),
                0)::bigint as expiring_soon
from (
    select *, status = 'ACTIVE' and (expired_at is null or expired_at > timezone('utc', now())) as live
    from public.credit_packages
    where user_id = current_setting('clipferry.user_id', true) and (status = 'ACTIVE' or frozen_credits > 0)
) packages
"""

_OF_CALLER: Final = """
from public.credit_transactions
where user_id = current_setting('clipferry.user_id', true)
    and (%(trans_type)s::text is null or trans_type = (
        select enumlabel::text::public."CreditTransType" from pg_enum
        where enumtypid = 'public."CreditTransType"'::regtype and enumlabel = %(trans_type)s::text))
"""

_HISTORY: Final = f"""
select id, trans_no, user_id, trans_type::text as trans_type, credits, balance_after, package_id, video_uuid, order_no,
       hold_id, remark, created_at
{_OF_CALLER} order by id::bigint desc limit %(limit)s offset %(offset)s
"""

_HISTORY_TOTAL: Final = f"select count(*) as total from (select {_OF_CALLER} limit 10000) counted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Credits in packages that can still be spent; `frozen` counts every held credit, in expired packages too."""

    total: int
    used: int
    frozen: int
    available: int
    expiring_soon: int
    """Within seven days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """A row of `public.credit_transactions`."""

    id: int
    trans_no: str
    user_id: str
    trans_type: str
    credits: int
    balance_after: int
    package_id: int | None
    video_uuid: str | None
    order_no: str | None
    hold_id: int | None
    remark: str | None
    created_at: datetime


def balance(tx: Transaction) -> Rows[Balance]:
    """Returns the balance of the transaction's user."""
    return tx.query(_BALANCE, {}, Balance)


def history(tx: Transaction, *, limit: int, offset: int, trans_type: str | None) -> Rows[LedgerRow]:
    """Returns the ledger of the transaction's user, newest first."""
    return tx.query(_HISTORY, {"limit": limit, "offset": offset, "trans_type": trans_type}, LedgerRow)


def history_total(tx: Transaction, *, trans_type: str | None) -> Rows[dict[str, Any]]:
    """Counts the rows that `history` has in all (`total`)."""
    return tx.query_dicts(_HISTORY_TOTAL, {"trans_type": trans_type})
