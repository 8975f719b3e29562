"""The runbook has a paragraph for each alarm of the template, and none for another."""

from __future__ import annotations

import re
from pathlib import Path

from local.intrinsics import parse

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
INCIDENTS = (ROOT / "docs/incidents.md").read_text(encoding="utf-8")
RESOURCES = parse((ROOT / "template.yaml").read_text(encoding="utf-8"))["Resources"]
ALARMS = {name: body for name, body in RESOURCES.items() if body["Type"] == "AWS::CloudWatch::Alarm"}


def test_every_alarm_has_its_heading_and_every_heading_its_alarm() -> None:
    assert re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE) == list(ALARMS)


def test_every_alarm_says_where_it_is_explained() -> None:
    missing = [
        name
        for name, alarm in ALARMS.items()
        if f"docs/runbook.md, {name}" not in str(alarm["Properties"].get("AlarmDescription"))
    ]
    assert missing == []


def test_every_paragraph_begins_with_what_it_means() -> None:
    for name in ALARMS:
        text = PAGE.partition(f"### `{name}`\n\n")[2]
        assert text.startswith("**"), name


def test_what_it_names_of_the_template_is_there() -> None:
    """Functions by the names that `clipferry logs` takes."""
    functions = set(re.findall(r"`([a-z]+_[a-z]+)`|logs ([a-z]+_?[a-z]*)", PAGE))
    named = [re.sub(r"_?([a-z]+)", lambda word: word[1].title(), name) for pair in functions for name in pair if name]
    resources = re.findall(r"--logical-resource-id (\w+)|`(\w+Function)`", PAGE + INCIDENTS)

    assert len(named) > 4
    assert [name for name in named if f"{name}Log" not in RESOURCES] == []
    assert [name for pair in resources for name in pair if name and name not in RESOURCES] == []
