"""What docs/what-can-go-wrong.md shows is what the code says today: sentences, codes, events, advice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from clipferry import errors
from clipferry.errors import ClipferryError
from clipferry.verdicts import FailureCode

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/what-can-go-wrong.md").read_text(encoding="utf-8")
ANSWERS = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
REFUSALS = [answer["error"] for answer in ANSWERS if not answer["success"]]
FAILURES = [answer["data"] for answer in ANSWERS if answer["success"] and "errorCode" in answer["data"]]
EVENTS = set(re.findall(r"^video +(\w+)", PAGE, re.MULTILINE))


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal["code"])
def test_a_refusal_has_its_codes_sentence(refusal: dict[str, Any]) -> None:
    tree = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, ClipferryError)]

    assert refusal["message"] in {error.sentence() for error in tree if error.code == refusal["code"]}
    if "details" in refusal:
        assert FailureCode(refusal["details"]["errorCode"]).sentence == refusal["details"]["reason"]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure["errorCode"])
def test_a_failure_has_its_codes_sentence(failure: dict[str, str]) -> None:
    assert FailureCode(failure["errorCode"]).sentence == failure["error"]


def test_there_are_five_things_and_each_shows_something() -> None:
    parts = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:-1]

    assert [part.split(".")[0] for part in parts] == ["1", "2", "3", "4", "5"]
    assert all("```" in part and "**Users**" in part.replace("**users**", "**Users**") for part in parts)
    assert (len(REFUSALS), len(FAILURES)) == (3, 2)


def test_every_event_of_a_timeline_is_one() -> None:
    words = (ROOT / "local/console/texts.js").read_text(encoding="utf-8")

    assert len(EVENTS) > 5
    assert [event for event in EVENTS if f'"event.video.{event}"' not in words] == []


def test_the_codes_and_the_advice_are_those_of_today() -> None:
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`|code=([A-Z_]+)", PAGE))
    [advice] = re.findall(r"^`(Give .*)`$", PAGE, re.MULTILINE)
    errors_and_failures = {error.code for error in vars(errors).values() if hasattr(error, "code")} | set(FailureCode)
    settings = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))

    assert {one or other for one, other in named} <= errors_and_failures | settings
    assert advice in (ROOT / "cli/doctor/checks.py").read_text(encoding="utf-8")
