"""Whatever text a command is given to print, no character of it acts on the terminal, and none of it is markup."""

from __future__ import annotations

import ast
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from cli import log_lines, output
from cli.doctor import command as doctor
from cli.doctor.findings import Finding, Outcome
from clipferry.observability.control_characters import escape_controls

ROOT = Path(__file__).parents[2]
ATTACKS = (
    "\x1b]52;c;cm0gLXJmIH4=\x07",
    "\x1b[2J",
    "\x9b2J",
    "fine\rgone",
    "\u202etxt.exe",
    "\u2066\u061c",
    "[/x]",
    "[link=https://a.example]b[/link]",
    "[red]",
    ":smile:",
    "\x7f\x85\u2028",
    "\ud800",
    "\\[b]",
)
TEXT = st.one_of(st.text(), st.sampled_from(ATTACKS), st.lists(st.sampled_from(ATTACKS)).map("".join))
prints = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def is_harmless(text: str) -> bool:
    """Whether no character but the line breaks between our own lines is a control, a bidi control or a surrogate."""
    return not any(
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(char) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        or char in "\u061c\u200e\u200f"
        for char in text.replace("\n", "")
    )


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A console that folds no cell, so that a test finds a text in one piece."""
    monkeypatch.setattr(output, "console", Console(width=100_000))


@prints
@given(text=TEXT)
def test_a_line_is_one_line_on_either_stream(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.print_line(text)
    output.print_error(text)
    printed = capsys.readouterr()
    assert printed.out == printed.err == escape_controls(text) + "\n"
    assert is_harmless(printed.out)
    assert printed.out.count("\n") == 1


@prints
@given(text=TEXT)
def test_a_table_shows_a_text_as_it_is_but_for_its_control_characters(
    text: str, wide: None, capsys: pytest.CaptureFixture[str]
) -> None:
    output.print_records([{"name": text, "detail": {text: text}}], as_json=False, title=text)
    printed = capsys.readouterr().out
    assert is_harmless(printed)
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
    text: str, wide: None, capsys: pytest.CaptureFixture[str]
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
    assert is_harmless(output.literal_text(text).plain)


@prints
@given(text=TEXT, level=st.one_of(TEXT, st.integers(), st.none()))
def test_a_log_line_is_one_line_and_each_of_its_tracebacks_lines_is_one(
    text: str, level: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    line = {"timestamp": "12:00", "function": "migrate", "level": level, "message": text, text: text, "exception": text}
    for printed in log_lines.readable(line):
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
