"""Forgets what has had its time, and removes the files of videos that were deleted seven days ago."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

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
    removed = 0
    for video in _due(database):
        if seconds_left() < SECONDS_FOR_ONE:
            break
        _remove(video, database, storage)
        removed += 1
    logger.info("forgotten", files_of_videos=removed)
    return removed


def _due(database: Database) -> Iterator[dict[str, Any]]:
    """Batch by batch: whoever takes one has removed those before it."""
    while True:
        with database.transaction() as tx:
            found = retention.due_deletions(tx, limit=BATCH)
        due = found.all()
        yield from due
        if len(due) < BATCH:
            return


def _remove(video: dict[str, Any], database: Database, storage: Storage) -> None:
    """Under our keys, and where the row says: the original application named its files otherwise."""
    uuid = video["video_uuid"]
    named = [storage.key_of(url) for url in (video["video_url"], video["thumbnail_url"]) if url]
    ours = [f"videos/{uuid}.mp4", f"videos/{uuid}.jpg"]
    for key in dict.fromkeys(ours + [key for key in named if key is not None and key.startswith("videos/")]):
        storage.delete(key)
    with database.transaction() as tx:
        retention.note_removed(tx, uuid)
