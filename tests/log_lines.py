"""What the handlers say, as CloudWatch gets it: JSON lines of the log, and metrics among them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from clipferry.observability import logger

Lines = list[dict[str, Any]]


@contextmanager
def captured() -> Iterator[Callable[[], str]]:
    """Yields a function that reads what was logged and printed so far."""
    stream, handler = io.StringIO(), logger.registered_handler
    before = handler.setStream(stream)  # type: ignore[attr-defined]
    try:
        with redirect_stdout(stream):
            yield stream.getvalue
    finally:
        handler.setStream(before)  # type: ignore[attr-defined]


def parsed(text: str) -> Lines:
    """One JSON object a line, or this raises."""
    return [json.loads(line) for line in text.splitlines()]


def events(text: str) -> Lines:
    return [line for line in parsed(text) if "_aws" not in line]


def metrics(text: str) -> list[tuple[str, float, dict[str, str]]]:
    """Name, value and dimensions of each metric, which has to be as CloudWatch takes it."""
    found = []
    for line in parsed(text):
        if "_aws" in line:
            found += _checked(line)
    return found


def _checked(line: dict[str, Any]) -> list[tuple[str, float, dict[str, str]]]:
    """The rules of "Specification: Embedded metric format" in Amazon CloudWatch's user guide."""
    assert set(line["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert len(str(line["_aws"]["Timestamp"])) == 13, "milliseconds"
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"].partition("/")[0] == "Clipferry"
    (names,) = directive["Dimensions"]
    assert len(names) <= 30
    dimensions = {name: line[name] for name in names}
    assert all(isinstance(value, str) and 0 < len(value) <= 1024 for value in dimensions.values())
    assert 1 <= len(directive["Metrics"]) <= 100
    assert set(line) == {"_aws", *names, *(metric["Name"] for metric in directive["Metrics"])}
    return [
        (metric["Name"], _value(line[metric["Name"]], metric["Unit"]), dimensions) for metric in directive["Metrics"]
    ]


def _value(given: Any, unit: str) -> float:
    assert unit in ("Count", "Bytes", "Seconds")
    (value,) = given if isinstance(given, list) else [given]
    assert isinstance(value, int | float)
    return value
