"""Runs `clipferry` within the test: what it printed, and how it ended."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from cli.app import main


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that is over."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, which is JSON and nothing else."""
        return json.loads(self.out)


Clipferry = Callable[..., Ended]
"""Takes the command's arguments and, as `answer`, what the operator types at a terminal; None is no terminal."""


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def runner(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clipferry:
    """The command line on `database_url`."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("DATABASE_DIRECT_URL", raising=False)

    def run(*arguments: str, answer: str | None = None) -> Ended:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["clipferry", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO() if answer is None else _Terminal(answer))
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Ended(status=int(ended.value.code or 0), out=printed.out, err=printed.err)

    return run
