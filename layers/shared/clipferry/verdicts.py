"""The results of requests, retries, movements of credits and looks at a video, and why a video failed.

They are kept, logged, compared.
"""

from __future__ import annotations

from enum import StrEnum


class CreateVerdict(StrEnum):
    """The result of a request for a video. NOBODY: no such session or key. FORBIDDEN: a key without the scope."""

    NOBODY = "NOBODY"
    FORBIDDEN = "FORBIDDEN"
    CREATED = "CREATED"
    REPLAYED = "REPLAYED"
    KEY_REUSED = "KEY_REUSED"
    RATE_LIMITED = "RATE_LIMITED"
    TOO_MANY_JOBS = "TOO_MANY_JOBS"
    KEY_CAP_REACHED = "KEY_CAP_REACHED"
    INSUFFICIENT_CREDITS = "INSUFFICIENT_CREDITS"


class CreditVerdict(StrEnum):
    """The result of adding or deducting credits. REPEATED: the order number has done the same before."""

    DONE = "DONE"
    REPEATED = "REPEATED"
    ORDER_NUMBER_TAKEN = "ORDER_NUMBER_TAKEN"
    NO_SUCH_USER = "NO_SUCH_USER"


class RetryVerdict(StrEnum):
    """The result of a retry. NOT_FAILED: another retry was first, or there is no released hold."""

    REOPENED = "REOPENED"
    NOT_FAILED = "NOT_FAILED"
    TOO_MANY_JOBS = "TOO_MANY_JOBS"
    KEY_CAP_REACHED = "KEY_CAP_REACHED"
    INSUFFICIENT_CREDITS = "INSUFFICIENT_CREDITS"


class Verdict(StrEnum):
    """The result of advancing a video or of taking a callback; the inbox and the log keep it."""

    COMPLETED = "COMPLETED"
    NO_TASK = "NO_TASK"
    """There is no task yet to ask the provider about."""
    NOT_ITS_TASK = "NOT_ITS_TASK"
    """The callback names a task that belongs to another video."""
    RUNNING = "RUNNING"
    NO_ANSWER = "NO_ANSWER"
    """The provider gave no answer, or wasn't asked in the end."""
    GENERATED = "GENERATED"
    """The provider has the file: the video is UPLOADING now."""
    FAILED = "FAILED"
    """The video has failed just now."""
    MOVED = "MOVED"
    """Another call changed the video first."""
    ALREADY_FAILED = "ALREADY_FAILED"
    LATE_SUCCESS = "LATE_SUCCESS"
    MIRRORING = "MIRRORING"
    AWAITING_MIRROR = "AWAITING_MIRROR"
    QUEUED_AGAIN = "QUEUED_AGAIN"
    QUEUE_DOWN = "QUEUE_DOWN"
    UNKNOWN_VIDEO = "UNKNOWN_VIDEO"
    OTHER_PROVIDER = "OTHER_PROVIDER"
    """The callback came from a provider that isn't the video's."""
    OTHER_VIDEO = "OTHER_VIDEO"
    """The callback's body names another video. The provider was asked about this one, and the body was ignored."""
    OTHER_TASK = "OTHER_TASK"
    """The callback's body names another task. The provider was asked about the video's own task instead."""


class TaskState(StrEnum):
    """The state of a provider's task. UNKNOWN: a state that the provider's documentation doesn't list.

    GIVEN_UP: the provider says that no result has come in its own time. Said twice, the task has failed.
    """

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    GIVEN_UP = "GIVEN_UP"
    UNKNOWN = "UNKNOWN"


class DeliveryState(StrEnum):
    """The state of one event for one webhook endpoint."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    GIVEN_UP = "GIVEN_UP"
    """It was tried for three days."""
    SWITCHED_OFF = "SWITCHED_OFF"
    """The endpoint gets nothing more; a replay sends it after all."""


class SwitchedOff(StrEnum):
    """Why a webhook endpoint gets nothing more."""

    GONE = "GONE"
    """It answered 410."""
    FAILING = "FAILING"
    """It has taken nothing for five days."""
    REMOVED = "REMOVED"
    """The settings name no endpoint any more."""


class Attempt(StrEnum):
    """The result of one message of the webhook queue."""

    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    NOT_DUE = "NOT_DUE"
    """It was delivered or given up before, somebody else is sending it, or its time hasn't come."""


class FailureCode(StrEnum):
    """Why a video failed: codes that stay the same whatever the provider says. `sentence` is what the user reads."""

    CONTENT_POLICY = "CONTENT_POLICY"
    INVALID_INPUT = "INVALID_INPUT"
    PROVIDER_BUSY = "PROVIDER_BUSY"
    PROVIDER_OUT_OF_FUNDS = "PROVIDER_OUT_OF_FUNDS"
    PROVIDER_FAILED = "PROVIDER_FAILED"
    TIMED_OUT = "TIMED_OUT"
    FILE_UNAVAILABLE = "FILE_UNAVAILABLE"
    NOT_A_VIDEO = "NOT_A_VIDEO"
    CANCELLED = "CANCELLED"

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
    FailureCode.NOT_A_VIDEO: "The video service sent a file that can't be played. You were not charged.",
    FailureCode.CANCELLED: "The video was cancelled. You were not charged.",
}
