"""The one way out of FAILED: the RELEASED hold is re-opened with a new allocation, and the mirror tries again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from clipferry.db.connection import Rows, Transaction
from clipferry.db.credit_hold import LIMITS, TAKEN, lock_to_reopen
from clipferry.verdicts import RetryVerdict

_REOPEN: Final = f"""
with caller as (
    select current_setting('clipferry.user_id', true) as user_id, %(api_key_id)s::bigint as key_id
),
candidate as (
    select v.uuid, h.credits
    from caller join public.videos v using (user_id) join public.credit_holds h on h.video_uuid = v.uuid
    where v.uuid = %(video_uuid)s and v.status = 'FAILED' and h.status = 'RELEASED' and not v.is_deleted
),
{LIMITS},
decision as (
    select case
               when candidate.uuid is null then 'NOT_FAILED'
               when jobs >= %(max_concurrent)s::integer then 'TOO_MANY_JOBS'
               when used_credits + candidate.credits > monthly_credits then 'KEY_CAP_REACHED'
               when available_credits < candidate.credits then 'INSUFFICIENT_CREDITS'
               else 'REOPENED'
           end as verdict,
           jobs, available_credits, coalesce(candidate.credits, 0) as required_credits, monthly_credits, used_credits
    from limits left join candidate on true
),
wanted as (
    select user_id, credits from caller, candidate, decision where verdict = 'REOPENED'
),
{TAKEN},
hold as (
    update public.credit_holds h set status = 'HOLDING', settled_at = null, package_allocation = packages
    from candidate, wanted, allocation where h.video_uuid = candidate.uuid and h.status = 'RELEASED'
    returning h.video_uuid, h.credits
),
video as (
    update public.videos v
    set status = 'UPLOADING', error_message = null, original_video_url = %(source_url)s,
        updated_at = timezone('utc', now())
    from hold where v.uuid = hold.video_uuid and v.status = 'FAILED'
    returning v.uuid, hold.credits
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
    select uuid, 'retried', jsonb_build_object('status', 'UPLOADING', 'held', credits) from video
)
select * from decision
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenResult:
    """The decision. `jobs` is the number of the owner's unfinished videos; the last two are an API key's with a cap."""

    verdict: RetryVerdict
    jobs: int
    available_credits: int
    required_credits: int
    monthly_credits: int | None
    used_credits: int

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
    lock_to_reopen(tx, video_uuid)
    parameters = {
        "video_uuid": video_uuid,
        "source_url": source_url,
        "deadline_seconds": deadline_seconds,
        "next_check_seconds": next_check_seconds,
        "max_concurrent": max_concurrent,
        "api_key_id": api_key_id,
    }
    return tx.query(_REOPEN, parameters, ReopenResult)
