"""Reads the bodies of requests to fake providers."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def read_object(body: bytes) -> dict[str, Any] | None:
    """Returns the JSON object; None for anything else, such as one with NaN, which Python reads."""
    try:
        fields = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
