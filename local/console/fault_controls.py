"""The console's controls of a fake provider's faults: one choice for each thing that a provider does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from clipferry.errors import InvalidRequestError
from local.providers.base import FakeProvider
from local.providers.faults import Failure, Faults, Refusal

SECONDS: Final = (2, 5, 10, 20, 60)
"""The choices for the time that a task takes."""
LATE_SECONDS: Final = 8.0
SLOW_SECONDS: Final = 5.0

CHOICES: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "order": {
        "taken": {},
        "slow": {"slow": SLOW_SECONDS},
        "refused": {"refuse": Refusal(status=500)},
        "gateway": {"refuse": Refusal(status=502, page="<h1>Bad gateway</h1>")},
        "cut": {"submit": "cut"},
        "silent": {"submit": "held"},
    },
    "making": {
        "well": {},
        "fails": {"fail": Failure(code="content_policy_violation")},
        "failsLater": {"fail_later": Failure(code="service_error")},
        "forgotten": {"lost": True},
    },
    "callback": {
        "once": {},
        "lost": {"callbacks": 0},
        "late": {"late": LATE_SECONDS},
        "twice": {"callbacks": 2},
        "early": {"early_callback": True},
        "forged": {"forged": True},
    },
    "questions": {
        "answered": {},
        "page": {"questions": ("page",) * 3},
        "cut": {"questions": ("cut",) * 3},
        "busy": {"questions": ("busy",) * 3},
    },
    "file": {
        "film": {},
        "missing": {"result": "missing"},
        "page": {"result": "page"},
        "truncated": {"result": "truncated"},
    },
}
"""The fields of `Faults` that each choice sets; the first choice is a provider without faults."""


class FaultControls:
    """Sets the faults of one fake: those of new tasks, and for files those of all tasks."""

    def __init__(self, fake: FakeProvider) -> None:
        self._fake = fake
        self._chosen = {switch: next(iter(choices)) for switch, choices in CHOICES.items()}

    def state(self) -> dict[str, Any]:
        """Returns the present choices, and all possible ones."""
        choices = {switch: list(found) for switch, found in CHOICES.items()}
        return {
            "chosen": {**self._chosen, "seconds": str(round(self._fake.options.seconds))},
            "choices": {**choices, "seconds": [str(seconds) for seconds in SECONDS]},
        }

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Changes some or all choices; raises InvalidRequestError for one that doesn't exist."""
        choices = self.state()["choices"]
        for switch, choice in wanted.items():
            if choice not in choices.get(switch, ()):
                raise InvalidRequestError.for_field(switch, "unsupported", "there is no such choice")
        self._chosen |= {switch: choice for switch, choice in wanted.items() if switch in CHOICES}
        if "seconds" in wanted:
            self._fake.options = replace(self._fake.options, seconds=float(wanted["seconds"]))
        self._fake.faults = self._faults()
        for task in list(self._fake.tasks.values()):
            task.faults = replace(task.faults, result=self._fake.faults.result)

    def _faults(self) -> Faults:
        changes: dict[str, Any] = {}
        for switch, choice in self._chosen.items():
            changes |= CHOICES[switch][choice]
        return Faults(**changes)
