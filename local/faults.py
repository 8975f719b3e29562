"""What can be made to go wrong at a fake provider: one value, per submission or for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The answer to a submit that isn't taken: in the provider's own envelope, or as `page`, raw."""

    status: int
    code: int | str = "internal_error"
    message: str = "Refused on request"
    page: str | None = None
    """HTML, as a gateway in front of the provider sends it; `code` and `message` are then not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a task ends that was taken and then comes to nothing, in the provider's words."""

    code: str
    message: str = "Failed on request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """None by default. A submit that is refused makes no task, so nothing else applies to it."""

    refuse: Refusal | None = None
    fail: Failure | None = None
    submit: Literal["answered", "held", "cut"] = "answered"
    """The task is taken in every case; "held" never answers the submit, "cut" closes its connection."""
    early_callback: bool = False
    """The task is finished at once, and the first callback goes out before the submit is answered."""
    callbacks: int = 1
    """How often the callback is sent; each time with its own retries. 0: never."""
    result: Literal["film", "missing", "page", "truncated"] = "film"
    """What the result's URL leads to. "missing" is a 404, "page" HTML with 200, "truncated" half a film."""
