"""One line of a log: parsed, chosen and made readable."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

METRICS_MARK: Final = '"_aws":'
"""Lines with this are metrics for CloudWatch (embedded metric format), and aren't shown."""
_LEADING_FIELDS: Final = ("timestamp", "level", "message")
_HIDDEN_FIELDS: Final = {
    "service",
    "location",
    "function_name",
    "function_arn",
    "function_memory_size",
    "cold_start",
}


_IDS: Final = {"function_request_id", "correlation_id", "xray_trace_id"}


def parse(text: str) -> dict[str, Any]:
    """Returns the fields of a line: ours are JSON, and what Lambda and the interpreter write becomes a `message`."""
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = text
    return parsed if isinstance(parsed, dict) else {"message": text}


def short(line: dict[str, Any]) -> dict[str, Any]:
    """Returns the line as a person at a terminal wants it: the clock's time, and no ids but the video's."""
    try:
        clock = datetime.fromisoformat(line["timestamp"]).astimezone().strftime("%H:%M:%S")
    except ValueError:
        clock = line["timestamp"]
    return {**{name: value for name, value in line.items() if name not in _IDS}, "timestamp": clock}


def readable(line: dict[str, Any]) -> Iterator[str]:
    """Yields a line as `18:55:57.123 mirror_video ERROR message name=value …`, with a traceback below it."""
    hidden = {*_LEADING_FIELDS, "function", "exception", *_HIDDEN_FIELDS}
    fields = [f"{name}={_plain(value)}" for name, value in line.items() if name not in hidden and value is not None]
    level, message = line.get("level", ""), line.get("message", "")
    yield " ".join(filter(None, (line["timestamp"], line["function"], _plain(level), _plain(message), *fields)))
    yield from (f"    {text}" for text in str(line.get("exception") or "").splitlines())


def camel(function: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in function.split("_"))


def snake(name: str) -> str:
    """Returns a function's name as its folder has it."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name.removesuffix("Function")).lower()


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
