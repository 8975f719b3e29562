"""What an error says to an operator, whose side "our side" is: the sentence, and every cause behind it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import psycopg

from clipferry.errors import ClipferryError, ConfigurationError
from clipferry.setting_rules import database_urls

_URLS: Final = ("DATABASE_URL", "DATABASE_DIRECT_URL")
_NOT_MIGRATED: Final = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedObject,
    psycopg.errors.InvalidSchemaName,
)


def sentence(error: ClipferryError) -> str:
    """Returns one line; no password of a database's URL is in it."""
    causes = list(_causes(error))
    if any(isinstance(cause, _NOT_MIGRATED) for cause in causes):
        said = [f"The database isn't migrated, or not all the way: run `clipferry migrate`. ({_line(causes[-1])})"]
    else:
        said = [] if type(error) in (ClipferryError, ConfigurationError) else [error.message]
        detail = _line(error)
        if detail.removesuffix(".") not in " ".join(said) and detail not in {type(cause).__name__ for cause in causes}:
            said.append(detail)
        for cause in causes:
            if _line(cause) not in " ".join(said):
                said.append(f"{type(cause).__name__}: {_line(cause)}".removesuffix(": "))
    return _without_passwords(" ".join(said))


def _causes(error: BaseException) -> Iterator[BaseException]:
    while (cause := error.__cause__) is not None:
        yield cause
        error = cause


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _without_passwords(text: str) -> str:
    for name in _URLS:
        for password in sorted(database_urls.passwords(os.environ.get(name, "")), key=len, reverse=True):
            text = text.replace(password, "…")
    return text
