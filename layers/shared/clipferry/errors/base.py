"""The root of the error tree, and the error that repeats an earlier answer."""

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
        self.details = details
        super().__init__(detail or self.message)

    @property
    def message(self) -> str:
        """The public sentence: the first paragraph of the class's docstring."""
        return self.sentence()

    @classmethod
    def sentence(cls) -> str:
        return (cls.__doc__ or "").strip().split("\n\n")[0]

    def as_answer(self) -> dict[str, Any]:
        """Returns the response as data: an HTTP `status` and the envelope's `error`."""
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
