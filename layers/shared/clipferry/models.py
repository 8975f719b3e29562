"""The domain's types: a video and its states, what a provider is asked for and what it reports. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from clipferry.provider_cost import ProviderCost
from clipferry.verdicts import FailureCode, TaskState

MOST_CREDITS: Final = 100_000_000
"""The most credits that one transaction moves, far below what an int4 column takes."""
TRANSACTION_TYPES: Final = (
    "NEW_USER",
    "ORDER_PAY",
    "SUBSCRIPTION",
    "VIDEO_CONSUME",
    "REFUND",
    "EXPIRED",
    "SYSTEM_ADJUST",
    "IMAGE_CONSUME",
)
"""The types of a ledger row, as in the original's schema. IMAGE_CONSUME is a later version's: no row of ours has it."""


class VideoStatus(StrEnum):
    """PENDING → GENERATING → UPLOADING → COMPLETED; any of the first three → FAILED; only `retry` leaves FAILED."""

    PENDING = "PENDING"
    GENERATING = "GENERATING"
    UPLOADING = "UPLOADING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"

    @property
    def is_terminal(self) -> bool:
        return self in (VideoStatus.COMPLETED, VideoStatus.FAILED)


class FileVariant(StrEnum):
    """Which of a video's files is meant."""

    VIDEO = "video"
    THUMBNAIL = "thumbnail"


class Mode(StrEnum):
    """What a video is made from, besides the prompt: the catalogue's words."""

    TEXT = "text"
    FIRST_FRAME = "first_frame"
    FIRST_LAST_FRAME = "first_last_frame"
    REFERENCE = "reference"


class Scope(StrEnum):
    """What an API key may be bound to. A session may do everything, and so may a key without scopes."""

    VIDEOS_READ = "videos:read"
    VIDEOS_WRITE = "videos:write"
    CREDITS_READ = "credits:read"
    WEBHOOKS = "webhooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a request shows to sign in: a session's token or an API key's SHA-256. `Credential()` shows nothing."""

    session_token: str | None = None
    key_sha256: bytes | None = None
    needs: tuple[Scope, ...] = ()
    """What the request takes of a key that has scopes."""
    session_only: bool = False
    """Whether no key will do."""

    @property
    def is_api_key(self) -> bool:
        return self.key_sha256 is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A row of `public.videos`, with what `clipferry.jobs` adds to it. Times are aware UTC."""

    id: int
    uuid: str
    user_id: str
    prompt: str
    model: str
    parameters: dict[str, Any] | None
    status: VideoStatus
    provider: str | None
    external_task_id: str | None
    error_message: str | None
    start_image_url: str | None
    original_video_url: str | None
    video_url: str | None
    thumbnail_url: str | None
    duration: int | None
    resolution: str | None
    aspect_ratio: str | None
    file_size: int | None
    credits_used: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    generation_time: int | None
    is_deleted: bool
    error_code: str | None = None
    is_overdue: bool = False
    """Whether the state's deadline has passed, by the database's clock."""
    is_cancel_asked: bool = False
    """Whether the provider was told to stop its task."""
    metadata: dict[str, str] | None = None
    """The request's own words about it."""
    told_progress: int | None = None
    """How far its task is by the provider's own count."""
    duration_ms: int | None = None
    width: int | None = None
    height: int | None = None
    codec: str | None = None
    has_audio: bool | None = None
    frame_rate: float | None = None
    """What the mirrored file says of itself, as in MediaInfo."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", VideoStatus(self.status))

    @property
    def progress(self) -> int | None:
        """0 to 100; None where the provider doesn't say, and for one that has failed."""
        if self.status is VideoStatus.COMPLETED:
            return 100
        return None if self.status is VideoStatus.FAILED else self.told_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a provider is asked to make. `model` and `input` come from the catalogue, in the provider's own words."""

    video_uuid: str
    provider: str
    prompt: str
    model: str
    duration: int
    """Seconds."""
    aspect_ratio: str | None
    quality: str | None
    image_url: str | None
    """The first frame."""
    last_image_url: str | None = None
    image_urls: tuple[str, ...] = ()
    """Every image, frames too, in the request's order."""
    video_urls: tuple[str, ...] = ()
    audio_urls: tuple[str, ...] = ()
    generate_audio: bool | None = None
    seed: int | None = None
    negative_prompt: str | None = None
    input: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A provider took the order. `estimated_seconds` is its own guess, when it makes one."""

    task_id: str
    estimated_seconds: int | None = None
    cost: ProviderCost | None = None
    """What it costs, where that is known before it is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A submit that wasn't refused. `task_id` is None while it is unknown whether the provider took the order."""

    provider: str
    status: VideoStatus
    task_id: str | None = None
    estimated_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """What the provider says about a task. `detail` is in its own words: for the log, never for the user."""

    state: TaskState
    video_url: str | None = None
    failure: FailureCode | None = None
    detail: str = ""
    progress: int | None = None
    """How far it is by the provider's own count: 0 to 100, None where it doesn't say."""
    task_id: str | None = None
    """The task's whole name, where the provider was asked about a part of it; else None."""
    cost: ProviderCost | None = None
    """What it cost; None where the answer doesn't say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """What the file says about itself; None is what it doesn't say. Sizes are pixels as displayed: square, upright."""

    duration_ms: int | None = None
    width: int | None = None
    height: int | None = None
    codec: str | None = None
    """That of the pictures, such as `h264`."""
    has_audio: bool | None = None
    frame_rate: float | None = None
    """Frames per second, on average."""

    @property
    def duration(self) -> int | None:
        """Whole seconds, rounded half up, and at least 1."""
        return None if self.duration_ms is None else max((self.duration_ms + 500) // 1000, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredFile:
    """A file in the bucket, byte for byte as its source sent it."""

    key: str
    url: str
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex."""
    media: MediaInfo = MediaInfo()
