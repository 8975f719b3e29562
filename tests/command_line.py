"""Runs `clipferry` within the test, or on a pseudo-terminal: what it printed, and how it ended."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
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


ROOT = Path(__file__).parents[1]
_ALL_IN_ONE_PROCESS = """
import json, sys
from cli.app import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["clipferry", *arguments]
    try: main()
    except SystemExit as ended: assert ended.code in (0, 1, None), (arguments, ended.code)
print("all done")
"""


def on_a_terminal(commands: Sequence[Sequence[str]], database_url: str, **environment: str) -> str:
    """Returns what the commands wrote to the pseudo-terminal that is their output and their standard error."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, "DATABASE_URL": database_url, "TERM": "xterm-256color", **environment}
    variables.pop("DATABASE_DIRECT_URL", None)
    command = [sys.executable, "-c", _ALL_IN_ONE_PROCESS, json.dumps(commands)]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables, cwd=ROOT) as running:
        os.close(theirs)
        shown = bytearray()
        while chunk := _read(ours):
            shown += chunk
        os.close(ours)
    assert running.returncode == 0, shown.decode(errors="replace")
    return shown.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says EIO when the last writer has gone
        return b""
