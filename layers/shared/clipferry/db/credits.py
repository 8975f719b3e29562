"""Credits that are added and deducted without a video: recharge, gift, adjustment, refund.

Each addition or deduction has an order number and happens once, however often it is asked for. Each locks the user's
row as a statement of its own, then the packages by id, and writes its ledger row in the statement that moves the
credits. A video's credits are held by `credit_hold`, and settled or released by `finish_video`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from clipferry.db import users
from clipferry.db.connection import Rows, Transaction
from clipferry.verdicts import CreditVerdict

_LOCK_PACKAGES: Final = """
select id from public.credit_packages
where user_id = current_setting('clipferry.user_id', true) and remaining_credits > 0 order by id for update
"""

_ADD: Final = """
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
    insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, order_no, created_at)
    select clipferry.transaction_number(), numbered.user_id, 'REFUND', -total.credits,
           clipferry.available_credits(numbered.user_id) - total.credits, %(order_no)s, timezone('utc', now())
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


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryResult:
    """The result of adding or deducting. `credits` is what a deduction really took: never more than there is."""

    verdict: CreditVerdict
    credits: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "verdict", CreditVerdict(self.verdict))


def lock_packages(tx: Transaction) -> None:
    """Locks the packages of the transaction's user that have credits left, in the order of their ids."""
    tx.execute(_LOCK_PACKAGES, {})


def add(
    tx: Transaction,
    *,
    user_id: str,
    credits: int,  # noqa: A002 - the ledger's word
    order_no: str,
    trans_type: str,
    expires_in_days: int | None,
    remark: str | None = None,
) -> Rows[EntryResult]:
    """Adds a package of `credits`, once for each order number. Without `expires_in_days` it never expires."""
    users.lock(tx, user_id)
    parameters = {
        "user_id": user_id,
        "credits": credits,
        "order_no": order_no,
        "trans_type": trans_type,
        "expires_in_days": expires_in_days,
        "remark": remark,
    }
    return tx.query(_ADD, parameters, EntryResult)


def deduct(tx: Transaction, *, user_id: str, credits: int, order_no: str) -> Rows[EntryResult]:  # noqa: A002 - as above
    """Deducts up to `credits`, the newest packages first, once for each order number; never what is held."""
    users.lock(tx, user_id)
    lock_packages(tx)
    return tx.query(_DEDUCT, {"user_id": user_id, "credits": credits, "order_no": order_no}, EntryResult)
