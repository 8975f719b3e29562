"""The command line as a person sees it: 80 columns, colours, times that say how long ago, its help and its errors."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest

from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from tests import books, journeys
from tests.command_line import Clipferry, on_a_terminal
from tests.database import new_database

COMMANDS = [
    ("videos", "list"),
    ("videos", "stuck", "--late", "0"),
    ("videos", "list", "--status", "failed"),
    ("credits", "balance", "ann"),
    ("credits", "history", "ann"),
    ("callbacks", "show"),
    ("keys", "list"),
    ("-h",),
    ("videos", "list", "-h"),
    ("credits", "grant", "--help"),
]


@pytest.fixture
def videos(database: Database) -> dict[VideoStatus, str]:
    books.add_user(database)
    books.add_package(database, 1000)
    made = {status: journeys.video_at(database, status) for status in VideoStatus}
    books.execute(database, "update public.videos set created_at = created_at - interval '3 hours'")
    books.execute(
        database, "update clipferry.jobs set deadline = now() - interval '5 minutes' where deadline is not null"
    )
    return made


def without_colours(shown: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", shown)


def test_everything_fits_into_80_columns_in_colour_and_is_told_as_people_tell_it(
    database_url: str, videos: dict[VideoStatus, str]
) -> None:
    explained = ("explain", videos[VideoStatus.COMPLETED])
    shown = on_a_terminal([*COMMANDS, explained], database_url, COLUMNS="80", NO_COLOR="")
    text = without_colours(shown)

    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert not re.search("[\u2500-\u257f]", text), "no boxes"
    assert f"\x1b[32m{VideoStatus.COMPLETED}" in shown
    assert f"\x1b[31m{VideoStatus.FAILED}" in shown
    for uuid in videos.values():
        assert re.search(rf"^{uuid} +[A-Z]+ +3 h ago ", text, re.MULTILINE), "a video is one line, whole"
    assert "5 min ago" in text
    assert re.search(r"\+\d+\.\d\d s ", text), "a video's history is told from its beginning"
    assert not re.search(r"\d{4}-\d\d-\d\dT", text)

    plain = on_a_terminal([("videos", "list")], database_url, COLUMNS="80", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain)


def test_a_pipe_gets_tabs_and_all_columns(clipferry: Clipferry, videos: dict[VideoStatus, str]) -> None:
    heading, *rows = (line.split("\t") for line in clipferry("videos", "list").out.splitlines())
    as_json = clipferry("videos", "list", "--json").json

    assert heading == list(as_json[0])
    assert [dict(zip(heading, row, strict=True))["uuid"] for row in rows] == [row["uuid"] for row in as_json]
    assert [row[heading.index("created_at")] for row in rows] == [row["created_at"] for row in as_json]


@pytest.mark.parametrize("arguments", [("-h",), ("--help",), ("videos", "-h"), ("videos", "retry", "-h")])
def test_help_is_plain_text(clipferry: Clipferry, arguments: tuple[str, ...]) -> None:
    ended = clipferry(*arguments)

    assert (ended.status, ended.err) == (0, "")
    assert "Usage: " in ended.out
    assert ended.out.isascii() or not re.search("[\u2500-\u257f]", ended.out)


@pytest.mark.parametrize(
    "arguments",
    [
        ("credits", "grant", "ann", "-5", "--order-no", "x", "--yes"),
        ("credits", "refund", "ann", "--order-no", "x", "-5", "--yes"),
    ],
)
def test_a_negative_number_is_a_number_that_is_too_small(clipferry: Clipferry, arguments: tuple[str, ...]) -> None:
    ended = clipferry(*arguments)

    assert ended.status == 2
    assert "AMOUNT" in ended.err
    assert "No such option" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("credits", "history", "ann", "--limit", "0"),
        ("credits", "history", "ann", "--limit", "99999999999999999999"),
        ("credits", "history", "ann", "--offset", "-1"),
        ("videos", "stuck", "--late", "99999999999999999999"),
    ],
)
def test_a_number_that_the_database_would_refuse_is_wrong_usage(
    clipferry: Clipferry, arguments: tuple[str, ...]
) -> None:
    ended = clipferry(*arguments)

    assert ended.status == 2
    assert f"Invalid value for '{arguments[-2]}'" in ended.err


def test_a_key_with_a_negative_id_is_a_key_that_there_is_not(clipferry: Clipferry) -> None:
    ended = clipferry("keys", "revoke", "-5")

    assert ended.status == 1
    assert "-5" in ended.err
    assert "No such option: --lost" in clipferry("keys", "revoke", "5", "--lost").err


@pytest.fixture
def empty(server_url: str, monkeypatch: pytest.MonkeyPatch, clipferry: Clipferry) -> Iterator[None]:
    with new_database(server_url) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        yield


@pytest.mark.parametrize(
    "arguments", [("videos", "list"), ("explain", "vid_1"), ("keys", "list"), ("callbacks", "show")]
)
def test_a_database_that_is_not_migrated_is_told_as_that(
    clipferry: Clipferry, empty: None, arguments: tuple[str, ...]
) -> None:
    ended = clipferry(*arguments)

    assert ended.status == 1
    assert "run `clipferry migrate`" in ended.err
    assert "our side" not in ended.err


def test_what_the_database_refuses_is_told_in_its_words(
    clipferry: Clipferry, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise psycopg.errors.CheckViolation("new row violates a rule")

    monkeypatch.setattr("clipferry.db.operator_queries.latest", refuse)
    ended = clipferry("videos", "list")

    assert ended.status == 1
    assert "new row violates a rule" in ended.err
    assert "our side" not in ended.err
    assert "Please try again" not in ended.err
