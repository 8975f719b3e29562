"""Holds the credits of a video, from the packages that expire first: when it is created, and again when it is retried.

Locks come before, each by a statement of its own: a lock inside a statement that counts would not hold, because that
statement keeps the snapshot it began with. Their order is every money transaction's: the user, the packages by id, the
video, the job. What follows is part of the one statement that decides and writes: no video comes without its hold.
"""

from __future__ import annotations

from typing import Final

from clipferry.db import users
from clipferry.db.connection import Transaction

_LOCK_SPENDABLE_PACKAGES: Final = """
select id from public.credit_packages
where user_id = current_setting('clipferry.user_id', true) and status = 'ACTIVE' and remaining_credits > 0
order by id for update
"""

_LOCK_HELD_PACKAGES: Final = """
select p.id from public.credit_packages p
where p.id in (
    select s.package_id from public.credit_holds h, clipferry.shares(h.package_allocation) s
    where h.video_uuid = %(video_uuid)s
)
order by p.id for update
"""

_LOCK_VIDEO: Final = "select id from public.videos where uuid = %(video_uuid)s for update"
_LOCK_JOB: Final = "select video_uuid from clipferry.jobs where video_uuid = %(video_uuid)s for update"

# The holds are read by a subselect, because planning a join would cost every request a fifth of a millisecond.
LIMITS: Final = """limits as (
    select caller.*,
           (select count(*) from public.videos v
            where v.user_id = caller.user_id and v.status in ('PENDING', 'GENERATING', 'UPLOADING')) as jobs,
           (select coalesce(sum(p.remaining_credits), 0) from public.credit_packages p
            where p.user_id = caller.user_id and p.status = 'ACTIVE' and p.remaining_credits > 0
                and (p.expired_at is null or p.expired_at > timezone('utc', now()))) as available_credits,
           k.monthly_credits,
           (select coalesce(sum((select h.credits from public.credit_holds h
                                 where h.video_uuid = j.video_uuid and h.status <> 'RELEASED')), 0)
            from clipferry.jobs j
            where j.api_key_id = k.id and j.charged_at >= date_trunc('month', now())) as used_credits
    from caller left join clipferry.api_keys k on k.id = caller.key_id and k.monthly_credits is not null
)"""
"""Part of the statements that decide: what the `caller` (`user_id`, `key_id`) has under way, and may still spend."""

TAKEN: Final = """spendable as (
    select p.id, p.remaining_credits, wanted.credits as wanted, coalesce(sum(p.remaining_credits) over (
               order by p.expired_at nulls last, p.created_at, p.id rows between unbounded preceding and 1 preceding
           ), 0) as spent_before
    from wanted join public.credit_packages p using (user_id)
    where p.status = 'ACTIVE' and p.remaining_credits > 0
        and (p.expired_at is null or p.expired_at > timezone('utc', now()))
),
share as (
    select id, least(remaining_credits, wanted - spent_before)::integer as credits
    from spendable where spent_before < wanted
),
taken as (
    update public.credit_packages p
    set remaining_credits = p.remaining_credits - share.credits, frozen_credits = p.frozen_credits + share.credits,
        updated_at = timezone('utc', now())
    from share where p.id = share.id and p.remaining_credits >= share.credits
    returning p.id, share.credits
),
allocation as (
    select coalesce(jsonb_agg(jsonb_build_object('packageId', id, 'credits', credits) order by id), '[]') as packages
    from taken
)"""
"""Part of the same statements: takes the credits that are `wanted`, from the packages that expire first.

`wanted` has a `user_id` and `credits`, and no row where the decision is no; `allocation` has what was taken of each.
"""


def lock_spendable_packages(tx: Transaction) -> None:
    """Locks the packages that the transaction's user may spend."""
    tx.execute(_LOCK_SPENDABLE_PACKAGES, {})


def lock_to_reopen(tx: Transaction, video_uuid: str) -> None:
    """Locks what a retry changes, and makes the video's owner the transaction's user."""
    users.lock_owner(tx, video_uuid)
    lock_spendable_packages(tx)
    tx.execute(_LOCK_VIDEO, {"video_uuid": video_uuid})


def lock_to_end(tx: Transaction, video_uuid: str) -> None:
    """Locks what a video's end changes: a state that changed meanwhile would settle a hold and complete no video."""
    users.lock_owner(tx, video_uuid)
    for statement in (_LOCK_HELD_PACKAGES, _LOCK_VIDEO, _LOCK_JOB):
        tx.execute(statement, {"video_uuid": video_uuid})
