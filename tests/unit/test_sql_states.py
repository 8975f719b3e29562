"""Every state that stands in an SQL text is one that Python knows, under the same name."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable
from enum import StrEnum

import pytest

import clipferry.db
from clipferry.db import create_video, retry_video
from clipferry.db.credits import _ADD, _DEDUCT
from clipferry.models import VideoStatus
from clipferry.usecases.move_credits import ENTRY_TYPES
from clipferry.verdicts import CreateVerdict, CreditVerdict, DeliveryState, RetryVerdict, SwitchedOff

# These have no enum in Python: no code outside SQL looks at them. Migrations check them in the tables.
HOLDS = {"HOLDING", "SETTLED", "RELEASED"}
PACKAGES = {"ACTIVE", "DEPLETED", "EXPIRED"}
LEDGER = {*ENTRY_TYPES, "VIDEO_CONSUME", "EXPIRED"}
WEBHOOKS = {*DeliveryState, *SwitchedOff}
VERDICTS: dict[str, type[StrEnum]] = {
    create_video._CREATE: CreateVerdict,
    retry_video._REOPEN: RetryVerdict,
    _ADD: CreditVerdict,
    _DEDUCT: CreditVerdict,
}


def statements() -> dict[str, str]:
    """The SQL constants of the layer, by module and name."""
    found = {}
    for module in pkgutil.iter_modules(clipferry.db.__path__):
        for name, value in vars(importlib.import_module(f"clipferry.db.{module.name}")).items():
            texts: Iterable[object] = value if isinstance(value, tuple) else (value,)
            for number, text in enumerate(texts):
                if name.startswith("_") and name.isupper() and isinstance(text, str):
                    found[f"{module.name}.{name}.{number}"] = text
    return found


STATEMENTS = statements()
ALL = {*VideoStatus, *HOLDS, *PACKAGES, *LEDGER, *WEBHOOKS}


def states(sql: str) -> set[str]:
    return set(re.findall(r"'([A-Z][A-Z_]+)'", sql))


def test_the_constants_are_found() -> None:
    texts = STATEMENTS.values()

    assert set(VERDICTS) <= set(texts)
    assert set(VideoStatus) <= set().union(*(states(text) for text in texts))
    assert len(STATEMENTS) > 60


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_names_only_known_states(name: str) -> None:
    text = STATEMENTS[name]
    verdicts = VERDICTS.get(text)

    assert states(text) - ALL <= set(verdicts or ())


@pytest.mark.parametrize("sql", VERDICTS, ids=[kind.__name__ for kind in VERDICTS.values()])
def test_a_decision_has_every_verdict_and_no_other(sql: str) -> None:
    [cases] = re.findall(r"select case\n(.*?)end as verdict|case\n(.*?)end as verdict", sql, re.DOTALL)
    decided = set(re.findall(r"(?:then|else) '([A-Z_]+)'", "".join(cases)))

    assert decided == set(VERDICTS[sql])


def test_a_videos_status_is_compared_with_statuses_of_videos() -> None:
    """`v` is the videos' alias in every statement."""
    for name, text in STATEMENTS.items():
        compared = re.findall(r"\bv\.status(?:::text)? (?:=|<>|in) (\([^)]*\)|'[^']*')", text)
        assert set().union(*map(states, compared)) <= set(VideoStatus), name
