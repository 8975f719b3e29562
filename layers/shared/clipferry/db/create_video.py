"""The one statement that creates a video: key, limit of jobs, hold and row are decided and written together.

It runs after `sign_in.authenticate_and_lock`, so two requests of one user come one after the other. The packages are
locked by a statement of its own before it, because a lock inside the statement that counts would not hold: that
statement keeps the snapshot it began with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from psycopg.types.json import Jsonb

from clipferry.db import rate_limits, sign_in
from clipferry.db.connection import Rows, Transaction
from clipferry.db.credits import lock_spendable_packages
from clipferry.models import Credential, VideoStatus
from clipferry.verdicts import CreateVerdict

_CREATE: Final = """
with caller as (
    select nullif(current_setting('clipferry.user_id', true), '') as user_id, timezone('utc', now()) as utc_now,
           nullif(current_setting('clipferry.key_id', true), '')::bigint as key_id
),
earlier as (
    select k.request_sha256 = %(request_sha256)s as same_request, k.refusal, v.*, j.estimated_seconds
    from caller
    join clipferry.idempotency_keys k
        on k.user_id = caller.user_id and k.key = %(idempotency_key)s and k.created_at > now() - interval '24 hours'
    left join public.videos v on v.uuid = k.video_uuid
    left join clipferry.jobs j on j.video_uuid = k.video_uuid
),
in_flight as (
    select count(*) as jobs from caller join public.videos v using (user_id)
    where v.status in ('PENDING', 'GENERATING', 'UPLOADING')
),
rate as (
    select coalesce(max(w.requests), 0) as requests
    from caller join clipferry.rate_windows w using (user_id) where w.minute = date_trunc('minute', now())
),
cap as (
    select k.monthly_credits,
           (select coalesce(sum(h.credits), 0)
            from clipferry.jobs j join public.credit_holds h on h.video_uuid = j.video_uuid
            where j.api_key_id = k.id and j.charged_at >= date_trunc('month', now()) and h.status <> 'RELEASED') as used
    from clipferry.api_keys k where k.id = (select key_id from caller) and k.monthly_credits is not null
),
spendable as (
    select p.id, p.remaining_credits,
           coalesce(sum(p.remaining_credits) over (
               order by p.expired_at nulls last, p.created_at, p.id rows between unbounded preceding and 1 preceding
           ), 0) as spent_before
    from caller join public.credit_packages p using (user_id)
    where p.status = 'ACTIVE' and p.remaining_credits > 0 and (p.expired_at is null or p.expired_at > caller.utc_now)
),
decision as (
    select caller.user_id, caller.utc_now, caller.key_id, in_flight.jobs, available.credits as available_credits,
           cap.monthly_credits, cap.used as used_credits,
           case
               when caller.user_id is null and caller.key_id is not null then 'FORBIDDEN'
               when caller.user_id is null then 'NOBODY'
               when exists (select from earlier where same_request) then 'REPLAYED'
               when exists (select from earlier) then 'KEY_REUSED'
               when rate.requests > %(rate_limit_per_minute)s::integer then 'RATE_LIMITED'
               when in_flight.jobs >= %(max_concurrent)s then 'TOO_MANY_JOBS'
               when cap.used + %(credits)s > cap.monthly_credits then 'KEY_CAP_REACHED'
               when available.credits < %(credits)s then 'INSUFFICIENT_CREDITS'
               else 'CREATED'
           end as verdict
    from caller cross join in_flight cross join rate
         cross join (select coalesce(sum(remaining_credits), 0) as credits from spendable) available
         left join cap on true
),
allocation as (
    select id, least(remaining_credits, %(credits)s - spent_before)::integer as credits
    from spendable, decision where verdict = 'CREATED' and spent_before < %(credits)s
),
taken as (
    update public.credit_packages p
    set remaining_credits = p.remaining_credits - a.credits, frozen_credits = p.frozen_credits + a.credits,
        updated_at = d.utc_now
    from allocation a, decision d
    where p.id = a.id and p.remaining_credits >= a.credits
    returning p.id, a.credits
),
video as (
    insert into public.videos (uuid, user_id, prompt, model, parameters, status, provider, start_image_url,
                               credits_used, created_at, updated_at)
    select %(uuid)s, user_id, %(prompt)s, %(model)s, %(parameters)s, 'PENDING', %(provider)s, %(image_url)s,
           %(credits)s, utc_now, utc_now
    from decision where verdict = 'CREATED'
    returning uuid
),
hold as (
    insert into public.credit_holds (user_id, video_uuid, credits, status, package_allocation, created_at)
    select user_id, %(uuid)s, %(credits)s, 'HOLDING',
           (select coalesce(jsonb_agg(jsonb_build_object('packageId', id, 'credits', credits) order by id), '[]')
            from taken),
           utc_now
    from decision where verdict = 'CREATED'
),
job as (
    insert into clipferry.jobs (video_uuid, deadline, next_check_at, api_key_id, charged_at)
    select %(uuid)s, now() + make_interval(secs => %(deadline_seconds)s),
           now() + make_interval(secs => %(deadline_seconds)s), key_id, now()
    from decision where verdict = 'CREATED'
),
event as (
    insert into clipferry.video_events (video_uuid, kind, detail)
    select %(uuid)s, 'created', jsonb_build_object(
        'status', 'PENDING', 'credits', %(credits)s::integer, 'provider', %(provider)s::text)
    from decision where verdict = 'CREATED'
),
remembered as (
    insert into clipferry.idempotency_keys (user_id, key, request_sha256, video_uuid)
    select user_id, %(idempotency_key)s, %(request_sha256)s, %(uuid)s
    from decision where verdict = 'CREATED' and %(idempotency_key)s::text is not null
    on conflict (user_id, key) do update
    set request_sha256 = excluded.request_sha256, video_uuid = excluded.video_uuid, refusal = null, created_at = now()
)
select d.verdict, d.jobs, d.available_credits::bigint as available_credits, d.monthly_credits,
       d.used_credits::bigint as used_credits,
       e.uuid, e.external_task_id, e.provider, e.status::text as status, e.credits_used, e.estimated_seconds, e.refusal
from decision d left join earlier e on true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVideo:
    """The values of a new video's rows. `idempotency_key` may be None; times are seconds."""

    uuid: str
    prompt: str
    model: str
    parameters: dict[str, Any]
    provider: str
    image_url: str | None
    credits: int
    max_concurrent: int
    deadline_seconds: int
    idempotency_key: str | None
    request_sha256: bytes
    rate_limit_per_minute: int | None = None
    """None means no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateResult:
    """The decision. `monthly_credits` and `used_credits` are those of an API key with a cap.

    From `uuid` on: the video of an earlier request with the same idempotency key.
    """

    verdict: CreateVerdict
    jobs: int
    available_credits: int
    monthly_credits: int | None
    used_credits: int | None
    uuid: str | None
    external_task_id: str | None
    provider: str | None
    status: VideoStatus | None
    credits_used: int | None
    estimated_seconds: int | None
    refusal: dict[str, Any] | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "verdict", CreateVerdict(self.verdict))


def create(tx: Transaction, credential: Credential, video: NewVideo) -> Rows[CreateResult]:
    """Signs in, locks the caller and its packages, and writes all or nothing of the new video."""
    parameters = {field: getattr(video, field) for field in NewVideo.__dataclass_fields__}
    parameters["parameters"] = Jsonb(video.parameters)
    sign_in.authenticate_and_lock(tx, credential)
    lock_spendable_packages(tx)
    rate_limits.count_request(tx)
    return tx.query(_CREATE, parameters, CreateResult)
