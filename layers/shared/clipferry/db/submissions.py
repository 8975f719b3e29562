"""Writes the result of a submit: the provider's task, the next provider, or the refusal to be replayed."""

from __future__ import annotations

from typing import Any, Final

from psycopg.types.json import Jsonb

from clipferry.db.connection import Rows, Transaction

_RELEASE_CLAIMED_TASK: Final = """
with video as (
    update public.videos v
    set status = 'PENDING', external_task_id = null, original_video_url = null, updated_at = timezone('utc', now())
    from clipferry.jobs j
    where j.video_uuid = v.uuid and j.task_source = 'callback' and v.provider = %(provider)s
        and v.external_task_id = %(task_id)s and v.uuid <> %(video_uuid)s
        and v.status in ('PENDING', 'GENERATING', 'UPLOADING')
    returning v.uuid
),
job as (
    update clipferry.jobs j
    set task_source = null, lease_fence = lease_fence + 1, lease_until = null, state_since = now(),
        next_check_at = deadline
    from video where j.video_uuid = video.uuid
)
insert into clipferry.video_events (video_uuid, kind, detail)
select uuid, 'task_withdrawn', jsonb_build_object('status', 'PENDING', 'belongs_to', %(video_uuid)s::text) from video
"""

_RECORD_TASK: Final = """
with before as (
    select uuid, external_task_id is distinct from %(task_id)s as other_task
    from public.videos
    where uuid = %(video_uuid)s and status in ('PENDING', 'GENERATING', 'UPLOADING')
        and not exists (select from public.videos o where o.provider = %(provider)s
                            and o.external_task_id = %(task_id)s and o.uuid <> %(video_uuid)s)
    for update
),
video as (
    update public.videos v
    set external_task_id = %(task_id)s,
        status = case when b.other_task or v.status = 'PENDING' then 'GENERATING' else v.status end,
        original_video_url = case when b.other_task then null else v.original_video_url end,
        updated_at = timezone('utc', now())
    from before b where v.uuid = b.uuid and v.status in ('PENDING', 'GENERATING', 'UPLOADING')
    returning v.uuid, v.status
),
job as (
    update clipferry.jobs j
    set task_source = 'submit', estimated_seconds = %(estimated_seconds)s,
        lease_fence = lease_fence + case when video.status = 'GENERATING' then 1 else 0 end,
        lease_until = case when video.status = 'GENERATING' then null else lease_until end,
        state_since = case when video.status = 'GENERATING' then now() else state_since end,
        deadline = case when video.status = 'GENERATING'
            then now() + make_interval(secs => %(deadline_seconds)s) else deadline end,
        next_check_at = case when video.status = 'GENERATING'
            then now() + make_interval(secs => %(first_check_seconds)s) else next_check_at end
    from video where j.video_uuid = video.uuid
),
event as (
    insert into clipferry.video_events (video_uuid, kind, detail)
    select uuid, 'submitted', jsonb_build_object(
        'status', status, 'provider', %(provider)s::text, 'task', %(task_id)s::text)
    from video
)
select uuid, status::text as status from video
"""

_SWITCH_PROVIDER: Final = """
with video as (
    update public.videos set provider = %(provider)s, updated_at = timezone('utc', now())
    where uuid = %(video_uuid)s and status = 'PENDING' and external_task_id is null
    returning uuid
),
job as (
    update clipferry.jobs j set providers_tried = array_append(j.providers_tried, %(refused_by)s)
    from video where j.video_uuid = video.uuid
),
event as (
    insert into clipferry.video_events (video_uuid, kind, detail)
    select uuid, 'provider_switched', jsonb_build_object('provider', %(provider)s::text) from video
)
select uuid from video
"""

_STORE_REFUSAL: Final = """
update clipferry.idempotency_keys k set refusal = %(refusal)s
from public.videos v
where k.video_uuid = %(video_uuid)s and k.refusal is null and v.uuid = k.video_uuid and v.status = 'FAILED'
"""


def record_task(
    tx: Transaction,
    *,
    video_uuid: str,
    provider: str,
    task_id: str,
    estimated_seconds: int | None,
    deadline_seconds: int,
    first_check_seconds: float,
) -> Rows[dict[str, Any]]:
    """Writes the accepted task: PENDING → GENERATING. It overrides a task that a callback claimed, here and elsewhere.

    No row when the video has ended meanwhile.
    """
    parameters = {
        "video_uuid": video_uuid,
        "provider": provider,
        "task_id": task_id,
        "estimated_seconds": estimated_seconds,
        "deadline_seconds": deadline_seconds,
        "first_check_seconds": first_check_seconds,
    }
    tx.execute(_RELEASE_CLAIMED_TASK, parameters)
    return tx.query_dicts(_RECORD_TASK, parameters)


def switch_provider(tx: Transaction, *, video_uuid: str, refused_by: str, provider: str) -> Rows[dict[str, Any]]:
    """Writes the next provider before it is asked, for its callback. No row if the video isn't PENDING."""
    return tx.query_dicts(_SWITCH_PROVIDER, {"video_uuid": video_uuid, "refused_by": refused_by, "provider": provider})


def store_refusal(tx: Transaction, *, video_uuid: str, refusal: dict[str, Any]) -> None:
    """Stores the error that was answered, for a repeat of the request with the same Idempotency-Key.

    Only while the video is FAILED: one that a callback has moved on meanwhile will be delivered, and paid for.
    """
    tx.execute(_STORE_REFUSAL, {"video_uuid": video_uuid, "refusal": Jsonb(refusal)})
