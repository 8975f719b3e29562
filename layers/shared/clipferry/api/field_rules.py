"""Rules that fields of several JSON bodies share."""

from __future__ import annotations

from typing import Final

from pydantic import BeforeValidator

NO_NUL: Final = r"^[^\x00]*$"
"""PostgreSQL's text takes every character but NUL."""


def _whole(value: object) -> object:
    """Takes 5.0 for 5: in JSON Schema it is an integer, and some clients write it so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WholeNumber: Final = BeforeValidator(_whole)
