"""Unfinished uploads to the bucket, so that the next worker can go on. Only the lease's holder may write."""

from __future__ import annotations

import json
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

_SAVE: Final = """
with holder as (
    select video_uuid from clipferry.jobs
    where video_uuid = %(uuid)s and lease_fence = %(fence)s and lease_until > now() and deadline is not null
    for update
)
insert into clipferry.mirrored_files (video_uuid, key, size, upload_id, part_size, parts, source_etag)
select video_uuid, %(key)s, %(size)s, %(upload_id)s, %(part_size)s, %(parts)s::jsonb, %(source_etag)s from holder
on conflict (video_uuid) do update
set key = excluded.key, size = excluded.size, sha256 = null, upload_id = excluded.upload_id,
    part_size = excluded.part_size, parts = excluded.parts, source_etag = excluded.source_etag, updated_at = now()
returning video_uuid
"""

_CLEAR: Final = """
with holder as (
    select video_uuid from clipferry.jobs
    where video_uuid = %(uuid)s and lease_fence = %(fence)s and lease_until > now() and deadline is not null
    for update
),
cleared as (
    update clipferry.mirrored_files f set upload_id = null, parts = null, updated_at = now()
    from holder where f.video_uuid = holder.video_uuid
)
select video_uuid from holder
"""

_FIND: Final = """
select upload_id, part_size, size, source_etag, parts from clipferry.mirrored_files
where video_uuid = %(uuid)s and upload_id is not null and part_size is not null and size is not null
"""

_IS_COMPLETED: Final = """
select f.video_uuid
from clipferry.mirrored_files f
join clipferry.jobs j on j.video_uuid = f.video_uuid join public.videos v on v.uuid = f.video_uuid
where f.video_uuid = %(uuid)s and f.sha256 = %(sha256)s and j.lease_fence = %(fence)s and v.status = 'COMPLETED'
"""

_STILL_OPEN: Final = """
select video_uuid from clipferry.jobs where video_uuid = any(%(uuids)s) and next_check_at is not null
"""


def save(
    tx: Transaction,
    *,
    uuid: str,
    fence: int,
    key: str,
    upload_id: str,
    part_size: int,
    size: int,
    source_etag: str | None,
    parts: dict[int, str],
) -> Rows[dict[str, Any]]:
    """Saves what the next worker needs to go on; no row when the lease is somebody else's by now, or has run out."""
    parameters = {
        "uuid": uuid,
        "fence": fence,
        "key": key,
        "upload_id": upload_id,
        "part_size": part_size,
        "size": size,
        "source_etag": source_etag,
        "parts": json.dumps(parts),
    }
    return tx.query_dicts(_SAVE, parameters)


def note_rejected(tx: Transaction, *, uuid: str, fence: int, key: str, size: int) -> Rows[dict[str, Any]]:
    """Keeps that what is stored at `key` is no film, and can't be continued; no row as in `save`."""
    parameters = {"upload_id": None, "part_size": None, "parts": None, "source_etag": None}
    return tx.query_dicts(_SAVE, {**parameters, "uuid": uuid, "fence": fence, "key": key, "size": size})


def clear(tx: Transaction, *, uuid: str, fence: int) -> Rows[dict[str, Any]]:
    """Deletes what `save` has saved; no row in the same cases."""
    return tx.query_dicts(_CLEAR, {"uuid": uuid, "fence": fence})


def find(tx: Transaction, uuid: str) -> Rows[dict[str, Any]]:
    """Returns what `save` has saved: upload_id, part_size, size, source_etag, parts (ETags by part number, in JSON)."""
    return tx.query_dicts(_FIND, {"uuid": uuid})


def is_completed(tx: Transaction, *, uuid: str, fence: int, sha256: str) -> Rows[dict[str, Any]]:
    """A row when the lease's holder has completed the video with this file."""
    return tx.query_dicts(_IS_COMPLETED, {"uuid": uuid, "fence": fence, "sha256": sha256})


def still_open(tx: Transaction, uuids: list[str]) -> Rows[dict[str, Any]]:
    """Returns which of `uuids` (`video_uuid`) have a video that hasn't ended."""
    return tx.query_dicts(_STILL_OPEN, {"uuids": uuids})
