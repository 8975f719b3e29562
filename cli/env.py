"""`clipferry env`: prints a stack's settings, so that the other commands act on that stack."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import Annotated, Final

import typer

from cli import local_stack
from cli.output import print_error, print_json, spinner, stop
from cli.stacks import DeployedStack

FUNCTION = "ReconcileFunction"
"""The function whose settings are read: it uses providers, queue and database, so it has all that a command needs."""


LOCAL: Final = "local"


def env(
    stack: Annotated[
        str, typer.Argument(metavar="STACK", help="The stack's name in CloudFormation, or `local` for `make dev`'s.")
    ],
    port: Annotated[str, typer.Option(metavar="PORT", help="Which local stack, if several run.")] = "",
    sam: Annotated[
        bool,
        typer.Option("--sam", help="Print the local stack's settings as `sam local invoke --env-vars` reads them."),
    ] = False,
) -> None:
    """Prints shell commands that make this shell act on a stack: eval "$(clipferry env STACK)".

    They set the functions' settings, without a deployed stack's secrets (SECRETS_ARN names the secret that holds them),
    and your own AWS credentials, so don't store them in a file. They unset every setting that the functions don't have,
    so that no command acts on the database of another stack.
    """
    if stack == LOCAL:
        found = local_stack.the_one(port)
        if sam:
            print_json({"Parameters": _in_a_container(found.environment)})
        else:
            _print_commands(local_stack.shell_settings(found.environment))
        return
    if sys.stdout.isatty():
        stop(f'The output contains credentials and is not for a screen: eval "$(clipferry env {stack})"')
    deployed = DeployedStack(stack)
    with spinner(f"Asking AWS about {stack}"):
        values = {
            **local_stack.shell_settings(deployed.environment(FUNCTION)),
            **deployed.credentials(),
            "AWS_REGION": deployed.region,
            "CLIPFERRY_STACK": stack,
        }
    _print_commands(values)


def _in_a_container(values: Mapping[str, str]) -> Mapping[str, str]:
    """Returns the settings without what names a file of this machine, and says so."""
    if values.get("MODELS_FILE"):
        print_error("MODELS_FILE isn't in a container: functions there use the built-in catalogue.")
    return {**values, "MODELS_FILE": ""}


def _print_commands(values: Mapping[str, str]) -> None:
    for name, value in values.items():
        typer.echo(f"export {name}={shlex.quote(value)}" if value else f"unset {name}")
