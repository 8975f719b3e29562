"""The one statement that creates a video: key, limits, hold and row are decided and written together.

It runs after `sign_in.authenticate_and_lock`, so two requests of one user come one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from psycopg.types.json import Jsonb

from clipferry.db import sign_in
from clipferry.db.connection import Rows, Transaction
from clipferry.db.credit_hold import LIMITS, TAKEN, lock_spendable_packages
from clipferry.models import Credential, VideoStatus
from clipferry.verdicts import CreateVerdict

_CREATE: Final = f"""
with caller as (
    select nullif(current_setting('clipferry.user_id', true), '') as user_id,
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
rate as (
    insert into clipferry.rate_windows (user_id, minute, requests)
    select user_id, date_trunc('minute', now()), 1 from caller where user_id is not null
    on conflict (user_id, minute) do update set requests = rate_windows.requests + 1
    returning requests
),
{LIMITS},
decision as (
    select case
               when limits.user_id is null and key_id is not null then 'FORBIDDEN'
               when limits.user_id is null then 'NOBODY'
               when same_request then 'REPLAYED'
               when not same_request then 'KEY_REUSED'
               when rate.requests > %(rate_limit_per_minute)s::integer then 'RATE_LIMITED'
               when jobs >= %(max_concurrent)s then 'TOO_MANY_JOBS'
               when used_credits + %(credits)s > monthly_credits then 'KEY_CAP_REACHED'
               when available_credits < %(credits)s then 'INSUFFICIENT_CREDITS'
               else 'CREATED'
           end as verdict,
           jobs, available_credits, monthly_credits, used_credits,
           uuid, external_task_id, provider, status::text as status, credits_used, estimated_seconds, refusal
    from limits left join rate on true left join earlier on true
),
wanted as (
    select user_id, %(credits)s::integer as credits from caller, decision where verdict = 'CREATED'
),
{TAKEN},
video as (
    insert into public.videos (uuid, user_id, prompt, model, parameters, status, provider, start_image_url,
                               credits_used, created_at, updated_at)
    select %(uuid)s, user_id, %(prompt)s, %(model)s, %(parameters)s, 'PENDING', %(provider)s, %(image_url)s,
           credits, timezone('utc', now()), timezone('utc', now())
    from wanted
    returning uuid, user_id, provider, credits_used
),
hold as (
    insert into public.credit_holds (user_id, video_uuid, credits, status, package_allocation, created_at)
    select user_id, uuid, credits_used, 'HOLDING', packages, timezone('utc', now()) from video, allocation
),
job as (
    insert into clipferry.jobs (video_uuid, deadline, next_check_at, api_key_id, charged_at)
    select uuid, now() + make_interval(secs => %(deadline_seconds)s),
           now() + make_interval(secs => %(deadline_seconds)s), key_id, now()
    from video, caller
),
event as (
    insert into clipferry.video_events (video_uuid, kind, detail)
    select uuid, 'created', jsonb_build_object('status', 'PENDING', 'credits', credits_used, 'provider', provider)
    from video
),
remembered as (
    insert into clipferry.idempotency_keys (user_id, key, request_sha256, video_uuid)
    select user_id, %(idempotency_key)s, %(request_sha256)s, uuid from video where %(idempotency_key)s::text is not null
    on conflict (user_id, key) do update
    set request_sha256 = excluded.request_sha256, video_uuid = excluded.video_uuid, refusal = null, created_at = now()
)
select * from decision
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
    used_credits: int
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
    return tx.query(_CREATE, parameters, CreateResult)
