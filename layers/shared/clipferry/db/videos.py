"""Videos: reading, and the changes of status that move no credits: to GENERATING, to UPLOADING, a late success."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction
from clipferry.models import Video, VideoStatus

SELECT: Final = """
select v.id, v.uuid, v.user_id, v.prompt, v.model, v.parameters, v.status::text as status, v.provider,
    v.external_task_id, v.error_message, v.start_image_url, v.original_video_url, v.video_url, v.thumbnail_url,
    v.duration, v.resolution, v.aspect_ratio, v.file_size, v.credits_used, v.created_at, v.updated_at, v.completed_at,
    v.generation_time, v.is_deleted, j.failure_code as error_code, coalesce(j.deadline < now(), false) as is_overdue,
    j.cancel_asked_at is not null as is_cancel_asked, j.metadata, j.progress as told_progress,
    f.duration_ms, f.width, f.height, f.codec, f.has_audio, f.frame_rate
from public.videos v left join clipferry.jobs j on j.video_uuid = v.uuid
left join clipferry.mirrored_files f on f.video_uuid = v.uuid
"""
"""A video's row, with what is kept beside it; the fields of `Video`."""

_GET: Final = SELECT + "where v.uuid = %(uuid)s"

_GET_OWN: Final = f"""{SELECT}
where v.uuid = %(uuid)s and v.user_id = current_setting('clipferry.user_id', true) and not v.is_deleted
"""

# PostgreSQL reads the values in the text: with a status it takes the index that begins with it, without one the other.
_LIST_OWN: Final = f"""{SELECT}
where v.user_id = current_setting('clipferry.user_id', true) and not v.is_deleted
    and (%(status)s::text is null or v.status = %(status)s::public."VideoStatus")
    and (date_trunc('milliseconds', v.created_at), v.id) < (%(before_at)s, %(before_id)s)
order by date_trunc('milliseconds', v.created_at) desc, v.id desc limit %(limit)s
"""

# A task that a callback names is assigned only while the row has none and no other video has it.
_ASSIGN_TASK: Final = """
with video as (
    update public.videos v
    set status = 'GENERATING', external_task_id = %(task_id)s, updated_at = timezone('utc', now())
    where v.uuid = %(uuid)s and v.status = 'PENDING' and v.external_task_id is null
        and not exists (select from public.videos o where o.provider = v.provider and o.external_task_id = %(task_id)s)
    returning v.uuid
),
job as (
    update clipferry.jobs j
    set task_source = 'callback', state_since = now(), deadline = now() + make_interval(secs => %(deadline_seconds)s),
        next_check_at = now() + make_interval(secs => %(next_check_seconds)s)
    from video where j.video_uuid = video.uuid
),
event as (
    insert into clipferry.video_events (video_uuid, kind, detail)
    select uuid, 'task_adopted', jsonb_build_object('status', 'GENERATING', 'task', %(task_id)s::text) from video
)
select uuid from video
"""

_START_UPLOAD: Final = """
with video as (
    update public.videos v
    set status = 'UPLOADING', original_video_url = %(source_url)s, external_task_id = %(task_id)s,
        updated_at = timezone('utc', now())
    where v.uuid = %(uuid)s and v.status in ('PENDING', 'GENERATING')
        and (v.external_task_id = %(task_id)s
             or v.external_task_id is null and not exists (
                 select from public.videos o where o.provider = v.provider and o.external_task_id = %(task_id)s))
    returning v.uuid
),
job as (
    update clipferry.jobs j
    set task_source = coalesce(j.task_source, 'callback'), state_since = now(), mirror_attempts = 0,
        source_refreshed = false, deadline = now() + make_interval(secs => %(deadline_seconds)s),
        next_check_at = now() + make_interval(secs => %(next_check_seconds)s)
    from video where j.video_uuid = video.uuid
),
event as (
    insert into clipferry.video_events (video_uuid, kind, detail)
    select uuid, 'generated', jsonb_build_object('status', 'UPLOADING', 'task', %(task_id)s::text) from video
)
select uuid from video
"""

_NOTE_LATE_SUCCESS: Final = """
with video as (
    update public.videos v
    set original_video_url = %(source_url)s, external_task_id = %(task_id)s, updated_at = timezone('utc', now())
    where v.uuid = %(uuid)s and v.status = 'FAILED' and not v.is_deleted
        and v.original_video_url is distinct from %(source_url)s
        and (v.external_task_id = %(task_id)s
             or v.external_task_id is null and not exists (
                 select from public.videos o where o.provider = v.provider and o.external_task_id = %(task_id)s))
    returning v.uuid
),
job as (
    update clipferry.jobs j set late_success_at = now() from video where j.video_uuid = video.uuid
),
event as (
    insert into clipferry.video_events (video_uuid, kind, detail)
    select uuid, 'late_success', jsonb_build_object('task', %(task_id)s::text) from video
)
select uuid from video
"""

_REFRESH_SOURCE: Final = """
with video as (
    update public.videos v set original_video_url = %(source_url)s, updated_at = timezone('utc', now())
    from clipferry.jobs j
    where v.uuid = %(uuid)s and v.status = 'UPLOADING' and j.video_uuid = v.uuid and j.lease_fence = %(fence)s
    returning v.uuid
),
job as (
    update clipferry.jobs j set source_refreshed = true from video where j.video_uuid = video.uuid
),
event as (
    insert into clipferry.video_events (video_uuid, kind) select uuid, 'source_refreshed' from video
)
select uuid from video
"""

_DELETE_OWN: Final = """
with video as (
    update public.videos set is_deleted = true, updated_at = timezone('utc', now())
    where uuid = %(uuid)s and user_id = current_setting('clipferry.user_id', true) and not is_deleted
    returning uuid
),
deletion as (
    insert into clipferry.deletions (video_uuid) select uuid from video
    on conflict (video_uuid) do update set deleted_at = now(), files_removed_at = null
),
event as (
    insert into clipferry.video_events (video_uuid, kind) select uuid, 'deleted' from video
)
select uuid from video
"""


def get(tx: Transaction, uuid: str) -> Rows[Video]:
    """Returns the video, whoever owns it."""
    return tx.query(_GET, {"uuid": uuid}, Video)


def get_own(tx: Transaction, uuid: str) -> Rows[Video]:
    """Returns the video if it is the caller's and not deleted."""
    return tx.query(_GET_OWN, {"uuid": uuid}, Video)


def list_own(
    tx: Transaction, *, before_at: datetime, before_id: int, status: VideoStatus | None, limit: int
) -> Rows[Video]:
    """Returns the caller's videos older than a position, newest first. `before_at` is naive UTC, as the column is."""
    parameters = {"before_at": before_at, "before_id": before_id, "limit": limit, "status": status}
    return tx.query(_LIST_OWN, parameters, Video)


def assign_task(
    tx: Transaction, *, uuid: str, task_id: str, deadline_seconds: int, next_check_seconds: float
) -> Rows[dict[str, Any]]:
    """PENDING → GENERATING with a task that a callback named and the provider knows."""
    parameters = {
        "uuid": uuid,
        "task_id": task_id,
        "deadline_seconds": deadline_seconds,
        "next_check_seconds": next_check_seconds,
    }
    return tx.query_dicts(_ASSIGN_TASK, parameters)


def start_upload(
    tx: Transaction,
    *,
    uuid: str,
    task_id: str,
    source_url: str,
    deadline_seconds: int,
    next_check_seconds: float,
) -> Rows[dict[str, Any]]:
    """PENDING or GENERATING → UPLOADING: the provider says that the file is at `source_url`."""
    parameters = {
        "uuid": uuid,
        "task_id": task_id,
        "source_url": source_url,
        "deadline_seconds": deadline_seconds,
        "next_check_seconds": next_check_seconds,
    }
    return tx.query_dicts(_START_UPLOAD, parameters)


def note_late_success(tx: Transaction, *, uuid: str, task_id: str, source_url: str) -> Rows[dict[str, Any]]:
    """Stores source and task of a FAILED video whose task succeeded after all, so that `retry` can use them."""
    return tx.query_dicts(_NOTE_LATE_SUCCESS, {"uuid": uuid, "task_id": task_id, "source_url": source_url})


def refresh_source(tx: Transaction, *, uuid: str, source_url: str, fence: int) -> Rows[dict[str, Any]]:
    """Stores the provider's fresh URL of the same file, asked for once after the first one was gone."""
    return tx.query_dicts(_REFRESH_SOURCE, {"uuid": uuid, "source_url": source_url, "fence": fence})


def delete_own(tx: Transaction, uuid: str) -> Rows[dict[str, Any]]:
    """Hides the caller's video; no row if it isn't there. A job still running goes on and settles."""
    return tx.query_dicts(_DELETE_OWN, {"uuid": uuid})
