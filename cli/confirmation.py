"""Asking before anything that costs, or that changes money or files."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


def confirm(question: str, yes: bool) -> None:
    """Goes on after a yes. A no ends the command with 1; without a terminal nobody can be asked: 2, unless `yes`.

    The question goes to standard error, because standard output is for the result.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        typer.echo(f"{question} Nobody is there to be asked: say --yes.", err=True)
        raise typer.Exit(2)
    typer.echo(f"{question} [y/N] ", err=True, nl=False)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        typer.echo("Nothing was done.", err=True)
        raise typer.Exit(1)
