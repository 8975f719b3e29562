"""What a refused request is told: the fields at fault, and what is wrong with each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clipferry.errors import InvalidRequestError


def fields_of(attempt: Callable[[], object]) -> list[dict[str, Any]]:
    """Runs what must be refused; returns `details.fields` of the error, each with a message."""
    with pytest.raises(InvalidRequestError) as refused:
        attempt()
    assert refused.value.details is not None
    fields = refused.value.details["fields"]
    assert all(fault["message"] for fault in fields)
    return fields


def faults_of(attempt: Callable[[], object]) -> list[tuple[str, str]]:
    """Returns path and code of each field at fault."""
    return [(fault["path"], fault["code"]) for fault in fields_of(attempt)]
