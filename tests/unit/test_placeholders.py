"""`%(name)s` becomes `$1`, as psycopg does it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import _queries
from psycopg.adapt import Transformer

from clipferry.db.placeholders import numbered

TEXTS = [
    "select 1",
    "",
    "select %(a)s",
    "select %(a)s::text, cast(%(b)s as integer), %(a)s || 'x'",
    "select %(b)s, %(a)s, %(b)s, %(c)s, %(a)s",
    "select '100 %%', x like 'a%%' from t where y %% 2 = %(a)s",
    "select %%(a)s, %%%(a)s, '%%%%'",
    "select %(a)s%(b)s",
    "select %(a)ss, array[%(a)s,%(b)s]",
    "select 'ä — 😀', %(a)s\n-- 50 %%\n, '{%(b)s}'",
    "select %(a b)s, %(ä)s, %(1)s",
]
REFUSED = ["select 5 % 2", "50 %", "select %s", "select %(a)", "select %(a)d", "select %(a", "select %()s", "%\n"]
VALUES: dict[str, Any] = {"a": 1, "b": "two", "c": None, "a b": 4, "ä": 5, "1": 6}


@pytest.mark.parametrize("sql", TEXTS)
def test_a_text_is_rewritten_as_psycopg_would(sql: str) -> None:
    theirs = _queries.PostgresQuery(Transformer())
    theirs.convert(sql.encode(), VALUES)
    ours, transformer = numbered(sql), Transformer()

    assert ours.text == theirs.query
    assert transformer.dump_sequence(ours.values(VALUES), ours.formats) == list(theirs.params or ())
    assert (transformer.types, transformer.formats) == (theirs.types, theirs.formats)


@pytest.mark.parametrize("sql", REFUSED)
def test_a_percent_sign_that_stands_for_nothing_is_refused(sql: str) -> None:
    with pytest.raises(psycopg.ProgrammingError, match="neither"):
        numbered(sql)


def test_a_name_that_is_repeated_is_one_parameter() -> None:
    found = numbered("select %(a)s, %(b)s, %(a)s")

    assert (found.text, found.names) == (b"select $1, $2, $1", ("a", "b"))


def test_a_parameter_that_nobody_asks_for_is_left_out() -> None:
    assert numbered("select %(b)s").values(VALUES) == ["two"]


def test_parameters_that_are_missing_are_named() -> None:
    with pytest.raises(psycopg.ProgrammingError, match="missing: d, z"):
        numbered("select %(z)s, %(a)s, %(d)s").values(VALUES)


def test_a_text_is_read_once() -> None:
    assert numbered("select %(once)s") is numbered("select %(once)s")
