"""Recomputes all credits: each invariant is a query for the rows that break it. One statement, one snapshot.

None of these may ever return a row; what they find is named by user, package, hold and video. Videos that the original
application had ended before our books were opened are not judged by our rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

_BREACHES: Final = """
with
ledger as (
    select user_id, sum(credits)::bigint as booked from public.credit_transactions group by user_id
),
owned as (
    select user_id, sum(remaining_credits + frozen_credits)::bigint as held from public.credit_packages group by user_id
),
readable as materialized (  -- the original application's rows aren't bound to any form
    select id, user_id, video_uuid, status, credits, package_allocation from public.credit_holds
    where jsonb_typeof(package_allocation) = 'array' and not jsonb_path_exists(package_allocation, '$[*] ? (
        !(@.packageId.type() == "number" && @.packageId == @.packageId.floor()
          && @.credits.type() == "number" && @.credits == @.credits.floor()))')
),
share as (
    select h.id as hold_id, h.user_id, h.status, (s ->> 'packageId')::integer as package_id,
           sum((s ->> 'credits')::integer)::bigint as credits
    from readable h, jsonb_array_elements(h.package_allocation) as shares (s)
    group by 1, 2, 3, 4
),
frozen as (
    select package_id, sum(credits)::bigint as credits from share where status = 'HOLDING' group by package_id
),
consumed as (
    select hold_id, count(*) as rows, sum(credits)::bigint as credits
    from public.credit_transactions where trans_type = 'VIDEO_CONSUME' and hold_id is not null group by hold_id
)
select 'ledger_explains_packages' as invariant, u.id as user_id, null::integer as package_id, null::integer as hold_id,
       null::text as video_uuid,
       format('opening %%s + ledger %%s <> packages %%s', coalesce(o.credits, 0), coalesce(l.booked, 0),
              coalesce(w.held, 0)) as detail
from public."user" u
left join clipferry.opening_balances o on o.user_id = u.id
left join ledger l on l.user_id = u.id
left join owned w on w.user_id = u.id
where coalesce(o.credits, 0) + coalesce(l.booked, 0) <> coalesce(w.held, 0)

union all
select 'frozen_is_held', p.user_id, p.id, null, null,
       format('frozen %%s <> holds %%s', p.frozen_credits, coalesce(f.credits, 0))
from public.credit_packages p left join frozen f on f.package_id = p.id
where p.frozen_credits <> coalesce(f.credits, 0)

union all
select 'held_from_a_package_of_its_user', s.user_id, s.package_id, s.hold_id, null,
       format('package belongs to %%s', coalesce(p.user_id, 'nobody'))
from share s left join public.credit_packages p on p.id = s.package_id
where s.status = 'HOLDING' and p.user_id is distinct from s.user_id

union all
select 'hold_is_backed', h.user_id, null, h.id, h.video_uuid,
       format('hold %%s <> allocation %%s', h.credits, clipferry.allocated(h.package_allocation))
from readable h where clipferry.allocated(h.package_allocation) <> h.credits

union all
select 'allocation_is_readable', h.user_id, null, h.id, h.video_uuid, left(h.package_allocation::text, 100)
from public.credit_holds h where not exists (select from readable r where r.id = h.id)

union all
select 'hold_has_a_live_video', h.user_id, null, h.id, h.video_uuid, coalesce('video is ' || v.status, 'no such video')
from public.credit_holds h left join public.videos v on v.uuid = h.video_uuid
where h.status = 'HOLDING' and coalesce(v.status in ('COMPLETED', 'FAILED'), true)

union all
select 'live_video_has_a_hold', v.user_id, null, h.id, v.uuid, coalesce('hold is ' || h.status, 'no hold')
from public.videos v left join public.credit_holds h on h.video_uuid = v.uuid
where v.status in ('PENDING', 'GENERATING', 'UPLOADING') and v.credits_used > 0 and h.status is distinct from 'HOLDING'

union all
select 'completed_video_is_paid', v.user_id, null, h.id, v.uuid, coalesce('hold is ' || h.status, 'no hold')
from public.videos v
join clipferry.jobs j on j.video_uuid = v.uuid
left join public.credit_holds h on h.video_uuid = v.uuid
where v.status = 'COMPLETED' and v.credits_used > 0 and h.status is distinct from 'SETTLED'

union all
select 'failed_video_is_free', v.user_id, null, h.id, v.uuid, 'hold is ' || h.status
from public.videos v
join clipferry.jobs j on j.video_uuid = v.uuid
join public.credit_holds h on h.video_uuid = v.uuid
where v.status = 'FAILED' and h.status = 'SETTLED'

union all
select 'hold_is_its_videos_users', h.user_id, null, h.id, h.video_uuid, format('video belongs to %%s', v.user_id)
from public.credit_holds h join public.videos v on v.uuid = h.video_uuid
where v.user_id <> h.user_id

union all
select 'settled_once', h.user_id, null, h.id, h.video_uuid,
       format('settled %%s, booked %%s in %%s rows', h.credits, -coalesce(c.credits, 0), coalesce(c.rows, 0))
from public.credit_holds h
join clipferry.jobs j on j.video_uuid = h.video_uuid
left join consumed c on c.hold_id = h.id
where h.status = 'SETTLED' and (coalesce(c.rows, 0) <> 1 or c.credits <> -h.credits)

union all
select 'unsettled_not_booked', h.user_id, null, h.id, h.video_uuid,
       format('hold is %%s, booked %%s', h.status, c.credits)
from public.credit_holds h join consumed c on c.hold_id = h.id
where h.status <> 'SETTLED'

union all
select 'package_in_bounds', p.user_id, p.id, null, null,
       format('initial %%s, remaining %%s, frozen %%s', p.initial_credits, p.remaining_credits, p.frozen_credits)
from public.credit_packages p
where p.remaining_credits < 0 or p.frozen_credits < 0 or p.remaining_credits + p.frozen_credits > p.initial_credits

union all
select 'expired_is_empty', p.user_id, p.id, null, null, format('remaining %%s', p.remaining_credits)
from public.credit_packages p
where p.status = 'EXPIRED' and p.remaining_credits > 0 and coalesce(p.expired_at, 'infinity') > (
    select coalesce(timezone('utc', min(applied_at)), 'infinity') from clipferry.migrations)

union all
select 'unfinished_has_a_deadline', v.user_id, null, null, v.uuid, 'status ' || v.status
from public.videos v join clipferry.jobs j on j.video_uuid = v.uuid
where v.status in ('PENDING', 'GENERATING', 'UPLOADING') and j.deadline is null

order by 1, 2, 3, 4, 5
"""


_OPENING_BALANCES: Final = """
select user_id, credits from clipferry.opening_balances order by abs(credits) desc limit %(limit)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One row that breaks one invariant."""

    invariant: str
    user_id: str | None
    package_id: int | None
    hold_id: int | None
    video_uuid: str | None
    detail: str


def breaches(tx: Transaction) -> Rows[Breach]:
    """Returns every breach of every invariant; none when all is right."""
    return tx.query(_BREACHES, {}, Breach)


def opening_balances(tx: Transaction, *, limit: int) -> Rows[dict[str, Any]]:
    """Returns what the ledger didn't explain at the first migration (`user_id`, `credits`), the largest first."""
    return tx.query_dicts(_OPENING_BALANCES, {"limit": limit})
