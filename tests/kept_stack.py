"""`make dev` as a process of its own, with a folder of its own, on a terminal of its own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from local.development_user import TOKEN
from tests.stack_world import Answer, send

ROOT = Path(__file__).parents[1]
READY = "From here on"
_ON_A_TERMINAL = """
import fcntl, os, signal, sys, termios
for number in (signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may have begun with nohup
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "local.dev"])
"""


@dataclass
class KeptStack:
    """One `make dev`; `said` is what its terminal has shown so far."""

    port: int
    process: subprocess.Popen[bytes]
    terminal: int
    said: str = ""

    @classmethod
    def start(cls, port: int, environment: dict[str, str]) -> KeptStack:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": "", "PORT": str(port), **environment},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        started = cls(port=port, process=process, terminal=ours)
        started.shows(READY)
        return started

    def shows(self, text: str) -> None:
        """Reads until the terminal has shown this."""
        while text not in self.said:
            self.said += self._more()

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        return send(method, f"http://127.0.0.1:{self.port}{path}", body, {"Authorization": f"Bearer {TOKEN}"})

    def processes(self, state: Path) -> list[psutil.Process]:
        """The stack's own and all that it has started; PostgreSQL leaves its family, as servers do."""
        postmaster = int((state / "postgres/data/postmaster.pid").read_text().split()[0])
        parents = [psutil.Process(self.process.pid), psutil.Process(postmaster)]
        return [each for parent in parents for each in (parent, *parent.children(recursive=True))]

    def hang_up(self) -> None:
        """Closes the terminal; the kernel sends SIGHUP."""
        os.close(self.terminal)
        self.terminal = -1

    def ended(self) -> int:
        """Waits for its end, and reads what it says until then."""
        while self.terminal >= 0:
            try:
                self.said += self._more()
            except AssertionError:
                os.close(self.terminal)
                self.terminal = -1
        return self.process.wait(60)

    def _more(self) -> str:
        try:
            found = os.read(self.terminal, 65536)
        except OSError:  # Linux says EIO when the last writer has gone
            found = b""
        assert found, f"it has ended: {self.said}"
        return found.decode(errors="replace")


def waits(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited for a minute")
