"""Deletes rows that are old enough, files, prompts and uploads of videos that were deleted seven days ago, and what was
mirrored and then found to be no film, a day after its video has failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from clipferry.db import retention, uploads
from clipferry.db.connection import Database
from clipferry.errors import StorageError
from clipferry.files import upload_keys
from clipferry.observability import logger
from clipferry.storage import Storage

Row = dict[str, Any]
BATCH: Final = 100
SECONDS_FOR_ONE: Final = 20.0


def apply_retention(*, database: Database, storage: Storage, seconds_left: Callable[[], float]) -> int:
    """Returns how many videos' files were removed. Raises StorageError as `_remove_each` does."""
    with database.transaction() as tx:
        retention.apply_retention(tx)

    def remove(video: Row) -> None:
        """Deletes the film, the thumbnail and the uploads, then what the row says of them."""
        storage.delete_all([*film_keys(video, storage), *_upload_keys(video, database)])
        with database.transaction() as tx:
            retention.note_removed(tx, video["video_uuid"])

    removed = _remove_each(_deletions(database), remove, seconds_left)
    logger.info("retention applied", files_of_videos=removed)
    return removed


def remove_rejected(*, database: Database, storage: Storage, seconds_left: Callable[[], float]) -> int:
    """Returns how many files that are no films were removed. Raises StorageError as `_remove_each` does."""

    def remove(rejected: Row) -> None:
        storage.delete(rejected["key"])
        with database.transaction() as tx:
            retention.delete_rejection(tx, rejected["video_uuid"])

    return _remove_each(_rejections(database), remove, seconds_left)


def _remove_each(due: Iterator[Row], remove: Callable[[Row], None], seconds_left: Callable[[], float]) -> int:
    """Returns how many were removed; what time doesn't allow today is done tomorrow.

    Raises StorageError in the end, when the bucket refused to remove some; all others have been removed.
    """
    removed = refused = 0
    while seconds_left() >= SECONDS_FOR_ONE and (row := next(due, None)):
        try:
            remove(row)
            removed += 1
        except StorageError:
            logger.exception("files not removed", video_uuid=row["video_uuid"])
            refused += 1
    if refused:
        raise StorageError(f"the files of {refused} videos are still there")
    return removed


def _deletions(database: Database) -> Iterator[Row]:
    """Yields the videos, batch by batch, each behind the one before: what could not be removed isn't in the way."""
    last: tuple[datetime | None, str] = (None, "")
    while True:
        due = database.run(retention.due_deletions, limit=BATCH, after=last).all()
        yield from due
        if len(due) < BATCH:
            return
        last = due[-1]["deleted_at"], due[-1]["video_uuid"]


def _rejections(database: Database) -> Iterator[Row]:
    """Yields them one by one, each read just before it is deleted: one that is retried meanwhile keeps its new file."""
    last = ""
    while file := database.run(retention.due_rejections, limit=1, after=last).first():
        yield file
        last = file["video_uuid"]


def film_keys(video: Mapping[str, Any], storage: Storage) -> list[str]:
    """Returns our keys, and those that the row says: the original application named its files otherwise."""
    uuid = video["video_uuid"]
    named = [storage.key_of(url) for url in (video["video_url"], video["thumbnail_url"]) if url]
    ours = [f"videos/{uuid}.mp4", f"videos/{uuid}.jpg"]
    return list(dict.fromkeys(ours + [key for key in named if key is not None and key.startswith("videos/")]))


def _upload_keys(video: Mapping[str, Any], database: Database) -> list[str]:
    """Returns the pictures, videos and sounds in the owner's own folder that no other video was made from.

    Read just before they are deleted: the other video that was made from the same picture may be due today, too. A file
    in somebody else's folder isn't the owner's to delete.
    """
    if video["user_id"] is None:
        return []
    found = database.run(uploads.of_video_only, video["video_uuid"]).all()
    own = upload_keys.folder(video["user_id"])
    return [row["key"] for row in found if row["key"].startswith(own)]
