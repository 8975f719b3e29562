"""What a check comes to: well, failed with what to do, or not looked at with why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from clipferry.errors import ClipferryError


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's report. `advice` says what to do about a failure."""

    check: str
    outcome: Outcome
    detail: str
    advice: str | None = None


class TroubleError(Exception):
    """What is wrong, and what to do when that is something else than the check's own advice."""

    def __init__(self, detail: str, *, advice: str | None = None) -> None:
        super().__init__(detail)
        self.advice = advice


class NotLookedAtError(Exception):
    """Why there is nothing to check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`look` returns what it saw; it raises TroubleError, NotLookedAtError or an error of ours, which is trouble."""

    name: str
    advice: str
    look: Callable[[], str]

    def finding(self) -> Finding:
        try:
            return Finding(check=self.name, outcome=Outcome.OK, detail=self.look())
        except NotLookedAtError as reason:
            return Finding(check=self.name, outcome=Outcome.SKIPPED, detail=str(reason))
        except TroubleError as trouble:
            advice = trouble.advice or self.advice
            return Finding(check=self.name, outcome=Outcome.FAILED, detail=str(trouble), advice=advice)
        except ClipferryError as error:
            return Finding(check=self.name, outcome=Outcome.FAILED, detail=str(error), advice=self.advice)
