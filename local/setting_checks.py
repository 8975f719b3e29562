"""What is wrong with your own settings, told before anything starts: each problem in a sentence."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from clipferry import catalog, settings
from clipferry.errors import ConfigurationError
from clipferry.providers import registry
from local import fake_providers
from local.services import is_on_this_machine

_PROVIDERS: Final = tuple(provider.name.upper() for provider in registry.PROVIDERS)
_ADDRESSES: Final = (
    "STORAGE_ENDPOINT",
    "AWS_ENDPOINT_URL_SQS",
    *(provider.base_url.upper() for provider in registry.PROVIDERS),
)
_WITH_STORAGE: Final = ("STORAGE_ACCESS_KEY", "STORAGE_SECRET_KEY", "STORAGE_BUCKET")
_PLACEHOLDERS: Final = {
    "DATABASE_URL": "postgresql://127.0.0.1/clipferry",
    "STORAGE_ENDPOINT": "http://127.0.0.1:9",
    "CALLBACK_HMAC_SECRET": "embedded",
    "MIRROR_QUEUE_URL": "http://127.0.0.1:9/queue",
    **dict.fromkeys(_WITH_STORAGE, "embedded"),
}
"""What the stack fills in by itself."""
_CONNECT_SECONDS: Final = 5
_IS_MIGRATED: Final = "select to_regclass('clipferry.jobs') is not null"


def problems(environment: Mapping[str, str]) -> list[str]:
    """Returns a sentence for each setting that can't work, in the order in which one would look at them."""
    own = {name: value for name, value in environment.items() if value}
    invalid = [*_invalid(own)]
    return [*invalid, *_catalog(own), *_database(own), *_incomplete(own), *_unreachable(own), *_unknown(own, invalid)]


def _invalid(own: Mapping[str, str]) -> Iterator[str]:
    fixed = {"STAGE": "local", "ALLOW_LOOPBACK": "true"}
    try:
        settings.load({**_PLACEHOLDERS, **own, **fixed})
    except ConfigurationError as error:
        yield from (f"{problem}." for problem in str(error).split("; "))
    if not own.get("QUEUE_VISIBILITY_SECONDS", "1").isdecimal():
        yield "QUEUE_VISIBILITY_SECONDS: must be whole seconds."


def _catalog(own: Mapping[str, str]) -> Iterator[str]:
    path = Path(own.get("MODELS_FILE") or catalog.SHIPPED)
    if not path.is_file():
        yield f"MODELS_FILE: there is no file {path}."
        return
    try:
        models = catalog.load(path).models.values()
    except ConfigurationError as error:
        yield f"MODELS_FILE: {error}."
        return
    named = {offer.provider: model.id for model in models for offer in model.offers if offer.body is None}
    for provider in sorted(named.keys() - {known.name for known in registry.PROVIDERS}):
        offer = f"{named[provider]} has an offer of {provider}"
        yield f"MODELS_FILE: {offer}: no provider has this name, and a gateway's offer needs `body`."


def _database(own: Mapping[str, str]) -> Iterator[str]:
    url = own.get("DATABASE_URL")
    if not url:
        return
    try:
        place = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        yield "DATABASE_URL: this isn't PostgreSQL's; one begins with postgresql://."
        return
    if own.get("RESET", "0") != "0":
        yield "RESET: your own database isn't emptied, and its videos would lose their files; leave out one of the two."
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_SECONDS, autocommit=True) as connection:
            row = connection.execute(_IS_MIGRATED).fetchone()
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        yield f"DATABASE_URL: {place.get('host', 'localhost')} can't be reached as a database: {reason}."
        return
    if not (row and row[0]) and not is_on_this_machine(url):
        yield "DATABASE_URL: the database isn't migrated; run `clipferry migrate` with the same DATABASE_URL."


def _incomplete(own: Mapping[str, str]) -> Iterator[str]:
    if "STORAGE_ENDPOINT" in own and (missing := [name for name in _WITH_STORAGE if name not in own]):
        yield f"STORAGE_ENDPOINT: your own bucket needs {', '.join(missing)}, too."
    for provider in _PROVIDERS:
        if f"{provider}_BASE_URL" in own and f"{provider}_API_KEY" not in own:
            yield f"{provider}_BASE_URL: your own provider needs {provider}_API_KEY, too."


def _unreachable(own: Mapping[str, str]) -> Iterator[str]:
    for name in _ADDRESSES:
        try:
            place = urlsplit(own.get(name, ""))
            host, port = place.hostname, place.port or (80 if place.scheme == "http" else 443)
        except ValueError:  # it is among the invalid ones
            continue
        if host and (reason := _why_unreachable(host, port)):
            yield f"{name}: {reason}."


def _why_unreachable(host: str, port: int) -> str:
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except (socket.gaierror, UnicodeError):
        return f"the name {host} doesn't resolve"
    except OSError as error:
        return f"nothing answers at {host}:{port} ({error.strerror or error})"
    return ""


def _unknown(own: Mapping[str, str], invalid: list[str]) -> Iterator[str]:
    name, gateways = own.get("DEFAULT_AI_PROVIDER"), own.get(registry.GATEWAYS.upper())
    if name is None or invalid:
        return
    named = json.loads(gateways) if gateways else fake_providers.GATEWAYS
    known = [*(provider.name for provider in registry.PROVIDERS), *named]
    if name not in known:
        yield f"DEFAULT_AI_PROVIDER: {name} is none of {', '.join(known)}."
