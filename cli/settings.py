"""Settings for the commands that act as the functions do, from the environment and from its secret."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout

from cli import local_stack
from cli.errors import sentence
from cli.output import stop
from clipferry import runtime
from clipferry.aws.role_credentials import RoleCredentials
from clipferry.dependencies import Dependencies
from clipferry.errors import ConfigurationError


@contextmanager
def open_dependencies(*, needs_aws: bool = False) -> Iterator[Dependencies]:
    """The functions' dependencies, closed after the block. With incomplete settings the command ends with status 2.

    With `needs_aws` it also ends then if there are no AWS credentials for the queue, rather than half-way through.
    Metrics, which a function prints to standard output, go to standard error.
    """
    local_stack.use()
    try:
        dependencies = runtime.dependencies()
        if needs_aws:
            RoleCredentials(os.environ).credentials()
    except ConfigurationError as error:
        runtime.reset()
        stop(sentence(error))
    try:
        with redirect_stdout(sys.stderr):
            yield dependencies
    finally:
        runtime.reset()


def storage_environment() -> Mapping[str, str]:
    """The environment, with the STORAGE_* variables of the secret if SECRETS_ARN names one."""
    if not os.environ.get("STORAGE_ENDPOINT"):
        local_stack.use()
    if not os.environ.get("SECRETS_ARN"):
        return os.environ
    with open_dependencies() as dependencies:
        settings = dependencies.settings
        return {
            **os.environ,
            "STORAGE_ENDPOINT": settings.storage_endpoint,
            "STORAGE_REGION": settings.storage_region,
            "STORAGE_ACCESS_KEY": settings.storage_access_key.get_secret_value(),
            "STORAGE_SECRET_KEY": settings.storage_secret_key.get_secret_value(),
            "STORAGE_BUCKET": settings.storage_bucket,
            "STORAGE_DOMAIN": settings.storage_domain or "",
        }
