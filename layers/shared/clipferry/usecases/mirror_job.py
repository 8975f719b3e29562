"""What a mirror reads and writes in the database, all of it under the lease, and its patience with the database.

A database that is away for a moment (it restarts, fails over, has no connection to give) must not cost a video the five
minutes of its lease: each transaction is done again for some seconds. Each is harmless when it is done twice, because a
connection may be lost after the commit and before its answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar
from uuid import uuid4

from clipferry.db import finish_video, leases, mirror_progress, videos
from clipferry.db.connection import Database, Rows, Transaction
from clipferry.db.leases import Lease, Standstill
from clipferry.db.retry import until_it_answers
from clipferry.errors import ClipferryError
from clipferry.media.geometry import aspect_ratio_name, resolution_name
from clipferry.models import MirroredFile, VideoStatus
from clipferry.s3.multipart import Progress
from clipferry.usecases.compare_with_order import differences
from clipferry.verdicts import FailureCode

LEASE_MARGIN_SECONDS: Final = 5.0
DATABASE_SECONDS: Final = 10.0
"""How long one transaction is tried; then the mirror is given up, and the next delivery goes on where it stood."""
LAST_SECONDS: Final = 2.0
"""Reserved at the end of the function's time, to end by itself."""

Result = TypeVar("Result")


class LeaseLostError(ClipferryError):
    """Another worker has taken over this video."""

    code = "LEASE_LOST"


class MirrorJob:
    """One video to be mirrored by one worker, which has `seconds_left`."""

    def __init__(self, uuid: str, *, database: Database, seconds_left: Callable[[], float]) -> None:
        self.uuid = uuid
        self.key = f"videos/{uuid}.mp4"
        """Where the film is stored in the bucket."""
        self._worker = uuid4().hex
        self._database = database
        self._seconds_left = seconds_left

    def take_lease(self) -> Lease | None:
        """Returns the lease, or None: another worker has it, or there is nothing to mirror.

        A database that isn't there has given none: that is raised at once. One that goes away meanwhile may have given
        it, and nobody else could give it back: then the worker waits for as long as it has time.
        """

        def take() -> Lease | None:
            seconds = self._seconds_left() + LEASE_MARGIN_SECONDS
            return self._database.run(leases.lease, uuid=self.uuid, worker=self._worker, seconds=seconds).first()

        self._database.connect()
        return self._when_database_answers(take)

    def find_standstill(self) -> Standstill:
        """Returns how long the file hasn't got any further before this delivery."""
        found = self._when_database_answers(lambda: self._database.run(leases.find_standstill, self.uuid).first())
        return found or Standstill(reached=0, deliveries=0, seconds=0.0)

    def release(
        self,
        lease: Lease,
        error: ClipferryError,
        *,
        again_seconds: float = 0,
        reached: int = 0,
        standstill: bool = False,
        source_url: str | None = None,
    ) -> None:
        """Makes the video due after `again_seconds`, as soon as the database answers. Raises when it doesn't in time.

        So does the other end of a lease, `fail`. `source_url` is the file's fresh address, if the provider gave one.
        `leases.release_lease` says what `reached` and `standstill` are.
        """

        def release() -> None:
            with self._database.transaction() as tx:
                if source_url is not None:
                    videos.refresh_source(tx, uuid=self.uuid, source_url=source_url, fence=lease.fence)
                leases.release_lease(
                    tx,
                    uuid=self.uuid,
                    fence=lease.fence,
                    again_seconds=again_seconds,
                    error=error,
                    reached=reached,
                    standstill=standstill,
                )

        self._when_database_answers(release)

    def fail(self, lease: Lease, detail: str, code: FailureCode) -> None:
        """Releases the hold, and fails the video; `detail` is for its events."""
        self._when_database_answers(
            lambda: self._database.run(
                finish_video.fail,
                video_uuid=self.uuid,
                code=code,
                detail=detail,
                from_states=(VideoStatus.UPLOADING,),
                fence=lease.fence,
            )
        )

    def read_progress(self) -> Progress | None:
        """Returns where an earlier worker stopped."""
        kept = self._patiently(lambda: self._database.run(mirror_progress.find, self.uuid).first())
        if kept is None:
            return None
        parts = {int(number): etag for number, etag in (kept.pop("parts") or {}).items()}
        return Progress(**kept, parts=parts)

    def save_progress(self, lease: Lease, progress: Progress | None) -> None:
        """Raises LeaseLostError, and saves nothing, unless the lease is still this worker's."""

        def save(tx: Transaction) -> Rows[dict[str, Any]]:
            if progress is None:
                return mirror_progress.clear(tx, uuid=self.uuid, fence=lease.fence)
            return mirror_progress.save(
                tx,
                uuid=self.uuid,
                fence=lease.fence,
                key=self.key,
                upload_id=progress.upload_id,
                part_size=progress.part_size,
                size=progress.size,
                source_etag=progress.source_etag,
                parts=dict(progress.parts),
            )

        self._write(lease, save)

    def note_rejected(self, lease: Lease, size: int) -> None:
        """Forgets the progress, or the next try would find the same bytes and not ask the source.

        Raises LeaseLostError.
        """

        def note(tx: Transaction) -> Rows[dict[str, Any]]:
            return mirror_progress.note_rejected(tx, uuid=self.uuid, fence=lease.fence, key=self.key, size=size)

        self._write(lease, note)

    def complete(self, lease: Lease, file: MirroredFile, thumbnail_url: str | None) -> bool:
        """Settles the hold and completes the video; False when the lease or the hold is gone."""
        resolution = resolution_name(file.media.width, file.media.height)
        aspect_ratio = aspect_ratio_name(file.media.width, file.media.height)

        def complete() -> bool:
            with self._database.transaction() as tx:
                completed = finish_video.complete(
                    tx,
                    video_uuid=self.uuid,
                    fence=lease.fence,
                    file=file,
                    thumbnail_url=thumbnail_url,
                    resolution=resolution,
                    aspect_ratio=aspect_ratio,
                    differences=differences(lease.ordered, file.media.duration, resolution, aspect_ratio),
                )
                is_done = mirror_progress.is_completed(tx, uuid=self.uuid, fence=lease.fence, sha256=file.sha256)
            return completed.first() is not None or is_done.first() is not None

        return self._patiently(complete)

    def _write(self, lease: Lease, statement: Callable[[Transaction], Rows[dict[str, Any]]]) -> None:
        if self._patiently(lambda: self._database.run(statement).first()) is None:
            raise LeaseLostError(f"{self.uuid}: fence {lease.fence} is not the newest, or the lease has expired")

    def _when_database_answers(self, transact: Callable[[], Result]) -> Result:
        """Returns what `transact` does, tried for as long as the worker has time: a lease hangs on it."""
        return until_it_answers(transact, seconds=self._time_left())

    def _patiently(self, transact: Callable[[], Result]) -> Result:
        return until_it_answers(transact, seconds=min(DATABASE_SECONDS, self._time_left()))

    def _time_left(self) -> float:
        return self._seconds_left() - LAST_SECONDS
