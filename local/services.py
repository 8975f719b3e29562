"""The services that the handlers use: a database, a bucket, a queue; each embedded, or your own.

Each function starts its service within `scope`, unless the environment names a real one.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from psycopg.conninfo import conninfo_to_dict

from local.moto_server import EmbeddedAws, embedded_aws
from local.postgres import embedded_postgres
from local.sam_template.intrinsics import REGION
from local.state import State

_BUCKET: Final = "clipferry"
_KEY: Final = "local"
_LOOPBACK: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`values` are the settings that lead to it; none for a service of your own, whose settings are yours, too."""

    name: str
    address: str
    origin: Literal["embedded", "yours"]
    values: Mapping[str, str] = field(default_factory=dict)


def database(scope: ExitStack, environment: Mapping[str, str], state: State | None = None) -> tuple[Service, str]:
    """Returns the service, and the database's URL."""
    own = environment.get("DATABASE_URL")
    kept: dict[str, Any] = {"folder": state.postgres, "reset": state.reset} if state else {}
    url = own or scope.enter_context(embedded_postgres(**kept))
    values = {"DATABASE_URL": url, "DATABASE_DIRECT_URL": ""}
    return service("PostgreSQL", own and _address(own), url, values), url


def is_on_this_machine(database_url: str) -> bool:
    """Returns whether the database may get the development user, whose token is no secret."""
    found = conninfo_to_dict(database_url)
    host = str(found.get("hostaddr") or found.get("host") or "")
    return host in _LOOPBACK or host.startswith("/")


def aws(scope: ExitStack, environment: Mapping[str, str]) -> EmbeddedAws | None:
    """Starts the server for the queue, where that isn't your own; doesn't wait for it."""
    if environment.get("AWS_ENDPOINT_URL_SQS"):
        return None
    return scope.enter_context(embedded_aws())


def storage(scope: ExitStack, environment: Mapping[str, str], state: State | None = None) -> Service:
    """Returns the bucket: without STORAGE_ENDPOINT a strict R2, which checks each signature, a presigned URL's too."""
    own = environment.get("STORAGE_ENDPOINT")
    if own:
        return service("S3", own, "", {})
    from local.r2.server import FakeR2

    folder = state.bucket if state else None
    bucket = scope.enter_context(FakeR2(name=_BUCKET, access_key=_KEY, secret_key=_KEY, cors=True, folder=folder))
    values = {
        "STORAGE_ENDPOINT": bucket.url,
        "STORAGE_REGION": REGION,
        "STORAGE_ACCESS_KEY": _KEY,
        "STORAGE_SECRET_KEY": _KEY,
        "STORAGE_BUCKET": _BUCKET,
    }
    return service("S3", None, bucket.url, values)


def queue(server: EmbeddedAws | None, environment: Mapping[str, str]) -> Service:
    endpoint = "" if server is None else server.endpoint
    values = {
        "AWS_ENDPOINT_URL_SQS": endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": _KEY,
        "AWS_SECRET_ACCESS_KEY": _KEY,
        "AWS_SESSION_TOKEN": "",
    }
    return service("SQS", environment.get("AWS_ENDPOINT_URL_SQS"), endpoint, values)


def service(name: str, own: str | None, embedded: str, values: Mapping[str, str]) -> Service:
    """Returns the service at `own`, an address of yours, else the embedded one, which `values` lead to."""
    if own:
        return Service(name=name, address=own, origin="yours")
    return Service(name=name, address=embedded, origin="embedded", values=values)


def _address(database_url: str) -> str:
    """Returns host, port and database, without the password."""
    found = conninfo_to_dict(database_url)
    return f"{found.get('host') or 'localhost'}:{found.get('port') or 5432}/{found.get('dbname') or ''}"
