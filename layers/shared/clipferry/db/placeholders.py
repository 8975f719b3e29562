"""`%(name)s` as PostgreSQL wants it, `$1`: each text is rewritten once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.adapt import PyFormat

_PERCENT = re.compile(r"%(?:\(([^)]+)\)s|.?)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """`$n` stands for `names[n - 1]`; `formats` leaves the form of each to psycopg."""

    text: bytes
    names: tuple[str, ...]
    formats: tuple[PyFormat, ...]

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        """In the order of `names`; more may be there. Raises psycopg.ProgrammingError when one is missing."""
        try:
            return [parameters[name] for name in self.names]
        except KeyError:
            missing = ", ".join(sorted(set(self.names) - set(parameters)))
            raise psycopg.ProgrammingError(f"query parameter missing: {missing}") from None


@lru_cache(maxsize=1024)  # the product has about a hundred
def numbered(sql: str) -> Numbered:
    """`%%` is a percent sign. Raises psycopg.ProgrammingError when one stands for nothing."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        if found[1] is not None:
            return f"${numbers.setdefault(found[1], len(numbers) + 1)}"
        if found[0] == "%%":
            return "%"
        raise psycopg.ProgrammingError(f"neither %(name)s nor %%: {sql[found.start() :][:20]!r}")

    text = _PERCENT.sub(number, sql)
    return Numbered(text=text.encode(), names=tuple(numbers), formats=(PyFormat.AUTO,) * len(numbers))
