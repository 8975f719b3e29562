"""The settings of the commands that act as the functions do: the environment's, and its secret's behind them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout

import typer

from clipferry import runtime
from clipferry.aws.role_credentials import RoleCredentials
from clipferry.dependencies import Dependencies
from clipferry.errors import ConfigurationError


@contextmanager
def configured(*, sends: bool = False) -> Iterator[Dependencies]:
    """What the functions are given, closed after the block. Exit 2 when the settings are not complete.

    With `sends` AWS's credentials have to be there, as the queue's signer finds them: better known now than half-way.
    Standard output stays the command's own: metrics, which a function prints there, go to standard error.
    """
    try:
        needs = runtime.dependencies()
        if sends:
            RoleCredentials(os.environ).credentials()
    except ConfigurationError as error:
        typer.echo(f"{error.message} {error}", err=True)
        runtime.reset()
        raise typer.Exit(2) from None
    try:
        with redirect_stdout(sys.stderr):
            yield needs
    finally:
        runtime.reset()


def of_the_bucket() -> Mapping[str, str]:
    """STORAGE_* from the environment, or from the secret that SECRETS_ARN names."""
    if not os.environ.get("SECRETS_ARN"):
        return os.environ
    with configured() as needs:
        settings = needs.settings
        return {
            **os.environ,
            "STORAGE_ENDPOINT": settings.storage_endpoint,
            "STORAGE_REGION": settings.storage_region,
            "STORAGE_ACCESS_KEY": settings.storage_access_key.get_secret_value(),
            "STORAGE_SECRET_KEY": settings.storage_secret_key.get_secret_value(),
            "STORAGE_BUCKET": settings.storage_bucket,
            "STORAGE_DOMAIN": settings.storage_domain or "",
        }
