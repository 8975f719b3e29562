"""The product's operations, through its own functions, for a user of the data set."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, Final, TypeVar

from benchmarks import dataset
from benchmarks.unasked_provider import create_unasked
from clipferry import catalog
from clipferry.catalog import VideoOptions
from clipferry.db import finish_video, jobs, leases, videos
from clipferry.db.connection import Database
from clipferry.db.ledger import Balance
from clipferry.models import Credential, MediaInfo, MirroredFile, Order, Submission, Video, VideoStatus
from clipferry.polling import Polling
from clipferry.usecases import move_credits, query_videos, read_credits
from clipferry.usecases.advance_video import AdvanceContext
from clipferry.usecases.create_video import VideoRequest
from clipferry.usecases.query_videos import Page, PageAfter
from clipferry.usecases.reconcile import BATCH
from clipferry.usecases.submit_video import submit_video
from clipferry.usecases.verify_credits import verify_credits
from clipferry.verdicts import FailureCode

Row = TypeVar("Row")

PAGE: Final = 20
PROVIDER: Final = "evolink"
PRICE: Final = 20
"""More credits than the first package has left, so that each hold takes from two."""
POLLING: Final = Polling(
    submit_deadline_seconds=3900,
    generation_deadline_seconds=3600,
    upload_deadline_seconds=3600,
    reconcile_interval_seconds=60,
    status_refresh_seconds=3600,
)

_DUE_AGAIN: Final = """
update clipferry.jobs set next_check_at = now() - interval '5 seconds' where video_uuid = any(%(uuids)s)
"""


class NothingDoneError(Exception):
    """An operation was refused, so that its time would mean nothing."""


class Product:
    """Runs operations on a database; each method is one operation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, user: int) -> Order:
        """Creates a video and its hold, and returns the orders that would be sent to a provider."""
        return create_unasked(
            _request(),
            provider=PROVIDER,
            credential=_credential(user),
            idempotency_key=f"key-{next(_numbers)}",
            database=self._database,
            max_concurrent=3,
            polling=POLLING,
        )

    def record(self, order: Order) -> str:
        """Records a provider's answer to a submit; returns the task id."""
        providers: dict[str, Any] = {PROVIDER: _AcceptingProvider()}
        submitted = submit_video(
            [order], database=self._database, providers=providers, sign_callback=lambda *_: "", polling=POLLING
        )
        return _present(submitted.task_id)

    def start_upload(self, uuid: str, task_id: str) -> None:
        with self._database.transaction() as tx:
            videos.start_upload(
                tx,
                uuid=uuid,
                task_id=task_id,
                source_url="https://files.example.com/result.mp4",
                deadline_seconds=POLLING.upload_deadline_seconds,
                next_check_seconds=POLLING.check_seconds,
            )

    def lease(self, uuid: str) -> int:
        """Takes the lease for mirroring; returns its fencing number."""
        leased = self._database.run(leases.lease, uuid=uuid, worker="worker", seconds=300)
        return _present(leased.first()).fence

    def settle(self, uuid: str, fence: int) -> None:
        with self._database.transaction() as tx:
            completed = finish_video.complete(
                tx,
                video_uuid=uuid,
                fence=fence,
                file=_file(uuid),
                thumbnail_url=None,
                resolution="720p",
                aspect_ratio="16:9",
            )
        _present(completed.first())

    def fail(self, uuid: str) -> None:
        states = (VideoStatus.PENDING, VideoStatus.GENERATING, VideoStatus.UPLOADING)
        with self._database.transaction() as tx:
            failed = finish_video.fail(
                tx, video_uuid=uuid, code=FailureCode.PROVIDER_FAILED, detail="measured", from_states=states
            )
        _present(failed.first())

    def list_page(self, user: int, *, cursor: str | None = None, status: VideoStatus | None = None) -> Page:
        return query_videos.list_videos(
            credential=_credential(user), database=self._database, limit=PAGE, cursor=cursor, status=status
        )

    def list_after(self, user: int, after: str | None, *, oldest_first: bool = False) -> PageAfter:
        return query_videos.list_after(
            credential=_credential(user), database=self._database, after=after, oldest_first=oldest_first, limit=PAGE
        )

    def status(self, user: int, uuid: str) -> Video:
        """Reads the status of a video that was checked a moment ago, so that no provider is asked."""
        queue: Any = None
        context = AdvanceContext(providers={}, queue=queue, polling=POLLING)
        return query_videos.get_status(uuid, credential=_credential(user), database=self._database, context=context)

    def detail(self, user: int, uuid: str) -> Video:
        return query_videos.get_video(uuid, credential=_credential(user), database=self._database)

    def balance(self, user: int) -> Balance:
        return read_credits.get_balance(credential=_credential(user), database=self._database)

    def history(self, user: int, *, trans_type: str | None = None) -> None:
        read_credits.get_history(
            credential=_credential(user), database=self._database, limit=PAGE, offset=0, trans_type=trans_type
        )

    def recharge(self, user: int) -> None:
        move_credits.grant(
            user_id=dataset.user_id(user),
            amount=100,
            order_no=f"recharge-{next(_numbers)}",
            database=self._database,
            trans_type="ORDER_PAY",
            expires_in_days=365,
        )

    def take_back(self, user: int) -> None:
        move_credits.take_back(
            user_id=dataset.user_id(user), amount=100, order_no=f"refund-{next(_numbers)}", database=self._database
        )

    def create_missing_jobs(self) -> None:
        """Reconcile's statement for videos of the original application that have no job yet."""
        with self._database.transaction() as tx:
            jobs.create_missing_jobs(tx, deadline_seconds=POLLING.submit_deadline_seconds)

    def claim_due(self) -> list[str]:
        """Reconcile's statement that claims the videos that are due."""
        claimed = self._database.run(jobs.claim_due, limit=BATCH, interval_seconds=POLLING.check_seconds)
        return [due.uuid for due in claimed.all()]

    def make_due_again(self, uuids: list[str]) -> None:
        with self._database.transaction() as tx:
            tx.execute(_DUE_AGAIN, {"uuids": uuids})

    def verify(self) -> int:
        """Returns the number of breaches."""
        return len(verify_credits(database=self._database))


_numbers = itertools.count(1)


class _AcceptingProvider:
    """A provider that accepts every order at once."""

    def submit(self, order: Order, **_: object) -> Submission:
        return Submission(task_id=f"task-of-{order.video_uuid}", estimated_seconds=90)


def _credential(user: int) -> Credential:
    return Credential(session_token=dataset.session_token(user))


def _request() -> VideoRequest:
    model = catalog.load().get("seedance-1.5-pro")
    options = VideoOptions(prompt="A paper boat on a mountain stream at dawn", aspect_ratio="16:9", quality="720p")
    return VideoRequest(
        resolved=replace(model.resolve(options), credits=PRICE),
        parameters={"duration": 5, "quality": "720p", "aspectRatio": "16:9", "mode": "text-to-video"},
    )


def _file(uuid: str) -> MirroredFile:
    return MirroredFile(
        key=f"videos/{uuid}.mp4",
        url=f"https://media.example.com/videos/{uuid}.mp4",
        size=8_000_000,
        sha256="0" * 64,
        media=MediaInfo(duration_ms=5042, width=1280, height=720, codec="h264", has_audio=False, frame_rate=24.0),
    )


def _present(row: Row | None) -> Row:
    if row is None:
        raise NothingDoneError
    return row
