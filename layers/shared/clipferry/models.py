"""The words of the domain: a video and its states, what is asked of a provider and what it reports. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

MOST_CREDITS: Final = 100_000_000
"""In one movement: far below what an int4 column takes."""
TRANSACTION_TYPES: Final = (
    "NEW_USER",
    "ORDER_PAY",
    "SUBSCRIPTION",
    "VIDEO_CONSUME",
    "REFUND",
    "EXPIRED",
    "SYSTEM_ADJUST",
)
"""What a row of the ledger may be, as the original's schema has them."""
LARGEST_UPLOAD: Final = 10 * 1024 * 1024
"""Bytes of an image that a browser puts into the bucket."""


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


class FailureCode(StrEnum):
    """Why a video failed, in words that stay the same whatever the provider says. `sentence` is what the user reads."""

    CONTENT_POLICY = "CONTENT_POLICY"
    INVALID_INPUT = "INVALID_INPUT"
    PROVIDER_BUSY = "PROVIDER_BUSY"
    PROVIDER_OUT_OF_FUNDS = "PROVIDER_OUT_OF_FUNDS"
    PROVIDER_FAILED = "PROVIDER_FAILED"
    TIMED_OUT = "TIMED_OUT"
    FILE_UNAVAILABLE = "FILE_UNAVAILABLE"

    @property
    def sentence(self) -> str:
        return _SENTENCES[self]


_SENTENCES = {
    FailureCode.CONTENT_POLICY: "This request goes against the video service's content rules.",
    FailureCode.INVALID_INPUT: "The video service could not use this prompt or image.",
    FailureCode.PROVIDER_BUSY: "The video service is overloaded. Please try again later.",
    FailureCode.PROVIDER_OUT_OF_FUNDS: "The video service is not available at the moment. Please try again later.",
    FailureCode.PROVIDER_FAILED: "The video service could not make this video.",
    FailureCode.TIMED_OUT: "The video was not finished in time. You were not charged.",
    FailureCode.FILE_UNAVAILABLE: "The finished video could not be fetched. You were not charged.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a request shows to say who it is: a session's token or an API key's SHA-256; nothing is `Credential()`."""

    session_token: str | None = None
    key_sha256: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A user who has shown a credential."""

    user_id: str
    is_admin: bool
    setting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A row of `public.videos`, with what `clipferry.jobs` knows of it. Times are aware UTC."""

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

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", VideoStatus(self.status))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a provider is asked to make. `model` and `input` are the provider's own words, from the catalogue."""

    video_uuid: str
    provider: str
    prompt: str
    model: str
    duration: int
    """Seconds."""
    aspect_ratio: str | None
    quality: str | None
    image_url: str | None
    input: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A provider took the order. `estimated_seconds` is its own guess, when it makes one."""

    task_id: str
    estimated_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """How a submit ended, other than refused. `task_id` is None while nobody knows whether the provider took it."""

    provider: str
    status: VideoStatus
    task_id: str | None = None
    estimated_seconds: int | None = None


class CreateVerdict(StrEnum):
    """What became of a request for a video. NOBODY: no such session or key."""

    NOBODY = "NOBODY"
    CREATED = "CREATED"
    REPLAYED = "REPLAYED"
    KEY_REUSED = "KEY_REUSED"
    RATE_LIMITED = "RATE_LIMITED"
    TOO_MANY_JOBS = "TOO_MANY_JOBS"
    INSUFFICIENT_CREDITS = "INSUFFICIENT_CREDITS"


class RetryVerdict(StrEnum):
    """What became of a retry. NOT_FAILED: another retry was first, or there is no released hold."""

    REOPENED = "REOPENED"
    NOT_FAILED = "NOT_FAILED"
    TOO_MANY_JOBS = "TOO_MANY_JOBS"
    INSUFFICIENT_CREDITS = "INSUFFICIENT_CREDITS"


class Verdict(StrEnum):
    """What a look at a video has found, and what a callback has led to: kept in the inbox, and in the log."""

    COMPLETED = "COMPLETED"
    NO_TASK = "NO_TASK"
    """There is no task yet that anybody could be asked about."""
    NOT_ITS_TASK = "NOT_ITS_TASK"
    """The task that was named belongs to another video."""
    RUNNING = "RUNNING"
    NO_ANSWER = "NO_ANSWER"
    """The provider was asked, and didn't say; or nobody got to ask it."""
    GENERATED = "GENERATED"
    """The file is there to be mirrored: the video is UPLOADING now."""
    FAILED = "FAILED"
    """This look has ended the video."""
    MOVED = "MOVED"
    """Somebody else was first."""
    ALREADY_FAILED = "ALREADY_FAILED"
    LATE_SUCCESS = "LATE_SUCCESS"
    MIRRORING = "MIRRORING"
    AWAITING_MIRROR = "AWAITING_MIRROR"
    QUEUED_AGAIN = "QUEUED_AGAIN"
    QUEUE_DOWN = "QUEUE_DOWN"
    UNKNOWN_VIDEO = "UNKNOWN_VIDEO"
    OTHER_PROVIDER = "OTHER_PROVIDER"
    """A callback of a provider that isn't the video's."""
    OTHER_VIDEO = "OTHER_VIDEO"
    """A callback whose body names another video: it was asked about this one, and the body ignored."""
    OTHER_TASK = "OTHER_TASK"
    """A callback whose body names another task: the video's own was asked about, and the body ignored."""


class TaskState(StrEnum):
    """A provider's task in our words. UNKNOWN is a state its documentation doesn't have."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReport:
    """What became of a task. `detail` is the provider's own words: for the log, never for the user."""

    state: TaskState
    video_url: str | None = None
    failure: FailureCode | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackHint:
    """What a callback's body claims. Nothing in it is believed before the provider itself was asked."""

    task_id: str | None
    echoed_url: str | None = None
    """Our own callback URL, where the provider sends it back (KIE's `param`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """What the file says of itself: seconds, pixels as displayed (rotation applied)."""

    duration: int | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredFile:
    """A file that is in the bucket, byte for byte as its source sent it."""

    key: str
    url: str
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex."""
    media: MediaInfo = MediaInfo()
