"""Credits that enter and leave outside a video's life: recharge, gift, adjustment, refund, expiry; balance and history.

Each entry or deduction has an order number and happens once, however often it is asked for. Each locks the user's row
as a statement of its own, then the packages by id, and writes its ledger row in the statement that moves the credits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

_ENTER_USER: Final = """
select id, set_config('clipferry.user_id', id, true) as setting from public."user" where id = %(user_id)s
"""

_LOCK_USER: Final = _ENTER_USER + "for no key update"

_LOCK_PACKAGES: Final = """
select id from public.credit_packages
where user_id = current_setting('clipferry.user_id', true) and remaining_credits > 0 order by id for update
"""

_ENTER: Final = """
with person as (
    select id as user_id from public."user" where id = %(user_id)s
),
earlier as (
    select user_id, credits from clipferry.order_numbers where order_no = %(order_no)s
    union all
    select user_id, initial_credits from public.credit_packages
    where user_id = %(user_id)s and order_no = %(order_no)s
        and not exists (select from clipferry.order_numbers o where o.order_no = %(order_no)s)
    limit 1
),
numbered as (
    insert into clipferry.order_numbers (order_no, user_id, credits)
    select %(order_no)s, user_id, %(credits)s from person where not exists (select from earlier)
    on conflict (order_no) do nothing
    returning user_id
),
package as (
    insert into public.credit_packages (user_id, initial_credits, remaining_credits, trans_type, order_no, status,
                                        expired_at, created_at, updated_at)
    select user_id, %(credits)s, %(credits)s, %(trans_type)s::public."CreditTransType", %(order_no)s, 'ACTIVE',
           timezone('utc', now()) + make_interval(days => %(expires_in_days)s),
           timezone('utc', now()), timezone('utc', now())
    from numbered
    returning id, user_id
),
ledger as (
    insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, package_id, order_no,
                                            remark, created_at)
    select clipferry.transaction_number(), package.user_id, %(trans_type)s::public."CreditTransType", %(credits)s,
           clipferry.available_credits(package.user_id) + %(credits)s, package.id, %(order_no)s, %(remark)s,
           timezone('utc', now())
    from package
)
select case
           when not exists (select from person) then 'NO_SUCH_USER'
           when exists (select from numbered) then 'DONE'
           when exists (select from earlier where user_id = %(user_id)s and credits = %(credits)s) then 'REPEATED'
           else 'ORDER_NUMBER_TAKEN'
       end as verdict,
       %(credits)s::integer as credits
"""

_DEDUCT: Final = """
with person as (
    select id as user_id from public."user" where id = %(user_id)s
),
earlier as (
    select user_id, credits from clipferry.order_numbers where order_no = %(order_no)s
),
spendable as (
    select p.id, p.remaining_credits, coalesce(sum(p.remaining_credits) over (
               order by p.created_at desc, p.id desc rows between unbounded preceding and 1 preceding), 0) as before
    from public.credit_packages p
    where p.user_id = %(user_id)s and p.status = 'ACTIVE' and p.remaining_credits > 0
        and (p.expired_at is null or p.expired_at > timezone('utc', now()))
),
numbered as (
    insert into clipferry.order_numbers (order_no, user_id, credits)
    select %(order_no)s, user_id, -%(credits)s from person where not exists (select from earlier)
    on conflict (order_no) do nothing
    returning user_id
),
share as (
    select id, least(remaining_credits, %(credits)s - before)::integer as credits
    from spendable, numbered where before < %(credits)s
),
taken as (
    update public.credit_packages p
    set remaining_credits = p.remaining_credits - share.credits, updated_at = timezone('utc', now()),
        status = case when p.remaining_credits = share.credits and p.frozen_credits = 0 then 'DEPLETED'
                      else p.status end
    from share where p.id = share.id and p.remaining_credits >= share.credits
    returning p.id, share.credits
),
total as (
    select coalesce(sum(credits), 0)::integer as credits from taken
),
ledger as (
    insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, order_no, remark,
                                            created_at)
    select clipferry.transaction_number(), numbered.user_id, %(trans_type)s::public."CreditTransType", -total.credits,
           clipferry.available_credits(numbered.user_id) - total.credits, %(order_no)s, %(remark)s,
           timezone('utc', now())
    from numbered, total where total.credits > 0
)
select case
           when not exists (select from person) then 'NO_SUCH_USER'
           when exists (select from numbered) then 'DONE'
           when exists (select from earlier where user_id = %(user_id)s and credits = -%(credits)s) then 'REPEATED'
           else 'ORDER_NUMBER_TAKEN'
       end as verdict,
       total.credits
from total
"""

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
where remaining_credits > 0 and expired_at <= timezone('utc', now()) limit %(limit)s
"""

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

_HISTORY: Final = """
select id, trans_no, user_id, trans_type::text as trans_type, credits, balance_after, package_id, video_uuid, order_no,
       hold_id, remark, created_at
from public.credit_transactions
where user_id = current_setting('clipferry.user_id', true)
    and (%(trans_type)s::text is null or trans_type = %(trans_type)s::public."CreditTransType")
order by id::bigint desc limit %(limit)s offset %(offset)s
"""

_HISTORY_TOTAL: Final = """
select count(*) as total from (
    select from public.credit_transactions
    where user_id = current_setting('clipferry.user_id', true)
        and (%(trans_type)s::text is null or trans_type = %(trans_type)s::public."CreditTransType")
    limit 10000
) counted
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What became of an entry or a deduction: DONE, REPEATED, ORDER_NUMBER_TAKEN or NO_SUCH_USER.

    `credits` is what a deduction really took: it never takes more than there is.
    """

    verdict: str
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Of the packages that can still be spent; `frozen` counts every held credit, expired package or not."""

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


def lock_user(tx: Transaction, user_id: str) -> Rows[dict[str, Any]]:
    """Locks the user's row, first of all, and makes it the transaction's user."""
    return tx.records(_LOCK_USER, {"user_id": user_id})


def enter_user(tx: Transaction, user_id: str) -> Rows[dict[str, Any]]:
    """Makes the user the transaction's, for one that reads; no row if there is none."""
    return tx.records(_ENTER_USER, {"user_id": user_id})


def enter(
    tx: Transaction,
    *,
    user_id: str,
    credits: int,  # noqa: A002 - the ledger's word
    order_no: str,
    trans_type: str,
    expires_in_days: int | None,
    remark: str | None = None,
) -> Rows[Entry]:
    """A new package of `credits`, once an order number. Without `expires_in_days` it never expires."""
    lock_user(tx, user_id)
    parameters = {
        "user_id": user_id,
        "credits": credits,
        "order_no": order_no,
        "trans_type": trans_type,
        "expires_in_days": expires_in_days,
        "remark": remark,
    }
    return tx.run(_ENTER, parameters, Entry)


def deduct(
    tx: Transaction,
    *,
    user_id: str,
    credits: int,  # noqa: A002 - the ledger's word
    order_no: str,
    trans_type: str,
    remark: str | None = None,
) -> Rows[Entry]:
    """Takes up to `credits` from the newest packages first, once an order number; never what is held."""
    lock_user(tx, user_id)
    tx.send(_LOCK_PACKAGES, {})
    parameters = {
        "user_id": user_id,
        "credits": credits,
        "order_no": order_no,
        "trans_type": trans_type,
        "remark": remark,
    }
    return tx.run(_DEDUCT, parameters, Entry)


def expire(tx: Transaction, user_id: str) -> Rows[dict[str, Any]]:
    """Zeroes what has expired, with a ledger row each (`package_id`, `credits`); held credits stay with their hold."""
    lock_user(tx, user_id)
    tx.send(_LOCK_PACKAGES, {})
    return tx.records(_EXPIRE, {})


def users_with_expired(tx: Transaction, *, limit: int) -> Rows[dict[str, Any]]:
    """Users (`user_id`) who own credits that have expired."""
    return tx.records(_WITH_EXPIRED, {"limit": limit})


def balance(tx: Transaction) -> Rows[Balance]:
    """The transaction's user's balance."""
    return tx.run(_BALANCE, {}, Balance)


def history(tx: Transaction, *, limit: int, offset: int, trans_type: str | None) -> Rows[LedgerRow]:
    """The transaction's user's ledger, newest first."""
    return tx.run(_HISTORY, {"limit": limit, "offset": offset, "trans_type": trans_type}, LedgerRow)


def history_total(tx: Transaction, *, trans_type: str | None) -> Rows[dict[str, Any]]:
    """How many rows `history` has in all (`total`)."""
    return tx.records(_HISTORY_TOTAL, {"trans_type": trans_type})
