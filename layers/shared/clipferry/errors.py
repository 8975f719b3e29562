"""The error tree. A class's docstring is the sentence the caller reads; the detail stays in the log.

ClipferryError                       500
├── ReplayedError                    as it was
├── InvalidRequestError              400
│   ├── UnknownModelError            400
│   └── ModelRetiredError            400
├── UnauthorizedError                401
│   └── InvalidSignatureError        401
├── ForbiddenError                   403
├── InsufficientCreditsError         402
├── NotFoundError                    404
│   └── VideoNotFoundError           404
├── MethodNotAllowedError            405
├── ConflictError                    409
│   ├── IdempotencyKeyReusedError    409
│   └── OrderNumberTakenError        409
├── OriginalExpiredError             410
├── TooManyJobsError                 429
├── RateLimitedError                 429
├── ProviderError                    502
│   ├── ProviderRefusedError         502   it said no: another may be asked
│   ├── ProviderUnreachableError     502   nothing was sent: another may be asked
│   ├── ProviderSilentError          502   sent, and the outcome is unknown: never send again
│   └── TaskNotFoundError            502
├── SourceError                      502   the provider's file
│   ├── SourceGoneError              502
│   └── SourceInvalidError           502
├── StorageError                     503
├── QueueError                       503
├── DatabaseUnavailableError         503
│   └── DatabaseBusyError            503
└── ConfigurationError               500
    └── SecretsUnavailableError      503
"""

from __future__ import annotations

from typing import Any, ClassVar


class ClipferryError(Exception):
    """Something went wrong on our side. Please try again."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL_ERROR"
    retryable: ClassVar[bool] = False
    retry_after_seconds: ClassVar[int | None] = None

    def __init__(self, detail: str = "", *, details: dict[str, Any] | None = None) -> None:
        """`detail` goes to the log; `details` goes to the caller, as `error.details`."""
        super().__init__(detail or self.message)
        self.details = details

    @property
    def message(self) -> str:
        """The public sentence: the first paragraph of the class's docstring."""
        return self.sentence()

    @classmethod
    def sentence(cls) -> str:
        return (cls.__doc__ or "").strip().split("\n\n")[0]

    def as_answer(self) -> dict[str, Any]:
        """What the caller is told, as data: an HTTP `status` and the envelope's `error`."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        return {"status": self.status, "error": error}


class ReplayedError(ClipferryError):
    """An error that was answered before, answered again as it was."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("replayed")
        self._answer = answer

    def as_answer(self) -> dict[str, Any]:
        return self._answer


class InvalidRequestError(ClipferryError):
    """The request is not valid."""

    status = 400
    code = "INVALID_REQUEST"

    @classmethod
    def for_field(cls, path: str, code: str, message: str) -> InvalidRequestError:
        return cls(f"{path}: {message}", details={"fields": [{"path": path, "code": code, "message": message}]})


class UnknownModelError(InvalidRequestError):
    """There is no model with this id."""

    code = "MODEL_NOT_FOUND"


class ModelRetiredError(InvalidRequestError):
    """This model is no longer offered."""

    code = "MODEL_RETIRED"


class UnauthorizedError(ClipferryError):
    """Please sign in."""

    status = 401
    code = "UNAUTHORIZED"


class InvalidSignatureError(UnauthorizedError):
    """The signature is not valid."""

    code = "INVALID_SIGNATURE"

    def __init__(self, detail: str = "", *, details: dict[str, Any] | None = None, has_expired: bool = False) -> None:
        """`has_expired` says that it is right, but of another time: a clock or a delay is to blame."""
        super().__init__(detail, details=details)
        self.has_expired = has_expired


class ForbiddenError(ClipferryError):
    """You may not do this."""

    status = 403
    code = "FORBIDDEN"


class InsufficientCreditsError(ClipferryError):
    """You don't have enough credits."""

    status = 402
    code = "INSUFFICIENT_CREDITS"


class NotFoundError(ClipferryError):
    """There is nothing here."""

    status = 404
    code = "NOT_FOUND"


class VideoNotFoundError(NotFoundError):
    """There is no such video."""

    code = "VIDEO_NOT_FOUND"


class MethodNotAllowedError(ClipferryError):
    """This address doesn't take this method."""

    status = 405
    code = "METHOD_NOT_ALLOWED"

    def __init__(self, detail: str = "", *, allowed: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.allowed = allowed


class ConflictError(ClipferryError):
    """Someone else was first."""

    status = 409
    code = "CONFLICT"


class IdempotencyKeyReusedError(ConflictError):
    """This Idempotency-Key was used with another request."""

    code = "IDEMPOTENCY_KEY_REUSED"


class OrderNumberTakenError(ConflictError):
    """This order number was used for something else."""

    code = "ORDER_NUMBER_TAKEN"


class OriginalExpiredError(ClipferryError):
    """The original file is gone; please generate the video again."""

    status = 410
    code = "ORIGINAL_EXPIRED"


class TooManyJobsError(ClipferryError):
    """You have too many videos in the making. Please wait for one to finish."""

    status = 429
    code = "TOO_MANY_JOBS"
    retryable = True
    retry_after_seconds = 30


class RateLimitedError(ClipferryError):
    """Too many requests. Please slow down."""

    status = 429
    code = "RATE_LIMITED"
    retryable = True
    retry_after_seconds = 60


class ProviderError(ClipferryError):
    """The video service could not take this request. You were not charged."""

    status = 502
    code = "PROVIDER_ERROR"


class ProviderRefusedError(ProviderError):
    """The video service refused this request. You were not charged."""

    def __init__(self, detail: str, *, failure: str, is_down: bool = False) -> None:
        """`failure` is the name of a `models.FailureCode`; `is_down` says that it would refuse anybody."""
        super().__init__(detail)
        self.failure = failure
        self.is_down = is_down


class ProviderUnreachableError(ProviderError):
    """The video service can't be reached at the moment. You were not charged."""

    retryable = True


class ProviderSilentError(ProviderError):
    """The video service did not answer. Your video may still be on its way."""


class TaskNotFoundError(ProviderError):
    """The video service doesn't know this task."""


class SourceError(ClipferryError):
    """The finished file could not be fetched."""

    status = 502
    code = "SOURCE_ERROR"
    retryable = True


class SourceGoneError(SourceError):
    """The finished file is no longer where the provider put it."""

    code = "SOURCE_GONE"
    retryable = False


class SourceInvalidError(SourceError):
    """What the provider sent is not a video."""

    code = "SOURCE_INVALID"
    retryable = False


class StorageError(ClipferryError):
    """The file storage can't be reached at the moment. Please try again."""

    status = 503
    code = "STORAGE_UNAVAILABLE"
    retryable = True


class QueueError(ClipferryError):
    """The work queue can't be reached at the moment. Please try again."""

    status = 503
    code = "QUEUE_UNAVAILABLE"
    retryable = True


class DatabaseUnavailableError(ClipferryError):
    """The database can't be reached at the moment. Please try again."""

    status = 503
    code = "DATABASE_UNAVAILABLE"
    retryable = True
    retry_after_seconds = 5


class DatabaseBusyError(DatabaseUnavailableError):
    """The database is busy. Please try again."""

    code = "DATABASE_BUSY"
    retry_after_seconds = 1


class ConfigurationError(ClipferryError):
    """This service is not set up correctly."""

    code = "CONFIGURATION_ERROR"


class SecretsUnavailableError(ConfigurationError):
    """This service can't read its settings at the moment. Please try again."""

    status = 503
    code = "SECRETS_UNAVAILABLE"
    retryable = True
    retry_after_seconds = 5
