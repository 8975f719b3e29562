"""Deletes from the bucket what was mirrored and then found to be no film, a day after its video has failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from clipferry.db import retention
from clipferry.db.connection import Database
from clipferry.errors import StorageError
from clipferry.observability import logger
from clipferry.storage import Storage

SECONDS_FOR_ONE: Final = 20.0


def remove_rejected(*, database: Database, storage: Storage, seconds_left: Callable[[], float]) -> int:
    """Returns how many files were removed; what time doesn't allow today is done tomorrow.

    Raises StorageError in the end, when the bucket refused to remove some; all others have been removed.
    """
    removed = refused = 0
    last = ""
    while seconds_left() >= SECONDS_FOR_ONE:
        # One by one, each read just before it is deleted: a video that is retried meanwhile keeps its new file.
        file = database.run(retention.due_rejections, limit=1, after=last).first()
        if file is None:
            break
        last = file["video_uuid"]
        if _remove(last, file["key"], database, storage):
            removed += 1
        else:
            refused += 1
    if refused:
        raise StorageError(f"{refused} files that are no films are still there")
    return removed


def _remove(uuid: str, key: str, database: Database, storage: Storage) -> bool:
    try:
        storage.delete(key)
    except StorageError:
        logger.exception("file not removed", video_uuid=uuid)
        return False
    with database.transaction() as tx:
        retention.delete_rejection(tx, uuid)
    return True
