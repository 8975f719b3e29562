"""The faults of a fake provider: chosen for one submission or for all of them, or drawn by a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

Question = Literal["page", "slow", "held", "cut", "busy"]
"""HTML with 502, an answer that takes a moment, none at all, a closed connection, a 429 with Retry-After."""
Submit = Literal["answered", "held", "cut", "page"]
Result = Literal["film", "missing", "page", "truncated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The answer to a rejected submit: in the provider's own envelope, or `page` as it is."""

    status: int
    code: int | str = "internal_error"
    message: str = "Refused on request"
    page: str | None = None
    """HTML, as a gateway in front of the provider sends it; `code` and `message` are then not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How an accepted task fails, in the provider's words."""

    code: str
    message: str = "Failed on request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """No faults by default. A submit that is refused makes no task, so nothing else applies to it."""

    refuse: Refusal | None = None
    fail: Failure | None = None
    fail_later: Failure | None = None
    """The task fails after a callback has said that it succeeded; a second callback says so."""
    lost: bool = False
    """The task was accepted, and is then unknown: no callback, and "not found" for every query."""
    submit: Submit = "answered"
    """The task is taken in every case; "held" never answers the submit, "cut" closes its connection, "page" is the HTML
    of a gateway that gave up, with 504."""
    slow: float = 0
    """Seconds that the submit's answer takes longer."""
    early_callback: bool = False
    """The task is finished at once, and the first callback goes out before the submit is answered."""
    callbacks: int = 1
    """The number of times that the callback is sent, each with its own retries."""
    late: float = 0
    """Seconds between the task's end and its callback."""
    overtaken: bool = False
    """Its callback waits until that of another task has gone out, for a second at most."""
    forged: bool = False
    """Forged callbacks come first: one with an invalid signature, and false reports under a valid one."""
    questions: tuple[Question, ...] = ()
    """How the first queries of the task are answered; later ones are answered as usual."""
    result: Result = "film"
    """The file at the result's URL. "missing" is a 404, "page" HTML with 200, "truncated" half a film."""


_ENDS = {"well": 66, "refused": 10, "gateway": 5, "fails": 8, "fails later": 6, "lost": 5}
_SUBMITS: dict[Submit, int] = {"answered": 88, "held": 1, "cut": 6, "page": 5}
_CALLBACKS = {0: 15, 1: 60, 2: 15, 3: 10}
_DELAYS = {0.0: 70, 0.5: 20, 2.0: 10}
_QUESTIONS: dict[Question, int] = {"page": 1, "slow": 1, "cut": 1, "busy": 1}
_RESULTS: dict[Result, int] = {"film": 95, "missing": 2, "page": 2, "truncated": 1}
_Choice = TypeVar("_Choice")


def drawn(seed: int, key: str, *, callbacks: bool = True) -> Faults:
    """Everything at once, each with its own chance, and always the same for the same seed and key.

    About a third is refused, fails or is lost; with `callbacks` False nobody is ever called back.
    """
    dice = random.Random(f"{seed} {key}")
    end = _one_of(_ENDS, dice)
    calls = _one_of(_CALLBACKS, dice) if callbacks else 0
    return Faults(
        refuse=_refusal(end, dice),
        fail=Failure(code="content_policy_violation") if end == "fails" else None,
        fail_later=Failure(code="service_error") if end == "fails later" else None,
        lost=end == "lost",
        submit=_one_of(_SUBMITS, dice),
        slow=0.3 if dice.random() < 0.1 else 0,
        early_callback=callbacks and end == "well" and dice.random() < 0.1,
        callbacks=calls,
        late=_one_of(_DELAYS, dice),
        overtaken=dice.random() < 0.1,
        forged=calls > 0 and dice.random() < 0.1,
        questions=tuple(_one_of(_QUESTIONS, dice) for _ in range(dice.choice([0, 0, 0, 1, 2]))),
        result=_one_of(_RESULTS, dice),
    )


def _one_of(weights: Mapping[_Choice, int], dice: random.Random) -> _Choice:
    return dice.choices(list(weights), list(weights.values()))[0]


def _refusal(end: str, dice: random.Random) -> Refusal | None:
    if end == "gateway":
        return Refusal(status=502, page="<h1>Bad gateway</h1>")
    status = dice.choice([402, 429, 500])
    return Refusal(status=status, code=status) if end == "refused" else None
