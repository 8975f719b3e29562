"""Forgets what has had its time, and removes the files of videos that were deleted seven days ago."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from clipferry.db import retention
from clipferry.db.connection import Database
from clipferry.observability import logger
from clipferry.storage import Storage

BATCH: Final = 100
SECONDS_FOR_ONE: Final = 20.0


def forget_old(*, database: Database, storage: Storage, seconds_left: Callable[[], float]) -> int:
    """Returns how many videos' files were removed; what time doesn't allow today is done tomorrow."""
    with database.transaction() as tx:
        retention.forget_old(tx)
    with database.transaction() as tx:
        due = retention.due_deletions(tx, limit=BATCH)
    removed = 0
    for row in due.all():
        if seconds_left() < SECONDS_FOR_ONE:
            break
        _remove(row["video_uuid"], database, storage)
        removed += 1
    logger.info("forgotten", files_of_videos=removed)
    return removed


def _remove(uuid: str, database: Database, storage: Storage) -> None:
    for key in (f"videos/{uuid}.mp4", f"videos/{uuid}.jpg"):
        storage.delete(key)
    with database.transaction() as tx:
        retention.note_removed(tx, uuid)
