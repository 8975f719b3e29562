"""The composition root: settings in, ready collaborators out, kept while the function is warm; `reset` closes them all.

Settings come from the environment, and from the owner's secret what isn't set there. The secret is read by the first
request that needs it and again when it is old; a call works to its end with what it began with.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cache, partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clipferry import catalog as catalogs
from clipferry import observability, signatures, sigv4, snapshot
from clipferry import settings as settings_module
from clipferry.collaborators import Collaborators
from clipferry.credentials import AuthRules
from clipferry.db.connection import Database
from clipferry.errors import ConfigurationError
from clipferry.mirror_queue import MirrorQueue
from clipferry.models import Submitted
from clipferry.providers.base import Provider
from clipferry.role import Role
from clipferry.settings import SecretPlace, Settings
from clipferry.succession import Succession
from clipferry.timing import Timing
from clipferry.usecases.advance_video import advance_video
from clipferry.usecases.submit_video import submit_video

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from clipferry.secrets import Secret
    from clipferry.storage import Storage

Handler = Callable[[dict[str, Any], Any], Any]

_NO_SECRET: Final[Mapping[str, str]] = {}
_role: Final = Role(os.environ)


def invocation(handler: Handler) -> Handler:
    """One call of a function: all that it uses is of one version of the settings, the newest when it first asks."""

    @wraps(handler)
    def invoke(event: dict[str, Any], context: Any) -> Any:
        observability.follow(None)
        with _succession.call():
            return handler(event, context)

    return invoke


def settings() -> Settings:
    """Read on first use. Raises ConfigurationError."""
    return _succession.current().settings


def now() -> datetime:
    """The clock, aware UTC."""
    return datetime.now(UTC)


def database() -> Database:
    """This thread's warm connection."""
    return _succession.current().database()


def databases(number: int) -> AbstractContextManager[list[Database]]:
    """For as many threads of this call: its warm connection, and others that end with the block."""
    return _succession.current().databases(number)


def patient_database() -> Database:
    """For the daily chores, whose statements read everything; the caller closes it."""
    return _succession.current().new_database()


def migration_url() -> str:
    """Direct, not through a pooler: migrations hold a session lock."""
    return (settings().database_direct_url or settings().database_url).get_secret_value()


def migrations_folder(beside: str) -> Path:
    """`migrations/` in a built function stands beside its handler; in a checkout at the top."""
    carried = Path(beside).parent / "migrations"
    return carried if carried.is_dir() else Path(beside).parents[2] / "migrations"


def catalog() -> catalogs.Catalog:
    """The layer's models, or the owner's own file."""
    return _succession.current().catalog


def providers() -> Mapping[str, Provider]:
    """Those that have a key, by name."""
    return _succession.current().providers


def mirror_queue() -> MirrorQueue:
    return _succession.current().mirror_queue


def storage() -> Storage:
    return _succession.current().storage


def auth_rules() -> AuthRules:
    return _succession.current().auth_rules


def timing() -> Timing:
    return _succession.current().timing


def _check_source(url: str) -> None:
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


def seconds_left(context: LambdaContext) -> Callable[[], float]:
    """How long the function may still run."""
    return lambda: context.get_remaining_time_in_millis() / 1000


def advance() -> Callable[..., str]:
    """`advance_video` with its collaborators."""
    return partial(advance_video, database=database(), providers=providers(), queue=mirror_queue(), timing=timing())


def retry() -> Callable[..., None]:
    """`retry_failed` with its collaborators."""
    from clipferry.usecases.retry_video import retry_failed

    return partial(
        retry_failed,
        database=database(),
        providers=providers(),
        check_source=_check_source,
        queue=mirror_queue(),
        timing=timing(),
    )


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
    """Closes and forgets everything: before a snapshot, for tests, and for a stack that ends."""
    _succession.close()
    if _secret.cache_info().currsize and (secret := _secret()):
        secret.close()
    _secret.cache_clear()
    _role.forget()
    sigv4.forget_keys()
    observability.unhide()


def _prepare() -> None:
    """What first requests load, 50 ms of CPU, the system's certificates among it: nothing of it is secret or unique."""
    from importlib import import_module

    from clipferry.wire import default_tls

    for name in ("secrets", "providers.evolink", "providers.kie", "providers.replicate"):
        import_module(f"clipferry.{name}")
    default_tls()
    catalogs.load()


@cache
def _secret() -> Secret | None:
    """The owner's, where the environment names one."""
    place = settings_module.load_place(os.environ)
    if not place.secrets_arn:
        return None
    from clipferry.secrets import Secret, SecretsManager, region_of

    manager = SecretsManager(
        region=region_of(place.secrets_arn, place.aws_region),
        endpoint_url=place.aws_endpoint_url_secrets_manager,
        credentials=_role.credentials,
    )
    names = {name.upper() for name in Settings.model_fields.keys() - SecretPlace.model_fields.keys()}
    return Secret(place.secrets_arn, manager=manager, names=names, max_age_seconds=place.secrets_max_age_seconds)


def _read() -> Mapping[str, str]:
    secret = _secret()
    return secret.values() if secret else _NO_SECRET


def _make(secret: Mapping[str, str]) -> Collaborators:
    values = settings_module.load(os.environ, secret)
    observability.hide(values.hidden_texts)
    return Collaborators(values, credentials=_role.credentials, new_database_url=_new_database_url)


def _new_database_url(refused: str) -> str | None:
    """What has replaced a URL that the database doesn't take any more: its password may have been rotated."""
    secret = _secret()
    if secret is None:
        return None
    try:
        url = settings_module.load(os.environ, secret.values_now()).database_url.get_secret_value()
    except ConfigurationError:
        return None
    return url if url != refused else None


_succession: Final = Succession(read=_read, make=_make)
snapshot.guard(os.environ, prepare=_prepare, forget=reset)
