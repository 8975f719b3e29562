"""Deletes a video for its owner at once. A job that still runs goes on and is paid for; the files go in seven days."""

from __future__ import annotations

from clipferry.db import sign_in, videos
from clipferry.db.connection import Database
from clipferry.errors import VideoNotFoundError
from clipferry.models import Credential
from clipferry.observability import logger, set_log_context


def delete_video(uuid: str, *, credential: Credential, database: Database) -> None:
    """Raises VideoNotFoundError for another's, an unknown and a deleted one alike."""
    set_log_context(uuid)
    with database.transaction() as tx:
        caller = sign_in.authenticate(tx, credential)
        deleted = videos.delete_own(tx, uuid)
    sign_in.signed_in(caller)
    if deleted.first() is None:
        raise VideoNotFoundError(uuid)
    logger.info("video deleted", video_uuid=uuid)
