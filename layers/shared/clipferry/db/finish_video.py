"""The two ends of a video. Status and money change in one statement: COMPLETED settles the hold, FAILED releases it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from psycopg.types.json import Jsonb

from clipferry.db import credit_hold, webhook_outbox
from clipferry.db.connection import Rows, Transaction
from clipferry.db.rows import storable
from clipferry.models import MirroredFile, VideoStatus
from clipferry.observability import quote
from clipferry.verdicts import FailureCode

RETURNED_DAYS: Final = 7
"""Credits released from an expired package come back as a new one, for so many days from that expiry, and once."""

_COMPLETE: Final = """
with hold as (
    update public.credit_holds h set status = 'SETTLED', settled_at = timezone('utc', now())
    from public.videos v, clipferry.jobs j
    where h.video_uuid = %(video_uuid)s and h.status = 'HOLDING'
        and v.uuid = h.video_uuid and v.status = 'UPLOADING'
        and j.video_uuid = h.video_uuid and j.lease_fence = %(fence)s
    returning h.id, h.user_id, h.video_uuid, h.credits, h.package_allocation
),
share as (
    select s.package_id, sum(s.credits)::integer as credits
    from hold, clipferry.shares(hold.package_allocation) s group by 1
),
consumed as (
    update public.credit_packages p
    set frozen_credits = p.frozen_credits - share.credits, updated_at = timezone('utc', now()),
        status = case
            when p.remaining_credits > 0 or p.frozen_credits > share.credits then p.status
            when p.expired_at <= timezone('utc', now()) then 'EXPIRED'
            else 'DEPLETED'
        end
    from share where p.id = share.package_id
),
ledger as (
    insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, video_uuid, hold_id,
                                            remark, created_at)
    select clipferry.transaction_number(), hold.user_id, 'VIDEO_CONSUME', -hold.credits,
           clipferry.available_credits(hold.user_id),
           hold.video_uuid, hold.id, 'Video generation', timezone('utc', now())
    from hold
),
video as (
    update public.videos v
    set status = 'COMPLETED', video_url = %(video_url)s, thumbnail_url = %(thumbnail_url)s, file_size = %(file_size)s,
        duration = coalesce(%(duration)s, v.duration), resolution = coalesce(%(resolution)s, v.resolution),
        aspect_ratio = coalesce(%(aspect_ratio)s, v.aspect_ratio), error_message = null,
        completed_at = timezone('utc', now()), updated_at = timezone('utc', now()),
        generation_time = extract(epoch from timezone('utc', now()) - v.created_at)::integer
    from hold where v.uuid = hold.video_uuid and v.status = 'UPLOADING'
    returning v.uuid
),
job as (
    update clipferry.jobs j
    set deadline = null, next_check_at = null, lease_until = null, failure_code = null, state_since = now()
    from video where j.video_uuid = video.uuid
),
file as (
    insert into clipferry.mirrored_files (video_uuid, sha256, size, key, duration_ms, width, height, codec, has_audio,
                                          frame_rate)
    select uuid, %(sha256)s, %(file_size)s, %(key)s, %(duration_ms)s, %(width)s, %(height)s, %(codec)s, %(has_audio)s,
           %(frame_rate)s
    from video
    on conflict (video_uuid) do update
    set sha256 = excluded.sha256, size = excluded.size, key = excluded.key, upload_id = null, parts = null,
        duration_ms = excluded.duration_ms, width = excluded.width, height = excluded.height, codec = excluded.codec,
        has_audio = excluded.has_audio, frame_rate = excluded.frame_rate, updated_at = now()
),
event as (
    insert into clipferry.video_events (video_uuid, kind, detail)
    select video.uuid, 'completed', jsonb_build_object(
        'status', 'COMPLETED', 'settled', hold.credits, 'bytes', %(file_size)s::bigint)
    from video, hold
),
difference as (
    insert into clipferry.video_events (video_uuid, kind, detail)
    select uuid, 'not_as_ordered', %(differences)s::jsonb from video where %(differences)s::jsonb is not null
)
select uuid from video
"""

_FAIL: Final = """
with video as (
    update public.videos v
    set status = 'FAILED', error_message = %(sentence)s, updated_at = timezone('utc', now())
    where v.uuid = %(video_uuid)s and v.status::text = any(%(from_states)s)
        and v.status in ('PENDING', 'GENERATING', 'UPLOADING')
        and (%(fence)s::bigint is null
             or exists (select from clipferry.jobs j where j.video_uuid = v.uuid and j.lease_fence = %(fence)s))
    returning v.uuid
),
hold as (
    update public.credit_holds h set status = 'RELEASED', settled_at = timezone('utc', now())
    from video where h.video_uuid = video.uuid and h.status = 'HOLDING'
    returning h.id, h.user_id, h.video_uuid, h.credits, h.package_allocation
),
share as (
    select s.package_id, sum(s.credits)::integer as credits
    from hold, clipferry.shares(hold.package_allocation) s group by 1
),
back as (
    select share.package_id, share.credits, expiry.at + make_interval(days => %(returned_days)s) as renewed_until,
           (p.trans_type <> 'REFUND' or p.order_no is not null)
           and (p.status = 'EXPIRED' or coalesce(p.expired_at <= timezone('utc', now()), false))
           and expiry.at + make_interval(days => %(returned_days)s) > timezone('utc', now()) as renewed
    from share join public.credit_packages p on p.id = share.package_id
    cross join least(p.expired_at, timezone('utc', now())) as expiry (at)
),
returned as (
    update public.credit_packages p
    set frozen_credits = p.frozen_credits - back.credits,
        remaining_credits = p.remaining_credits + case when back.renewed then 0 else back.credits end,
        status = case
            when not back.renewed then 'ACTIVE'
            when p.remaining_credits = 0 and p.frozen_credits = back.credits then 'EXPIRED'
            else p.status
        end,
        updated_at = timezone('utc', now())
    from back where p.id = back.package_id
),
renewed as (
    insert into public.credit_packages (user_id, initial_credits, remaining_credits, trans_type, status, expired_at,
                                        created_at, updated_at)
    select hold.user_id, back.credits, back.credits, 'REFUND', 'ACTIVE', back.renewed_until,
           timezone('utc', now()), timezone('utc', now())
    from back, hold where back.renewed order by back.package_id
),
job as (
    update clipferry.jobs j
    set deadline = null, next_check_at = null, lease_until = null, lease_fence = lease_fence + 1,
        failure_code = %(code)s, state_since = now()
    from video where j.video_uuid = video.uuid
),
event as (
    insert into clipferry.video_events (video_uuid, kind, detail)
    select uuid, 'failed', jsonb_build_object(
        'status', 'FAILED', 'code', %(code)s::text, 'detail', %(detail)s::text,
        'released', (select credits from hold))
    from video
)
select uuid from video
"""


def complete(
    tx: Transaction,
    *,
    video_uuid: str,
    fence: int,
    file: MirroredFile,
    thumbnail_url: str | None,
    resolution: str | None,
    aspect_ratio: str | None,
    differences: dict[str, Any] | None = None,
) -> Rows[dict[str, Any]]:
    """UPLOADING → COMPLETED and the hold settled, or nothing: no row if the fence is old or the hold isn't HOLDING.

    `differences` is an event's detail: what was ordered, and what was found.
    """
    credit_hold.lock_to_end(tx, video_uuid)
    parameters = {
        "video_uuid": video_uuid,
        "fence": fence,
        "video_url": file.url,
        "thumbnail_url": thumbnail_url,
        "file_size": file.size,
        "duration": file.media.duration,
        "resolution": resolution,
        "aspect_ratio": aspect_ratio,
        **asdict(file.media),
        "differences": None if differences is None else Jsonb(differences),
        "sha256": file.sha256,
        "key": file.key,
    }
    completed = tx.query_dicts(_COMPLETE, parameters)
    tx.announce(webhook_outbox.tell_of_end(tx, video_uuid))
    tx.announce(webhook_outbox.tell_of_low_credits(tx, video_uuid))
    return completed


def fail(
    tx: Transaction,
    *,
    video_uuid: str,
    code: FailureCode,
    detail: str,
    from_states: tuple[VideoStatus, ...],
    fence: int | None = None,
) -> Rows[dict[str, Any]]:
    """One of `from_states` → FAILED and the hold released, or nothing. `detail` is for `explain`, not for the user."""
    credit_hold.lock_to_end(tx, video_uuid)
    parameters = {
        "video_uuid": video_uuid,
        "code": code.value,
        "sentence": code.sentence,
        "detail": storable(quote(detail)),
        "from_states": [state.value for state in from_states],
        "fence": fence,
        "returned_days": RETURNED_DAYS,
    }
    failed = tx.query_dicts(_FAIL, parameters)
    tx.announce(webhook_outbox.tell_of_end(tx, video_uuid))
    return failed
