"""Client errors: the request can't be done as it was sent (HTTP 4xx)."""

from __future__ import annotations

from clipferry.errors.base import ClipferryError


class InvalidRequestError(ClipferryError):
    """The request is not valid."""

    status = 400
    code = "INVALID_REQUEST"

    @property
    def message(self) -> str:
        """The sentence with the first field's fault: the original's front ends show nothing but the message."""
        faults = self.details.get("fields") if self.details else None
        if not faults or type(self) is not InvalidRequestError:
            return self.sentence()
        first = faults[0]
        return f"{self.sentence().removesuffix('.')}: {first['path']}: {first['message'].removesuffix('.')}."

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

    def __init__(self, detail: str = "", *, has_expired: bool = False) -> None:
        """`has_expired` says that the signature is right, but its time is not: a clock or a delay is to blame."""
        super().__init__(detail)
        self.has_expired = has_expired


class ForbiddenError(ClipferryError):
    """You may not do this."""

    status = 403
    code = "FORBIDDEN"


class KeyNotAllowedError(ForbiddenError):
    """This API key may not do this."""

    code = "KEY_NOT_ALLOWED"


class InsufficientCreditsError(ClipferryError):
    """You don't have enough credits."""

    status = 402
    code = "INSUFFICIENT_CREDITS"


class KeyCapReachedError(ClipferryError):
    """This API key may use no more credits this month."""

    status = 402
    code = "KEY_CAP_REACHED"


class NotFoundError(ClipferryError):
    """There is nothing here."""

    status = 404
    code = "NOT_FOUND"


class VideoNotFoundError(NotFoundError):
    """There is no such video."""

    code = "VIDEO_NOT_FOUND"


class NoFileError(NotFoundError):
    """This video has no such file, or not yet."""

    code = "NO_FILE"


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


class NotCancellableError(ConflictError):
    """This video can't be cancelled."""

    code = "NOT_CANCELLABLE"


class TooManyKeysError(ConflictError):
    """You have as many API keys as a user may have. Please delete one first."""

    code = "TOO_MANY_KEYS"


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
