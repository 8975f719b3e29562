"""Aborts uploads that nobody will continue: a function died, and its video has ended some other way since."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from clipferry.db import mirror_progress
from clipferry.db.connection import Database
from clipferry.errors import StorageError
from clipferry.observability import count, logger
from clipferry.s3.multipart import UnfinishedUpload
from clipferry.storage import Storage

ABANDONED_AFTER: Final = timedelta(days=1)
"""Four times the upload's deadline."""
BATCH: Final = 100
SECONDS_FOR_ONE: Final = 20.0
_KEY: Final = re.compile(r"videos/([A-Za-z0-9_-]{1,64})\.mp4")


def abort_uploads(*, database: Database, storage: Storage, now: datetime, seconds_left: Callable[[], float]) -> int:
    """Returns how many it has aborted; what time or the bucket doesn't allow today is done tomorrow.

    A video that is still open keeps its uploads: its next worker may go on with one.
    """
    aborted = 0
    try:
        old = [upload for upload in storage.unfinished_uploads("videos/") if _is_old(upload, now)]
        for start in range(0, len(old), BATCH):
            for upload in _abandoned(old[start : start + BATCH], database):
                if seconds_left() < SECONDS_FOR_ONE:
                    return aborted
                storage.abort_upload(upload.key, upload.upload_id)
                aborted += 1
    except StorageError as error:
        logger.warning("uploads not aborted", detail=str(error))
    finally:
        logger.info("uploads aborted", uploads=aborted)
        count("UploadsAborted", aborted)
    return aborted


def _is_old(upload: UnfinishedUpload, now: datetime) -> bool:
    return _KEY.fullmatch(upload.key) is not None and upload.begun < now - ABANDONED_AFTER


def _abandoned(uploads: Sequence[UnfinishedUpload], database: Database) -> list[UnfinishedUpload]:
    uuids = {upload: _KEY.sub(r"\1", upload.key) for upload in uploads}
    kept = {row["video_uuid"] for row in database.run(mirror_progress.still_open, list(uuids.values())).all()}
    return [upload for upload, uuid in uuids.items() if uuid not in kept]
