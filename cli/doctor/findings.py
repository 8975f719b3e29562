"""A check and its result: ok, failed with advice, or skipped with the reason."""

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
    """The result of one check. `advice` says how to fix a failure."""

    check: str
    outcome: Outcome
    detail: str
    advice: str | None = None


class CheckFailedError(Exception):
    """What is wrong, and advice, if it differs from the check's own."""

    def __init__(self, detail: str, *, advice: str | None = None) -> None:
        super().__init__(detail)
        self.advice = advice


class CheckSkippedError(Exception):
    """The reason why there is nothing to check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A named check: `run` returns a sentence about what it found to be right.

    It raises CheckSkippedError when there is nothing to check, and CheckFailedError or another ClipferryError when
    something is wrong.
    """

    name: str
    advice: str
    run: Callable[[], str]

    def finding(self) -> Finding:
        try:
            return Finding(check=self.name, outcome=Outcome.OK, detail=self.run())
        except CheckSkippedError as reason:
            return Finding(check=self.name, outcome=Outcome.SKIPPED, detail=str(reason))
        except CheckFailedError as failure:
            advice = failure.advice or self.advice
            return Finding(check=self.name, outcome=Outcome.FAILED, detail=str(failure), advice=advice)
        except ClipferryError as error:
            return Finding(check=self.name, outcome=Outcome.FAILED, detail=str(error), advice=self.advice)
