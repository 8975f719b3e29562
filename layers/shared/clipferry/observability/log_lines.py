"""Reads the lines that `log` writes, for a person: `make dev` and `clipferry logs` show them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

METRICS_MARK: Final = '"_aws":'
"""Lines with this are metrics for CloudWatch (embedded metric format), and aren't shown."""
IDS: Final = frozenset({"function_request_id", "correlation_id", "xray_trace_id"})
_HEAD: Final = frozenset({"timestamp", "level", "message", "function_name"})
_TRACEBACK: Final = frozenset({"exception", "exception_name", "stack_trace"})
"""One in three forms."""
_ALWAYS_ALIKE: Final = frozenset({"service", "location", "function_arn", "function_memory_size", "cold_start"})


def parse(text: str) -> dict[str, Any]:
    """Returns the fields of a line: ours are JSON, and what Lambda and the interpreter write becomes a `message`."""
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = text
    return parsed if isinstance(parsed, dict) else {"message": text}


def details(line: Mapping[str, Any], *, hidden: Collection[str]) -> list[str]:
    """Returns `name=value` for each field that tells something of this line, but those `hidden`."""
    unshown = {*_HEAD, *_TRACEBACK, *_ALWAYS_ALIKE, *hidden}
    return [f"{name}={plain(value)}" for name, value in line.items() if name not in unshown and value not in (None, "")]


def traceback(line: Mapping[str, Any]) -> list[str]:
    return [f"    {text}" for text in str(line.get("exception") or "").splitlines()]


def plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def folder(function: str) -> str:
    """Returns a function's name as its folder has it: mirror_video for MirrorVideoFunction."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", function.removesuffix("Function")).lower()
