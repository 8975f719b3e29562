"""A function as the local stack reads one from a template, for tests that care about some of its fields only."""

from __future__ import annotations

from typing import Any

from local.sam_template.resources import Function


def local_function(name: str, **changes: Any) -> Function:
    fields: dict[str, Any] = {
        "name": name,
        "module": "",
        "attribute": "lambda_handler",
        "timeout_seconds": 30,
        "memory_mb": 256,
        "environment": {},
        "unresolved": {},
    }
    return Function(**fields | changes)
