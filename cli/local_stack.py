"""Finds the local stacks that run on this machine, by what `make dev` writes into `.local/PORT/`."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.output import print_error, stop
from clipferry.settings import Settings

FOLDER: Final = Path(__file__).parents[1] / ".local"
FOLDER_VARIABLE: Final = "CLIPFERRY_LOCAL"
OF_ANOTHER: Final = ("DATABASE_URL", "DATABASE_DIRECT_URL", "SECRETS_ARN")
"""While one of these is set, the shell is about another stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStack:
    """A stack that runs. `environment` has its handlers' settings; an empty value is none."""

    name: str
    url: str
    token: str | None
    log: Path
    environment: Mapping[str, str]


def folder() -> Path:
    return Path(os.environ.get(FOLDER_VARIABLE) or FOLDER)


def running() -> list[LocalStack]:
    """Returns those that run, by port."""
    return sorted(_running(), key=lambda stack: stack.name)


def the_one(port: str = "", *, otherwise: str = "") -> LocalStack:
    """Returns the stack on this port, or the only one; without one the command ends with exit status 2.

    `otherwise` ends the sentence that says so.
    """
    found = [stack for stack in running() if port in ("", stack.name)]
    if not found:
        stop(f"No local stack runs{f' on port {port}' if port else ''}: start one with `make dev`{otherwise}.")
    if len(found) > 1:
        stop(f"Several local stacks run, on the ports {_ports(found)}: name one with --port (make's PORT=…).")
    return found[0]


def use() -> None:
    """Makes the commands act on the local stack, and says so, where the shell names no other and exactly one runs."""
    if any(os.environ.get(name) for name in OF_ANOTHER):
        return
    found = running()
    if len(found) > 1:
        print_error(
            f"Several local stacks run, on the ports {_ports(found)}: "
            f'eval "$(clipferry env local --port {found[0].name})" chooses one.'
        )
    if len(found) == 1:
        os.environ.update(shell_settings(found[0].environment))
        print_error(f"On the local stack at {found[0].url}.")


def shell_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns a stack's settings, and an empty value for every other one."""
    return {**dict.fromkeys((name.upper() for name in Settings.model_fields), ""), **environment}


def _running() -> Iterator[LocalStack]:
    for file in folder().glob("*/stack.json"):
        with suppress(OSError, ValueError, KeyError):
            if _is_locked(file.with_name("lock")):
                facts = json.loads(file.read_text())
                yield LocalStack(
                    name=file.parent.name,
                    url=facts["url"],
                    token=facts["token"],
                    log=Path(facts["log"]),
                    environment=facts["environment"],
                )


def _is_locked(lock: Path) -> bool:
    """Whether the stack that wrote the file still lives: it holds the lock for as long as it does."""
    with lock.open() as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _ports(stacks: list[LocalStack]) -> str:
    return ", ".join(stack.name for stack in stacks)
