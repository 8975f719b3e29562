"""Server errors: something that we depend on failed, or our own configuration (HTTP 5xx)."""

from __future__ import annotations

from clipferry.errors.base import ClipferryError


class NetworkError(ClipferryError):
    """Another service can't be reached at the moment. Please try again."""

    status = 502
    code = "NETWORK_ERROR"


class RequestNotSentError(NetworkError):
    """Another service can't be reached at the moment, and nothing was sent to it. Please try again."""

    retryable = True


class NoAnswerError(NetworkError):
    """Another service was asked and gave no complete answer."""


class ProviderError(ClipferryError):
    """The video service could not take this request. You were not charged."""

    status = 502
    code = "PROVIDER_ERROR"


class ProviderRefusedError(ProviderError):
    """The video service refused this request. You were not charged."""

    def __init__(self, detail: str, *, failure: str, is_down: bool = False) -> None:
        """`failure` is the name of a `verdicts.FailureCode`; `is_down` says that it would refuse anybody."""
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
    blames_source = True

    def __init__(self, detail: str = "", *, wait_seconds: float = 0.0) -> None:
        """`wait_seconds` is what the server asks for (Retry-After)."""
        super().__init__(detail)
        self.wait_seconds = wait_seconds


class SourceGoneError(SourceError):
    """The finished file is no longer where the provider put it."""

    code = "SOURCE_GONE"
    retryable = False


class SourceInvalidError(SourceError):
    """What the provider sent is not a video."""

    code = "SOURCE_INVALID"
    retryable = False


class NotAVideoError(SourceError):
    """What the provider sent can't be played."""

    code = "NOT_A_VIDEO"
    retryable = False


class WrongFileKindError(NotAVideoError):
    """What the provider sent is another kind of file."""


class StorageError(ClipferryError):
    """The file storage can't be reached at the moment. Please try again."""

    status = 503
    code = "STORAGE_UNAVAILABLE"
    retryable = True
    blames_source = False
    """Whether a mirror that ends with this error ended because of the provider's file, as metrics count it."""

    def __init__(self, detail: str = "", *, wait_seconds: float = 0.0) -> None:
        """`wait_seconds` is what the bucket asks for (Retry-After)."""
        super().__init__(detail)
        self.wait_seconds = wait_seconds


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
