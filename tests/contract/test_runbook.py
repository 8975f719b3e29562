"""The runbook has a paragraph for each alarm of the template, and none for another."""

from __future__ import annotations

import re
from pathlib import Path

from local.sam_template.intrinsics import parse

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


def snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


FUNCTIONS = {
    snake(name.removesuffix("Function")): name
    for name, body in RESOURCES.items()
    if body["Type"] == "AWS::Serverless::Function"
}
"""The functions by the names that `clipferry logs` takes."""


def test_a_functions_paragraph_names_it_as_its_logs_are_asked_for() -> None:
    told = {}
    for function, name in FUNCTIONS.items():
        own = name.replace("Function", "ErrorsAlarm")
        alarm = own if own in ALARMS else "HttpFunctionErrorsAlarm"
        told[function] = PAGE.partition(f"### `{alarm}`")[2].partition("###")[0]

    assert {function for function, text in told.items() if f"`{function}`" in text} == set(FUNCTIONS) - {"migrate"}


def test_what_it_names_of_the_template_is_there() -> None:
    asked = re.findall(r"logs\s+([a-z]\w+)", PAGE + INCIDENTS)
    resources = re.findall(r"--logical-resource-id (\w+)|`(\w+Function)`", PAGE + INCIDENTS)

    assert set(asked) - set(FUNCTIONS) == set()
    assert {f"{FUNCTIONS[name].removesuffix('Function')}Log" for name in asked} - set(RESOURCES) == set()
    assert [name for pair in resources for name in pair if name and name not in RESOURCES] == []
    assert len(asked) + len(resources) > 4
