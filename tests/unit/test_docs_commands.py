"""Every `make` target and every `clipferry` command and option that a page names exists."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "events/README.md"]
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CLIPFERRY: Any = get_command(app)


def code(page: Path) -> list[str]:
    """The page's lines of shell, and what it has between backticks."""
    text = page.read_text(encoding="utf-8")
    lines = [line.partition(" # ")[0] for block in BLOCK.findall(text) for line in block.splitlines()]
    return lines + re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))


def unknown(line: str) -> list[str]:
    """What a `clipferry …` line names that isn't there."""
    command, wrong = CLIPFERRY, []
    for word in line.split()[1:]:
        if word.startswith("--"):
            option = word.partition("=")[0]
            known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
            wrong += [f"{command.name} {option}"] if option not in known else []
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return [*wrong, word]
            command = command.commands[word]
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_ours_exists(page: Path) -> None:
    lines = [line for line in code(page) if re.match(r"clipferry [a-z]", line)]

    assert [fault for line in lines for fault in unknown(line)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_target_of_make_exists(page: Path) -> None:
    named = {found[1] for line in code(page) if (found := re.match(r"make ([a-z][a-z-]*)", line))}

    assert named - TARGETS == set()


def test_the_debuggers_configurations_run_what_there_is() -> None:
    text = re.sub(r"^ *//.*$", "", (ROOT / ".vscode/launch.json").read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert [each["module"] for each in json.loads(text)["configurations"] if find_spec(each["module"]) is None] == []


def test_the_debuggers_breakpoint_is_a_line_of_its_file() -> None:
    page = (ROOT / "docs/local-stack.md").read_text(encoding="utf-8")
    found = re.search(r"breakpoint, for instance in `([^`]+)`, at `([^`]+)`", page)

    assert found is not None
    assert found[2] in [line.strip() for line in (ROOT / found[1]).read_text(encoding="utf-8").splitlines()]


def test_a_wrong_command_is_named() -> None:
    assert unknown("clipferry videos lost") == ["lost"]
    assert unknown("clipferry redrive --all --yes") == ["redrive --all"]
    assert unknown('clipferry videos retry "$UUID" --yes') == []
