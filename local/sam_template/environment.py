"""The handlers' environment: what the template says, filled in with what is local, and put into the process."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from clipferry import settings
from clipferry.settings import Settings
from local.sam_template.read import read_template
from local.services import Service

_CALLBACKS: Final = "/api/v1/video/callback"
_CREDENTIALS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class MissingVariableError(Exception):
    """A variable of the template has no local value; the message says which and why."""


def handler_environment(
    *,
    queues: Mapping[str, Mapping[str, str]],
    url: str,
    files_url: str,
    services: Iterable[Service],
    own: Mapping[str, str],
    callback_secret: str = "",
) -> dict[str, str]:
    """Returns the template's variables, replaced by local ones, by your own, and by the embedded services' ones.

    `queues` are `create_queues`'s, `url` is the gateway's. An empty value removes a variable of the shell. Raises
    MissingVariableError, or ConfigurationError that names every wrong value.
    """
    deployed, alone = read_template(attributes=queues), read_template()
    known = {*deployed.environment, *deployed.unresolved, *map(str.upper, Settings.model_fields), *_CREDENTIALS}
    values = {
        **deployed.environment,
        "AI_CALLBACK_URL": f"{url}{_CALLBACKS}",
        "CALLBACK_HMAC_SECRET": callback_secret or secrets.token_hex(32),
        "STORAGE_DOMAIN": files_url,
        **{name: value for name, value in own.items() if name in known and value},
        **{name: deployed.environment[name] for name in alone.unresolved.keys() - deployed.unresolved.keys()},
        "STAGE": "local",
        "ALLOW_LOOPBACK": "true",
    }
    for service in services:
        values |= service.values
    _check(values, deployed.unresolved)
    return dict.fromkeys(known, "") | values


def _check(values: Mapping[str, str], unresolved: Mapping[str, str]) -> None:
    optional = {name.upper() for name, field in Settings.model_fields.items() if not field.is_required()}
    for name, why in unresolved.items():
        if name not in values and name not in optional:
            raise MissingVariableError(f"{name} has no local value (template.yaml: {why}); set it yourself")
    settings.load(values)


@contextmanager
def in_process(values: Mapping[str, str]) -> Iterator[None]:
    """Sets the variables, an empty one not at all, and puts back what was there."""
    before = {name: os.environ.get(name) for name in values}
    _set(values)
    try:
        yield
    finally:
        _set(before)


def _set(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value:
            os.environ[name] = value
        else:
            os.environ.pop(name, None)


def without_proxy() -> dict[str, str]:
    """boto3 would ask a company's proxy for 127.0.0.1."""
    return {
        name: ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))
        for name in ("NO_PROXY", "no_proxy")
    }
