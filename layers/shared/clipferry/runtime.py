"""The composition root: settings in, ready collaborators out. Each is made on first use and kept while the function is
warm; `reset` closes them all.

A database connection belongs to its thread: a Lambda has one thread, the local stack has many.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from clipferry import catalog as catalogs
from clipferry import settings as settings_module
from clipferry import signatures
from clipferry.credentials import AuthRules
from clipferry.db.connection import Database
from clipferry.https import HttpClient
from clipferry.mirror_queue import MirrorQueue
from clipferry.models import Submitted
from clipferry.providers.base import Provider
from clipferry.settings import Settings
from clipferry.sigv4 import environment_credentials
from clipferry.timing import Timing
from clipferry.usecases.advance_video import advance_video
from clipferry.usecases.submit_video import submit_video

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from pydantic import SecretStr

    from clipferry.storage import Storage

CHORE_SECONDS = 240
"""What one statement of the daily chores may take: verify reads every row of the books."""

_local = threading.local()
_databases: list[Database] = []
_clients: list[HttpClient] = []


@cache
def settings() -> Settings:
    """Read from the environment on first use."""
    return settings_module.load(os.environ)


def now() -> datetime:
    """The clock, aware UTC."""
    return datetime.now(UTC)


def database() -> Database:
    """This thread's warm connection."""
    if not hasattr(_local, "database") or _local.database not in _databases:
        values = settings()
        _local.database = Database(
            values.database_url.get_secret_value(),
            connect_timeout=values.database_connect_timeout_seconds,
            statement_timeout=values.database_statement_timeout_seconds,
        )
        _databases.append(_local.database)
    return _local.database


def patient_database() -> Database:
    """For the daily chores, whose statements read everything; the caller closes it."""
    return Database(settings().database_url.get_secret_value(), statement_timeout=CHORE_SECONDS)


def migration_url() -> str:
    """Direct, not through a pooler: migrations hold a session lock."""
    return (settings().database_direct_url or settings().database_url).get_secret_value()


def migrations_folder(beside: str) -> Path:
    """`migrations/` in a built function stands beside its handler; in a checkout at the top."""
    carried = Path(beside).parent / "migrations"
    return carried if carried.is_dir() else Path(beside).parents[2] / "migrations"


@cache
def catalog() -> catalogs.Catalog:
    """The layer's models, or the owner's own file."""
    own = settings().models_file
    return catalogs.load(Path(own)) if own else catalogs.load()


@cache
def providers() -> Mapping[str, Provider]:
    """Those that have a key, by name. A new provider is a line here."""
    from clipferry.providers.evolink import Evolink
    from clipferry.providers.kie import Kie
    from clipferry.providers.replicate import Replicate
    from clipferry.providers.transport import JsonApi

    values = settings()

    def api(base_url: str, key: SecretStr) -> JsonApi:
        return JsonApi(_client(base_url), key.get_secret_value())

    ready: dict[str, Provider] = {}
    if key := values.evolink_api_key:
        ready["evolink"] = Evolink(api(values.evolink_base_url, key))
    if key := values.kie_api_key:
        signing = values.kie_webhook_hmac_key
        ready["kie"] = Kie(
            api(values.kie_base_url, key),
            webhook_key=signing.get_secret_value() if signing else None,
            tolerance_seconds=values.kie_webhook_tolerance_seconds,
        )
    if key := values.replicate_api_key:
        ready["replicate"] = Replicate(
            api(values.replicate_base_url, key), webhook_secrets=values.replicate_webhook_secrets
        )
    return ready


def _client(base_url: str) -> HttpClient:
    client = HttpClient(base_url, allow_plain_http=settings().allow_loopback)
    _clients.append(client)
    return client


@cache
def mirror_queue() -> MirrorQueue:
    values = settings()
    return MirrorQueue(
        values.mirror_queue_url,
        region=values.aws_region,
        endpoint_url=values.aws_endpoint_url_sqs,
        credentials=partial(environment_credentials, os.environ),
    )


@cache
def storage() -> Storage:
    from clipferry.pace import owned_cpus
    from clipferry.storage import Storage
    from clipferry.transfer import Plan

    values = settings()
    return Storage(
        endpoint=values.storage_endpoint,
        region=values.storage_region,
        access_key=values.storage_access_key.get_secret_value(),
        secret_key=values.storage_secret_key.get_secret_value(),
        bucket=values.storage_bucket,
        public_domain=values.storage_domain,
        allowed_hosts=values.remote_asset_allowed_hosts,
        allow_loopback=values.allow_loopback,
        plan=Plan(cpus=owned_cpus(os.environ)),
    )


def check_source(url: str) -> None:
    """Raises SourceGoneError when a provider's file is no longer there; reads none of it."""
    from clipferry.remote import open_source

    values = settings()
    with open_source(
        url,
        allowed_hosts=values.remote_asset_allowed_hosts,
        allow_loopback=values.allow_loopback,
        connect_timeout=3,
        read_timeout=8,
        total_timeout=8,
    ):
        pass


@cache
def openapi() -> str:
    """The contract, as `make openapi` wrote it: its machinery is not part of the layer."""
    return Path(__file__).with_name("openapi.json").read_text(encoding="utf-8")


def allowed_methods(path: str) -> tuple[str, ...]:
    """The methods of an address of the contract; none for one that there isn't."""
    return next((methods for shape, methods in _addresses() if shape.fullmatch(path)), ())


@cache
def _addresses() -> tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]:
    """Literal addresses before those with a parameter, as API Gateway picks them."""
    paths = json.loads(openapi())["paths"]
    return tuple(
        (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), tuple(method.upper() for method in paths[path]))
        for path in sorted(paths, key=lambda path: "{" in path)
    )


@cache
def auth_rules() -> AuthRules:
    values = settings()
    secret = values.better_auth_secret
    return AuthRules(
        better_auth_secret=secret.get_secret_value() if secret else None, allowed_origins=values.allowed_origins
    )


@cache
def timing() -> Timing:
    values = settings()
    return Timing(
        submit_deadline_seconds=values.submit_deadline_seconds,
        generation_deadline_seconds=values.generation_deadline_seconds,
        upload_deadline_seconds=values.upload_deadline_seconds,
        reconcile_interval_seconds=values.reconcile_interval_seconds,
        status_refresh_seconds=values.status_refresh_seconds,
    )


def seconds_left(context: LambdaContext) -> Callable[[], float]:
    """How long the function may still run."""
    return lambda: context.get_remaining_time_in_millis() / 1000


def advance() -> Callable[..., str]:
    """`advance_video` with its collaborators."""
    return partial(advance_video, database=database(), providers=providers(), queue=mirror_queue(), timing=timing())


def sign_callback(own_base: str) -> Callable[[str, str], str]:
    """Gives the callback URL for (provider, video uuid): under AI_CALLBACK_URL, else under this API's own domain."""
    base_url = settings().ai_callback_url or own_base
    secret = settings().callback_secrets[0]

    def sign(provider: str, video_uuid: str) -> str:
        return signatures.callback_url(base_url, provider=provider, video_uuid=video_uuid, secret=secret, now=now())

    return sign


def submit(own_base: str) -> Callable[..., Submitted]:
    """`submit_video` with its collaborators."""
    return partial(
        submit_video,
        database=database(),
        providers=providers(),
        sign_callback=sign_callback(own_base),
        timing=timing(),
    )


def reset() -> None:
    """Closes and forgets everything: for tests, and for a stack that ends."""
    for closable in (*_databases, *_clients):
        closable.close()
    for client in (mirror_queue, storage):
        if client.cache_info().currsize:
            client().close()
    _databases.clear()
    _clients.clear()
    for kept in (settings, catalog, providers, mirror_queue, storage, auth_rules, timing, openapi):
        kept.cache_clear()
