"""Where a local stack keeps what it made, and where other programs find it while it runs: `.local/PORT/`.

While it runs, it holds a lock on the file `lock`, and `stack.json` says where everything is (`clipferry` reads it).
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[1] / ".local"
VARIABLE: Final = "CLIPFERRY_LOCAL"
"""Names another folder; tests have their own."""


class StateTakenError(Exception):
    """Another stack uses the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A folder that this process alone uses."""

    folder: Path
    reset: bool
    """Whether it begins anew; PostgreSQL's part is deleted by the process that runs it."""

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def bucket(self) -> Path:
        return self.folder / "bucket"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def callback_secret(self) -> str:
        """The same at every start, so that a callback that is on its way is still believed."""
        file = self.folder / "callback-secret"
        if not file.exists():
            _write_private(file, secrets.token_hex(32))
        return file.read_text()

    def announce(self, facts: dict[str, Any]) -> None:
        """Says where the stack is; others read it for as long as the lock is held."""
        _write_private(self.folder / "stack.json", json.dumps(facts, indent=2))

    def withdraw(self) -> None:
        (self.folder / "stack.json").unlink(missing_ok=True)


@contextmanager
def kept_state(name: str, *, reset: bool = False) -> Iterator[State]:
    """Yields the state of this name. Raises StateTakenError."""
    folder = Path(os.environ.get(VARIABLE) or FOLDER) / name
    folder.mkdir(parents=True, exist_ok=True)
    for each in (folder.parent, folder):
        each.chmod(0o755)  # for PostgreSQL's user, when root starts it
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateTakenError(f"another stack uses {folder}") from None
        state = State(folder=folder, reset=reset)
        state.withdraw()  # what one that was killed has announced
        if reset:
            for old in (state.bucket, folder / "tasks"):
                with suppress(FileNotFoundError):
                    shutil.rmtree(old)
            (folder / "callback-secret").unlink(missing_ok=True)
        try:
            yield state
        finally:
            state.withdraw()


def _write_private(file: Path, text: str) -> None:
    """A key of your own may be in it."""
    new = file.with_suffix(".new")
    with suppress(FileNotFoundError):
        new.unlink()
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
    new.replace(file)
