"""Reads the bodies of requests to fake providers."""

from __future__ import annotations

import json
from typing import Any


def read_object(body: bytes) -> dict[str, Any] | None:
    """Returns the JSON object; None for anything else."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None
