"""The one way out of FAILED: the RELEASED hold is re-opened with a new allocation, and the mirror tries again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from clipferry.db import sign_in
from clipferry.db.connection import Rows, Transaction
from clipferry.db.credits import lock_spendable_packages
from clipferry.verdicts import RetryVerdict

_LOCK_VIDEO: Final = "select id from public.videos where uuid = %(video_uuid)s for update"

_REOPEN: Final = """
with candidate as (
    select v.uuid, h.id as hold_id, h.credits
    from public.videos v join public.credit_holds h on h.video_uuid = v.uuid
    where v.uuid = %(video_uuid)s and v.user_id = current_setting('clipferry.user_id', true)
        and v.status = 'FAILED' and h.status = 'RELEASED' and not v.is_deleted
),
in_flight as (
    select count(*) as jobs from public.videos v
    where v.user_id = current_setting('clipferry.user_id', true) and v.status in ('PENDING', 'GENERATING', 'UPLOADING')
),
cap as (
    select k.monthly_credits,
           (select coalesce(sum(h.credits), 0)
            from clipferry.jobs j join public.credit_holds h on h.video_uuid = j.video_uuid
            where j.api_key_id = k.id and j.charged_at >= date_trunc('month', now()) and h.status <> 'RELEASED') as used
    from clipferry.api_keys k where k.id = %(api_key_id)s::bigint and k.monthly_credits is not null
),
spendable as (
    select p.id, p.remaining_credits, coalesce(sum(p.remaining_credits) over (
               order by p.expired_at nulls last, p.created_at, p.id rows between unbounded preceding and 1 preceding
           ), 0) as spent_before
    from public.credit_packages p
    where p.user_id = current_setting('clipferry.user_id', true) and p.status = 'ACTIVE' and p.remaining_credits > 0
        and (p.expired_at is null or p.expired_at > timezone('utc', now()))
),
decision as (
    select case
               when not exists (select from candidate) then 'NOT_FAILED'
               when in_flight.jobs >= %(max_concurrent)s::integer then 'TOO_MANY_JOBS'
               when cap.used + (select credits from candidate) > cap.monthly_credits then 'KEY_CAP_REACHED'
               when available.credits < (select credits from candidate) then 'INSUFFICIENT_CREDITS'
               else 'REOPENED'
           end as verdict,
           available.credits as available_credits, in_flight.jobs, cap.monthly_credits, cap.used as used_credits
    from in_flight cross join (select coalesce(sum(remaining_credits), 0) as credits from spendable) available
         left join cap on true
),
allocation as (
    select s.id, least(s.remaining_credits, c.credits - s.spent_before)::integer as credits
    from spendable s, candidate c, decision d where d.verdict = 'REOPENED' and s.spent_before < c.credits
),
taken as (
    update public.credit_packages p
    set remaining_credits = p.remaining_credits - a.credits, frozen_credits = p.frozen_credits + a.credits,
        updated_at = timezone('utc', now())
    from allocation a where p.id = a.id and p.remaining_credits >= a.credits
    returning p.id, a.credits
),
hold as (
    update public.credit_holds h
    set status = 'HOLDING', settled_at = null,
        package_allocation = (
            select coalesce(jsonb_agg(jsonb_build_object('packageId', id, 'credits', credits) order by id), '[]')
            from taken)
    from candidate c, decision d where d.verdict = 'REOPENED' and h.id = c.hold_id and h.status = 'RELEASED'
    returning h.video_uuid, h.credits
),
video as (
    update public.videos v
    set status = 'UPLOADING', error_message = null, original_video_url = %(source_url)s,
        updated_at = timezone('utc', now())
    from hold where v.uuid = hold.video_uuid and v.status = 'FAILED'
    returning v.uuid
),
job as (
    insert into clipferry.jobs as j (video_uuid, deadline, next_check_at, api_key_id, charged_at)
    select uuid, now() + make_interval(secs => %(deadline_seconds)s),
           now() + make_interval(secs => %(next_check_seconds)s), %(api_key_id)s, now() from video
    on conflict (video_uuid) do update
    set deadline = excluded.deadline, next_check_at = excluded.next_check_at, state_since = now(), failure_code = null,
        lease_until = null, mirror_attempts = 0, source_refreshed = false, api_key_id = excluded.api_key_id,
        charged_at = excluded.charged_at
),
event as (
    insert into clipferry.video_events (video_uuid, kind, detail)
    select video_uuid, 'retried', jsonb_build_object('status', 'UPLOADING', 'held', credits) from hold
)
select d.verdict, d.jobs, d.available_credits::bigint as available_credits,
       coalesce((select credits from candidate), 0) as required_credits, d.monthly_credits,
       d.used_credits::bigint as used_credits
from decision d
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenResult:
    """The decision. `jobs` is the number of the owner's unfinished videos; the last two are an API key's with a cap."""

    verdict: RetryVerdict
    jobs: int
    available_credits: int
    required_credits: int
    monthly_credits: int | None
    used_credits: int | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "verdict", RetryVerdict(self.verdict))


def reopen(
    tx: Transaction,
    *,
    video_uuid: str,
    source_url: str,
    deadline_seconds: int,
    next_check_seconds: float,
    max_concurrent: int | None = None,
    api_key_id: int | None = None,
) -> Rows[ReopenResult]:
    """FAILED → UPLOADING with its hold HOLDING again, or nothing. `max_concurrent` None is no limit.

    The credits count for the API key that asks, whichever has created the video.
    """
    sign_in.lock_owner(tx, video_uuid)
    lock_spendable_packages(tx)
    tx.execute(_LOCK_VIDEO, {"video_uuid": video_uuid})
    parameters = {
        "video_uuid": video_uuid,
        "source_url": source_url,
        "deadline_seconds": deadline_seconds,
        "next_check_seconds": next_check_seconds,
        "max_concurrent": max_concurrent,
        "api_key_id": api_key_id,
    }
    return tx.query(_REOPEN, parameters, ReopenResult)
