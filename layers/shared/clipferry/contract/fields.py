"""What the fields of several bodies have in common."""

from __future__ import annotations

from typing import Final

from pydantic import BeforeValidator

NO_NUL: Final = r"^[^\x00]*$"
"""PostgreSQL's text takes every character but this one."""
PRINTABLE_ASCII: Final = "^[ -~]+$"


def _whole(value: object) -> object:
    """To JSON Schema 5.0 is an integer, and some clients write it so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole: Final = BeforeValidator(_whole)
