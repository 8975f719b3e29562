"""The settings of the commands that act as the functions do: the environment's, and its secret's behind them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout

import typer

from clipferry import runtime
from clipferry.errors import ConfigurationError
from clipferry.role import Role
from clipferry.settings import Settings


@contextmanager
def configured(*, sends: bool = False) -> Iterator[Settings]:
    """All settings; `runtime` is ready within the block and closed after it. Exit 2 when they are not complete.

    With `sends` AWS's credentials have to be there, as the queue's signer finds them: better known now than half-way.
    Standard output stays the command's own: metrics, which a function prints there, go to standard error.
    """
    try:
        settings = runtime.settings()
        if sends:
            Role(os.environ).credentials()
    except ConfigurationError as error:
        typer.echo(f"{error.message} {error}", err=True)
        runtime.reset()
        raise typer.Exit(2) from None
    try:
        with redirect_stdout(sys.stderr):
            yield settings
    finally:
        runtime.reset()


def of_the_bucket() -> Mapping[str, str]:
    """STORAGE_* from the environment, or from the secret that SECRETS_ARN names."""
    if not os.environ.get("SECRETS_ARN"):
        return os.environ
    with configured() as settings:
        return {
            **os.environ,
            "STORAGE_ENDPOINT": settings.storage_endpoint,
            "STORAGE_REGION": settings.storage_region,
            "STORAGE_ACCESS_KEY": settings.storage_access_key.get_secret_value(),
            "STORAGE_SECRET_KEY": settings.storage_secret_key.get_secret_value(),
            "STORAGE_BUCKET": settings.storage_bucket,
            "STORAGE_DOMAIN": settings.storage_domain or "",
        }
