"""`clipferry env`: prints a deployed stack's settings, so that the other commands act on that stack."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from cli.output import print_error, spinner
from cli.stacks import DeployedStack
from clipferry.settings import Settings

FUNCTION = "ReconcileFunction"
"""The function whose settings are read: it uses providers, queue and database, so it has all that a command needs."""


def env(stack: Annotated[str, typer.Argument(metavar="STACK", help="The stack's name in CloudFormation.")]) -> None:
    """Prints shell commands that make this shell act on a deployed stack: eval "$(clipferry env STACK)".

    They set the functions' settings, without the secrets (SECRETS_ARN names the secret that holds them), and your own
    AWS credentials, so don't store them in a file. They unset every setting that the functions don't have, so that no
    command acts on the database of another stack.
    """
    if sys.stdout.isatty():
        print_error(f'The output contains credentials and is not for a screen: eval "$(clipferry env {stack})"')
        raise typer.Exit(2)
    deployed = DeployedStack(stack)
    with spinner(f"Asking AWS about {stack}"):
        values = {
            **dict.fromkeys((name.upper() for name in Settings.model_fields), ""),
            **deployed.environment(FUNCTION),
            **deployed.credentials(),
            "AWS_REGION": deployed.region,
            "CLIPFERRY_STACK": stack,
        }
    for name, value in values.items():
        typer.echo(f"export {name}={shlex.quote(value)}" if value else f"unset {name}")
