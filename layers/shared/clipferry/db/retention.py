"""Rows that are old enough to be deleted, and deleted videos whose files are to be removed from the bucket."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction
from clipferry.verdicts import FailureCode

KEPT_DAYS: Final = 90
"""How long callbacks and events of videos are kept: later nobody asks about them."""
WEBHOOKS_KEPT_DAYS: Final = 30
"""How long an event can be sent again; a video that is retried later than that tells only the owner."""
KEEP_REJECTED_DAYS: Final = 1
"""How long a file that was no film stays in the bucket, for whoever looks into it."""
REMOVE_AFTER_DAYS: Final = 7
"""The time from a deletion to the removal of the files: until then an operator can undo it."""

_DELETE_OLD: Final = (
    "delete from clipferry.callback_inbox where received_at < now() - make_interval(days => %(days)s)",
    "delete from clipferry.video_events where at < now() - make_interval(days => %(days)s)",
    "delete from clipferry.idempotency_keys where created_at < now() - interval '25 hours'",
    "delete from clipferry.rate_windows where minute < now() - interval '1 hour'",
    "delete from clipferry.webhook_events where created_at < now() - make_interval(days => %(webhook_days)s)",
    """
    delete from clipferry.webhook_endpoints e
    where e.user_id is not null
        and not exists (select from clipferry.webhook_deliveries d where d.endpoint_id = e.id)
        and not exists (
            select from clipferry.jobs j where j.webhook_endpoint_id = e.id and j.next_check_at is not null)
    """,
)

_DUE_DELETIONS: Final = """
select d.video_uuid, d.deleted_at, v.user_id, v.video_url, v.thumbnail_url
from clipferry.deletions d
left join public.videos v on v.uuid = d.video_uuid
where d.files_removed_at is null and d.deleted_at < now() - make_interval(days => %(days)s)
    and coalesce(v.is_deleted and v.status in ('COMPLETED', 'FAILED'), true)
    and (d.deleted_at, d.video_uuid) > (%(after_at)s::timestamptz, %(after_uuid)s)
order by d.deleted_at, d.video_uuid limit %(limit)s
"""

# A row with a key, without a sha256 and without an upload to go on with: `mirror_progress.note_rejected`.
_DUE_REJECTIONS: Final = """
select f.video_uuid, f.key from clipferry.mirrored_files f
join public.videos v on v.uuid = f.video_uuid and v.status = 'FAILED'
join clipferry.jobs j on j.video_uuid = f.video_uuid and j.failure_code = %(code)s
where f.sha256 is null and f.upload_id is null and f.key is not null
    and f.updated_at < now() - make_interval(days => %(days)s) and f.video_uuid > %(after)s
order by f.video_uuid limit %(limit)s
"""

_DELETE_REJECTION: Final = """
delete from clipferry.mirrored_files f using public.videos v
where f.video_uuid = %(uuid)s and v.uuid = f.video_uuid and v.status = 'FAILED' and f.sha256 is null
returning f.video_uuid
"""

# The row stays, for the ledger names it; what the user wrote goes, and the addresses of what the user sent.
_NOTE_REMOVED: Final = """
with video as (
    update public.videos
    set prompt = '', start_image_url = null, original_video_url = null,
        parameters = parameters - '{imageUrls,videoUrls,audioUrls,negativePrompt}'::text[]
    where uuid = %(uuid)s and is_deleted
    returning id, user_id
),
job as (
    update clipferry.jobs set metadata = null where video_uuid = %(uuid)s and metadata is not null
),
pair as (
    delete from clipferry.metadata_pairs m using video where m.user_id = video.user_id and m.video_id = video.id
),
callback as (
    delete from clipferry.callback_inbox where video_uuid = %(uuid)s
)
update clipferry.deletions set files_removed_at = now() where video_uuid = %(uuid)s
"""


def apply_retention(tx: Transaction) -> None:
    """Deletes old callbacks, events, idempotency keys and rate windows, webhooks, and endpoints without any."""
    for statement in _DELETE_OLD:
        tx.execute(statement, {"days": KEPT_DAYS, "webhook_days": WEBHOOKS_KEPT_DAYS})


def due_deletions(
    tx: Transaction, *, limit: int, after: tuple[datetime | None, str] = (None, "")
) -> Rows[dict[str, Any]]:
    """Returns deleted videos whose files are to go now, the oldest first.

    Rows have `video_uuid`, `deleted_at`, `user_id`, `video_url` and `thumbnail_url`. Only videos that have ended are
    among them, and only those behind the `deleted_at` and `video_uuid` of `after`.
    """
    after_at, after_uuid = after
    parameters = {
        "days": REMOVE_AFTER_DAYS,
        "limit": limit,
        "after_at": after_at or "-infinity",
        "after_uuid": after_uuid,
    }
    return tx.query_dicts(_DUE_DELETIONS, parameters)


def due_rejections(tx: Transaction, *, limit: int, after: str = "") -> Rows[dict[str, Any]]:
    """Returns videos that failed as NOT_A_VIDEO (`video_uuid`, `key`), behind `after`, whose bytes are to go now."""
    parameters = {
        "code": FailureCode.NOT_A_VIDEO.value,
        "days": KEEP_REJECTED_DAYS,
        "limit": limit,
        "after": after,
    }
    return tx.query_dicts(_DUE_REJECTIONS, parameters)


def delete_rejection(tx: Transaction, uuid: str) -> Rows[dict[str, Any]]:
    """Deletes what is known of a rejected file; no row when somebody has retried the video meanwhile."""
    return tx.query_dicts(_DELETE_REJECTION, {"uuid": uuid})


def note_removed(tx: Transaction, uuid: str) -> None:
    """Notes that a deleted video's files are gone; removes its prompt, its metadata, its sources and its callbacks."""
    tx.execute(_NOTE_REMOVED, {"uuid": uuid})
