"""Erases what a user wrote and sent, at an operator's command. What the ledger needs stays: ids, amounts, dates."""

from __future__ import annotations

from dataclasses import dataclass

from clipferry.db import erasure
from clipferry.db.connection import Database
from clipferry.errors import ConflictError, NotFoundError
from clipferry.files import upload_keys
from clipferry.observability import logger
from clipferry.storage import Storage
from clipferry.usecases.apply_retention import film_keys


class VideosNotEndedError(ConflictError):
    """This user has videos in the making."""

    code = "VIDEOS_NOT_ENDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedUser:
    """How much was removed: files of videos and uploads from the bucket, all else from the database.

    `videos` counts the user's videos, whose rows stay without their contents. A second time everything but that is 0.
    """

    user_id: str
    videos: int
    files_of_videos: int
    uploads: int
    callbacks: int
    events: int
    keys: int


def erase_user(user_id: str, *, database: Database, storage: Storage) -> ErasedUser:
    """Erases the rows first, then the files; after a StorageError, doing it again continues.

    Raises NotFoundError for an unknown user, and VideosNotEndedError while a video is in the making.
    """
    with database.transaction() as tx:
        user, erased = erasure.erase(tx, user_id)
    if user.first() is None:
        raise NotFoundError(f"no user {user_id}")
    [counts] = erased.all()
    if live := counts.pop("live"):
        raise VideosNotEndedError(f"{live} of {user_id}'s haven't ended")
    with_files = _remove_films(user_id, database, storage)
    uploads = _remove_uploads(user_id, storage)
    logger.info("user erased", videos=counts["videos"], uploads=uploads)
    return ErasedUser(user_id=user_id, files_of_videos=with_files, uploads=uploads, **counts)


def _remove_films(user_id: str, database: Database, storage: Storage) -> int:
    videos = database.run(erasure.with_files, user_id).all()
    storage.delete_all([key for video in videos for key in film_keys(video, storage)])
    with database.transaction() as tx:
        erasure.note_removed(tx, [video["video_uuid"] for video in videos])
    return len(videos)


def _remove_uploads(user_id: str, storage: Storage) -> int:
    """Removes all that is in the user's folder, whatever its name."""
    removed = 0
    for page in storage.list_pages(upload_keys.folder(user_id)):
        storage.delete_all([found.key for found in page])
        removed += len(page)
    return removed
