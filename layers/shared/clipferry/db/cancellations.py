"""Notes that a provider is told to stop a task: before it is told, because its callback may come before its answer."""

from __future__ import annotations

from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

# One caller at a time tells the provider; the next may when that one has had the time to.
_CLAIM: Final = """
with claimed as (
    select j.video_uuid, j.cancel_asked_at is null as is_first
    from clipferry.jobs j join public.videos v on v.uuid = j.video_uuid
    where j.video_uuid = %(uuid)s and v.user_id = current_setting('clipferry.user_id', true) and not v.is_deleted
        and v.status = 'GENERATING' and v.external_task_id is not null
        and (j.cancel_asked_at is null or j.cancel_asked_at <= now() - make_interval(secs => %(again_seconds)s))
    for update of j
),
job as (
    update clipferry.jobs j set cancel_asked_at = now() from claimed where j.video_uuid = claimed.video_uuid
),
event as (
    insert into clipferry.video_events (video_uuid, kind) select video_uuid, 'cancel_asked' from claimed
)
select is_first from claimed
"""

_WITHDRAW: Final = """
with job as (
    update clipferry.jobs set cancel_asked_at = null where video_uuid = %(uuid)s and cancel_asked_at is not null
    returning video_uuid
)
insert into clipferry.video_events (video_uuid, kind) select video_uuid, 'cancel_refused' from job
"""


def claim(tx: Transaction, *, uuid: str, again_seconds: float) -> Rows[dict[str, Any]]:
    """Returns a row to the one caller who should tell the provider now, for the caller's own GENERATING video.

    Its `is_first` is False when the provider was told before.
    """
    return tx.query_dicts(_CLAIM, {"uuid": uuid, "again_seconds": again_seconds})


def withdraw(tx: Transaction, uuid: str) -> None:
    """Forgets the cancel: the provider doesn't stop the task."""
    tx.execute(_WITHDRAW, {"uuid": uuid})
