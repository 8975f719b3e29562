"""Aborts the upload that a mirror's next delivery would have continued, because there is none."""

from __future__ import annotations

from clipferry.db.leases import Lease
from clipferry.errors import StorageError
from clipferry.observability import logger
from clipferry.storage import Storage
from clipferry.usecases.mirror_job import MirrorJob, film_key


def abort_kept_upload(job: MirrorJob, lease: Lease, storage: Storage) -> None:
    """Aborts what is kept of the film; raises LeaseLostError, and touches nothing, unless the lease is this worker's.

    A bucket that refuses keeps the upload until the daily `abort_uploads`.
    """
    kept = job.read_progress()
    if kept is None:
        return
    key = film_key(job.uuid)
    job.save_progress(lease, key, None)
    try:
        storage.abort_upload(key, kept.upload_id)
    except StorageError as error:
        logger.warning("upload not aborted", video_uuid=job.uuid, detail=str(error))
