"""Rows that are old enough to be deleted, and deleted videos whose files are to be removed from the bucket."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

KEPT_DAYS: Final = 90
"""How long callbacks and events of videos are kept: later nobody asks about them."""
REMOVE_AFTER_DAYS: Final = 7
"""The time from a deletion to the removal of the files: until then an operator can undo it."""

_DELETE_OLD: Final = (
    "delete from clipferry.callback_inbox where received_at < now() - make_interval(days => %(days)s)",
    "delete from clipferry.video_events where at < now() - make_interval(days => %(days)s)",
    "delete from clipferry.idempotency_keys where created_at < now() - interval '25 hours'",
    "delete from clipferry.rate_windows where minute < now() - interval '1 hour'",
)

_DUE_DELETIONS: Final = """
select d.video_uuid, d.deleted_at, v.video_url, v.thumbnail_url from clipferry.deletions d
left join public.videos v on v.uuid = d.video_uuid
where d.files_removed_at is null and d.deleted_at < now() - make_interval(days => %(days)s)
    and coalesce(v.is_deleted and v.status in ('COMPLETED', 'FAILED'), true)
    and (d.deleted_at, d.video_uuid) > (%(after_at)s::timestamptz, %(after_uuid)s)
order by d.deleted_at, d.video_uuid limit %(limit)s
"""

_NOTE_REMOVED: Final = "update clipferry.deletions set files_removed_at = now() where video_uuid = %(uuid)s"


def apply_retention(tx: Transaction) -> None:
    """Deletes old callbacks, events, idempotency keys and rate windows."""
    for statement in _DELETE_OLD:
        tx.execute(statement, {"days": KEPT_DAYS})


def due_deletions(
    tx: Transaction, *, limit: int, after: tuple[datetime | None, str] = (None, "")
) -> Rows[dict[str, Any]]:
    """Returns deleted videos whose files are to go now, the oldest first.

    Rows have `video_uuid`, `deleted_at`, `video_url`, `thumbnail_url`. Only videos that have ended are among them, and
    only those behind the `deleted_at` and `video_uuid` of `after`.
    """
    after_at, after_uuid = after
    parameters = {
        "days": REMOVE_AFTER_DAYS,
        "limit": limit,
        "after_at": after_at or "-infinity",
        "after_uuid": after_uuid,
    }
    return tx.query_dicts(_DUE_DELETIONS, parameters)


def note_removed(tx: Transaction, uuid: str) -> None:
    tx.execute(_NOTE_REMOVED, {"uuid": uuid})
