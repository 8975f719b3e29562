"""`clipferry env`: the settings of a deployed stack, for the commands that act as its functions do."""

from __future__ import annotations

import shlex
import sys

import typer

from cli.output import working
from cli.stacks import DeployedStack
from clipferry.settings import Settings

FUNCTION = "ReconcileFunction"
"""It asks providers, sends to the queue and writes to the database: its settings are all that a command needs."""


def env(stack: str) -> None:
    """Print what makes this shell act on STACK, to be evaluated: eval "$(clipferry env STACK)".

    It is the settings that the functions have, without the secrets (SECRETS_ARN names where those are), and the
    credentials that you are signed in to AWS with: don't keep it in a file. What the functions don't have is unset, so
    that no command acts on another database than theirs.
    """
    if sys.stdout.isatty():
        typer.echo(f'It has credentials in it, so not on a screen: eval "$(clipferry env {stack})"', err=True)
        raise typer.Exit(2)
    deployed = DeployedStack(stack)
    with working(f"Asking AWS about {stack}"):
        values = {
            **dict.fromkeys((name.upper() for name in Settings.model_fields), ""),
            **deployed.environment(FUNCTION),
            **deployed.credentials(),
            "AWS_REGION": deployed.region,
            "CLIPFERRY_STACK": stack,
        }
    for name, value in values.items():
        typer.echo(f"export {name}={shlex.quote(value)}" if value else f"unset {name}")
