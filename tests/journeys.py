"""Videos brought from state to state by the statements that the use cases run."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from clipferry.catalog import Cost, Limits, Model, Offer, OfferMode, VideoOptions
from clipferry.db import create_video, finish_video, leases, retry_video, submissions, videos
from clipferry.db.connection import Database, Rows, Transaction
from clipferry.db.create_video import CreateResult, NewVideo
from clipferry.errors import QueueError
from clipferry.models import MediaInfo, MirroredFile, Mode, Video, VideoStatus
from clipferry.polling import Polling
from clipferry.providers.base import Provider
from clipferry.usecases.advance_video import AdvanceContext, advance_video
from clipferry.usecases.create_video import VideoRequest
from clipferry.verdicts import FailureCode, Verdict
from tests.books import credential, rows, value

TIMING = Polling(
    submit_deadline_seconds=3900,
    generation_deadline_seconds=3600,
    upload_deadline_seconds=21600,
    reconcile_interval_seconds=60,
    status_refresh_seconds=15,
)
LIMITS = Limits(durations=(5,))
MANY = 1_000_000
"""A limit of jobs that nobody reaches."""
LIVE = (VideoStatus.PENDING, VideoStatus.GENERATING, VideoStatus.UPLOADING)

_numbers = itertools.count(1)


class _QueueDown:
    def send(self, uuid: str) -> None:
        raise QueueError("away")


QUEUE_DOWN: Any = _QueueDown()
"""A queue that is away: what it should carry waits in the row for reconcile."""


def request(price: int = 10, *, prompt: str = "A ferry at dusk") -> VideoRequest:
    """A request for a model of one provider at `price` credits."""
    model = Model(
        id="ferry-1",
        name="Ferry",
        description="",
        modes={Mode.TEXT: LIMITS},
        cost=Cost(base=price, quality_multipliers={}),
        offers=(offer("evolink"),),
    )
    return VideoRequest(resolved=model.resolve(VideoOptions(prompt=prompt)), parameters={"duration": 5})


def offer(provider: str) -> Offer:
    """A provider's offer of that model, which needs no parameters."""
    return Offer(provider=provider, modes={Mode.TEXT: OfferMode(model="ferry-1", limits=LIMITS, input={})})


def new_video(price: int = 10, *, limit: int = MANY, key: str | None = None) -> NewVideo:
    return NewVideo(
        uuid=f"vid_{next(_numbers)}",
        prompt="A ferry at dusk",
        model="ferry-1",
        parameters={"duration": 5},
        provider="evolink",
        image_url=None,
        credits=price,
        max_concurrent=limit,
        deadline_seconds=TIMING.submit_deadline_seconds,
        idempotency_key=key,
        request_sha256=b"\0" * 32,
    )


def create(database: Database, video: NewVideo, *, user_id: str = "ann") -> CreateResult:
    with database.transaction() as tx:
        creating = create_video.create(tx, credential(user_id), video)
    result = creating.first()
    assert result is not None
    return result


def held_video(database: Database, price: int = 10, *, user_id: str = "ann") -> str:
    """The uuid of a PENDING video whose hold the user could pay."""
    video = new_video(price)
    assert create(database, video, user_id=user_id).verdict == "CREATED"
    return video.uuid


def record(database: Database, uuid: str, *, task_id: str | None = None) -> bool:
    """The provider took the order: → GENERATING."""
    with database.transaction() as tx:
        recorded = submissions.record_task(
            tx,
            video_uuid=uuid,
            provider="evolink",
            task_id=task_id or f"task-{uuid}",
            estimated_seconds=60,
            deadline_seconds=TIMING.generation_deadline_seconds,
            first_check_seconds=45,
        )
    return recorded.first() is not None


def start_upload(database: Database, uuid: str, *, task_id: str | None = None) -> bool:
    """The provider has finished: → UPLOADING."""
    with database.transaction() as tx:
        started = videos.start_upload(
            tx,
            uuid=uuid,
            task_id=task_id or f"task-{uuid}",
            source_url=f"https://files.example.com/{uuid}.mp4",
            deadline_seconds=TIMING.upload_deadline_seconds,
            next_check_seconds=45,
        )
    return started.first() is not None


def lease(database: Database, uuid: str) -> int:
    """A worker's right to mirror the video; returns its fence."""
    with database.transaction() as tx:
        leasing = leases.lease(tx, uuid=uuid, worker="worker", seconds=300)
    taken = leasing.first()
    assert taken is not None
    return taken.fence


def fence(database: Database, uuid: str) -> int:
    """The newest fence that was given out."""
    return value(database, "select lease_fence from clipferry.jobs where video_uuid = %(uuid)s", uuid=uuid)


def mirrored_file(uuid: str) -> MirroredFile:
    return MirroredFile(
        key=f"videos/{uuid}.mp4",
        url=f"https://cdn.example.com/videos/{uuid}.mp4",
        size=1_000_000,
        sha256="0" * 64,
        media=MediaInfo(duration_ms=5042, width=1280, height=720, codec="h264", has_audio=False, frame_rate=24.0),
    )


def complete(database: Database, uuid: str, *, fence: int) -> bool:
    """The file is in the bucket: COMPLETED, the hold settled."""
    with database.transaction() as tx:
        completed = completing(tx, uuid, fence)
    return completed.first() is not None


def completing(tx: Transaction, uuid: str, fence: int) -> Rows[Any]:
    """The same within a transaction; there is a row if it was so."""
    return finish_video.complete(
        tx,
        video_uuid=uuid,
        fence=fence,
        file=mirrored_file(uuid),
        thumbnail_url=None,
        resolution="720p",
        aspect_ratio="16:9",
    )


def fail(database: Database, uuid: str, *, from_states: tuple[VideoStatus, ...] = LIVE) -> bool:
    """FAILED, the hold released."""
    code = FailureCode.PROVIDER_FAILED
    with database.transaction() as tx:
        failed = finish_video.fail(tx, video_uuid=uuid, code=code, detail="no", from_states=from_states)
    return failed.first() is not None


def reopen(database: Database, uuid: str, *, limit: int | None = None) -> str:
    """A retry: FAILED → UPLOADING, the hold HOLDING again. Returns the verdict."""
    with database.transaction() as tx:
        reopened = retry_video.reopen(
            tx,
            video_uuid=uuid,
            source_url=f"https://files.example.com/{uuid}.mp4",
            deadline_seconds=TIMING.upload_deadline_seconds,
            next_check_seconds=45,
            max_concurrent=limit,
        )
    [result] = reopened.all()
    return result.verdict


def advance(database: Database, uuid: str, providers: Mapping[str, Provider]) -> Verdict:
    """Asks what became of the video's task, as the schedule, a callback and a status query do."""
    return advance_video(read(database, uuid), database=database, context=context_of(providers))


def context_of(providers: Mapping[str, Provider], *, queue: Any = QUEUE_DOWN) -> AdvanceContext:
    """What advancing a video takes, with these providers."""
    return AdvanceContext(providers=providers, queue=queue, polling=TIMING)


def video_at(database: Database, status: VideoStatus, price: int = 10, *, user_id: str = "ann") -> str:
    """A video that has come to `status` by the ordinary way; an UPLOADING one is leased."""
    uuid = held_video(database, price, user_id=user_id)
    if status is VideoStatus.PENDING:
        return uuid
    assert record(database, uuid)
    if status is VideoStatus.FAILED:
        assert fail(database, uuid)
    if status in (VideoStatus.UPLOADING, VideoStatus.COMPLETED):
        assert start_upload(database, uuid)
        fence = lease(database, uuid)
        assert status is VideoStatus.UPLOADING or complete(database, uuid, fence=fence)
    return uuid


def read(database: Database, uuid: str) -> Video:
    with database.transaction() as tx:
        found = videos.get(tx, uuid)
    video = found.first()
    assert video is not None
    return video


def status_of(database: Database, uuid: str) -> str:
    return value(database, "select status::text from public.videos where uuid = %(uuid)s", uuid=uuid)


def hold_of(database: Database, uuid: str) -> tuple[str, int]:
    """The hold's status and credits."""
    [row] = rows(database, "select status, credits from public.credit_holds where video_uuid = %(uuid)s", uuid=uuid)
    return row["status"], row["credits"]
