"""Removes from the database what a user wrote and sent; videos and ledger keep their ids, amounts and dates."""

from __future__ import annotations

from typing import Any, Final

from clipferry.db import users
from clipferry.db.connection import Rows, Transaction

# A user with a live video keeps everything: its job needs the row, and its end would write about it again.
_ERASE: Final = """
with live as (
    select uuid from public.videos
    where user_id = current_setting('clipferry.user_id', true) and status in ('PENDING', 'GENERATING', 'UPLOADING')
),
person as (
    select id from public."user"
    where id = current_setting('clipferry.user_id', true) and not exists (select from live)
),
video as (
    update public.videos v
    set is_deleted = true, prompt = '', start_image_url = null, original_video_url = null, parameters = '{}',
        updated_at = timezone('utc', now())
    from person where v.user_id = person.id
    returning v.uuid
),
deletion as (
    insert into clipferry.deletions (video_uuid) select uuid from video on conflict (video_uuid) do nothing
),
job as (
    update clipferry.jobs j set metadata = null from video where j.video_uuid = video.uuid and j.metadata is not null
),
pair as (
    delete from clipferry.metadata_pairs m using person where m.user_id = person.id
),
callback as (
    delete from clipferry.callback_inbox c using video where c.video_uuid = video.uuid returning c.id
),
event as (
    delete from clipferry.video_events e using video where e.video_uuid = video.uuid returning e.id
),
told as (
    delete from clipferry.webhook_events w using person where w.user_id = person.id
),
endpoint as (
    delete from clipferry.webhook_endpoints e using person where e.user_id = person.id
),
request as (
    delete from clipferry.idempotency_keys k using person where k.user_id = person.id
),
rate as (
    delete from clipferry.rate_windows r using person where r.user_id in (person.id, 'upload:' || person.id)
),
key as (
    delete from clipferry.api_keys a using person where a.user_id = person.id returning a.id
)
select (select count(*) from live) as live, (select count(*) from video) as videos,
       (select count(*) from callback) as callbacks, (select count(*) from event) as events,
       (select count(*) from key) as keys
"""

_WITH_FILES: Final = """
select v.uuid as video_uuid, v.video_url, v.thumbnail_url
from public.videos v join clipferry.deletions d on d.video_uuid = v.uuid
where v.user_id = %(user_id)s and v.is_deleted and d.files_removed_at is null
order by v.id
"""

_NOTE_REMOVED: Final = """
with file as (
    delete from clipferry.mirrored_files where video_uuid = any(%(uuids)s)
)
update clipferry.deletions set files_removed_at = now()
where video_uuid = any(%(uuids)s) and files_removed_at is null
"""


def erase(tx: Transaction, user_id: str) -> tuple[Rows[dict[str, Any]], Rows[dict[str, Any]]]:
    """Locks the user, so that no video is ordered meanwhile, and removes everything, or nothing while a video is live.

    Returns the user's row, and how many videos are `live` and how much was removed: `videos`, `callbacks`, `events`,
    `keys`.
    """
    return users.lock(tx, user_id), tx.query_dicts(_ERASE, {})


def with_files(tx: Transaction, user_id: str) -> Rows[dict[str, Any]]:
    """Returns the user's deleted videos whose files may still be there: `video_uuid`, `video_url`, `thumbnail_url`."""
    return tx.query_dicts(_WITH_FILES, {"user_id": user_id})


def note_removed(tx: Transaction, uuids: list[str]) -> None:
    """Notes that these videos' files are gone, and forgets what was known of them."""
    tx.execute(_NOTE_REMOVED, {"uuids": uuids})
