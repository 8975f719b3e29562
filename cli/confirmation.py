"""Asks the operator before a command changes credits or files, or costs money."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.output import print_error, stop

Yes = Annotated[bool, typer.Option("--yes", help="Go on without asking.")]


def confirm(question: str, yes: bool) -> None:
    """Returns after a yes; any other answer ends the command with exit status 1.

    Where standard input isn't a terminal, the command ends with 2 unless `yes` is set. The question goes to standard
    error, because standard output is for the result.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        stop(f"{question} Standard input is no terminal: to go on without asking, pass --yes.")
    print_error(f"{question} [y/N] ", end="")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        stop("Stopped; nothing was changed.", status=1)
