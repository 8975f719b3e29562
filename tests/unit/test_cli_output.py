"""Whatever text a command is given to print, no character of it acts on the terminal, and none of it is markup."""

from __future__ import annotations

import ast
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from cli import logs, output, tables
from cli.doctor import command as doctor
from cli.doctor.findings import Finding, Outcome
from cli.errors import sentence
from clipferry.errors import ClipferryError, DatabaseUnavailableError, NotFoundError
from clipferry.observability.control_characters import escape_controls
from tests.terminal_attacks import TEXT, is_harmless

ROOT = Path(__file__).parents[2]
prints = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(params=["pipe", "terminal"])
def wide(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A console that folds no cell, so that a test finds a text in one piece; a terminal's has no colour."""
    is_terminal = request.param == "terminal"
    console = Console(width=100_000, force_terminal=is_terminal, color_system=None)
    monkeypatch.setattr(output, "console", console)
    return request.param


@prints
@given(text=TEXT)
def test_a_line_is_one_line_on_either_stream(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.print_line(text)
    output.print_error(text)
    printed = capsys.readouterr()
    assert printed.out == printed.err == escape_controls(text) + "\n"
    assert is_harmless(printed.out)
    assert printed.out.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "cause", "said"),
    [
        (ClipferryError("ProgrammingError: no such URL\n"), None, "ProgrammingError: no such URL"),
        (
            DatabaseUnavailableError("OperationalError"),
            psycopg.OperationalError("refused\n\tIs it running?"),
            f"{DatabaseUnavailableError.sentence()} OperationalError: refused Is it running?",
        ),
        (NotFoundError("no user ann"), LookupError("no user ann"), "There is nothing here. no user ann"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_is_one_line_that_says_nothing_twice(
    error: ClipferryError, cause: Exception | None, said: str
) -> None:
    error.__cause__ = cause

    assert sentence(error) == said


@prints
@given(text=TEXT)
def test_a_table_shows_a_text_as_it_is_but_for_its_control_characters(
    text: str, wide: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output.print_records([{"name": text, "detail": {text: text}}], as_json=False, title=text)
    printed = capsys.readouterr().out
    tabs = [1, 1] if wide == "pipe" else [0, 0, *([0] if text else [])]
    assert [line.count("\t") for line in printed.splitlines()] == tabs
    assert is_harmless(printed.replace("\t", " "))
    assert escape_controls(text).strip() in printed


@prints
@given(text=TEXT)
def test_json_is_the_same_data_and_one_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.print_records([{"name": text, "nested": {text: [text]}}], as_json=True, title="")
    output.print_result("", as_json=True, fact=text)
    printed = capsys.readouterr().out
    assert is_harmless(printed)
    records, fact = (json.loads(line) for line in printed.splitlines())
    assert records == [{"name": text, "nested": {text: [text]}}]
    assert fact == {"fact": text}


@prints
@given(text=TEXT)
def test_findings_tracebacks_and_progress_show_no_control_character(
    text: str, wide: str, capsys: pytest.CaptureFixture[str]
) -> None:
    doctor._print(Finding(check="queue", outcome=Outcome.FAILED, detail=text, advice=text))
    assert capsys.readouterr().out.count(escape_controls(text)) >= 2
    try:
        raise ValueError(text)  # noqa: TRY301 - its traceback quotes the text
    except ValueError as error:
        output.print_traceback(error)
    with output.spinner(text):
        pass
    assert is_harmless(capsys.readouterr().err)
    assert is_harmless(tables.literal(text).plain)


@prints
@given(text=TEXT, level=st.one_of(TEXT, st.integers(), st.none()))
def test_a_log_line_is_one_line_and_each_of_its_tracebacks_lines_is_one(
    text: str, level: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    line = {"timestamp": "12:00", "function": "migrate", "level": level, "message": text, text: text, "exception": text}
    for printed in logs.readable(line):
        output.print_line(printed)
    output.print_json(line)
    assert is_harmless(capsys.readouterr().out)


def test_chinese_emoji_and_right_to_left_letters_stay_readable() -> None:
    text = "渡轮 👩\u200d🚀 שלום naïve"
    assert escape_controls(text) == text


@pytest.mark.parametrize("module", sorted((ROOT / "cli").rglob("*.py")), ids=lambda path: path.stem)
def test_only_the_module_that_escapes_prints(module: Path) -> None:
    """`env` prints for the shell and refuses a terminal; the contract's generator writes a file of ours."""
    calls = [node.func for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
    printing = {ast.unparse(called) for called in calls} & {"print", "typer.echo", "console.print", "typer.secho"}
    allowed = module.name in ("output.py", "env.py") or "openapi" in module.parts
    assert allowed or not printing


NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
VIDEO = {
    "uuid": "vid_FUYVgvaP8ueXzKdum5vsb",
    "user_id": "a-user-whose-id-is-thirty-two-ch",
    "status": "COMPLETED",
    "model": "kling-v2-master",
    "created_at": NOW - timedelta(hours=3),
    "failure_code": "FILE_UNAVAILABLE",
}


def laid_out(records: list[dict[str, Any]], **options: Any) -> list[str]:
    console = Console(width=80, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(tables.columns(records, "Videos", tables.Layout(now=NOW, width=80, **options)))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_the_most_important_columns_are_shown_and_the_others_named() -> None:
    shown = laid_out([VIDEO] * 2, priority=("uuid", "status", "created_at", "model", "failure_code", "user_id"))

    assert shown[0] == "Videos  (more with --json)"
    assert shown[1].split("  ")[:2] == ["uuid", ""]
    assert shown[2] == shown[3]
    assert re.fullmatch(r"vid_FUYVgvaP8ueXzKdum5vsb  COMPLETED  3 h ago  kling-v2-master  FILE_UNAVAILABLE", shown[2])
    assert len(shown) == 4


def test_without_an_order_of_importance_what_is_too_wide_stands_below_each_other() -> None:
    shown = laid_out([VIDEO, {**VIDEO, "failure_code": None}])

    assert "failure code  FILE_UNAVAILABLE" in shown
    assert len([line for line in shown if line.startswith("uuid ")]) == 2
    assert len([line for line in shown if line.startswith("failure code")]) == 1


def test_a_long_text_folds_in_the_last_column() -> None:
    shown = laid_out([{"id": 1, "detail": "word " * 60}])

    assert len(shown) > 4
    assert all(len(line) <= 80 for line in shown)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (5, "5 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7300, "2 h ago"),
        (3 * 86_400, "3 d ago"),
        (-90, "in 1 min"),
        (30 * 86_400, "2026-10-31"),
    ],
)
def test_a_time_is_told_from_now(seconds: int, words: str) -> None:
    assert tables.relative(NOW - timedelta(seconds=seconds), NOW) == words
