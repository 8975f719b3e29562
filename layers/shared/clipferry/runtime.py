"""What a handler is given for its call: `dependencies()`, of the newest settings, kept while the function is warm.

Settings come from the environment, and from the owner's secret what isn't set there. The secret is read by the first
request that needs it and again when it is old; a call works to its end with what it began with.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from clipferry import catalog, observability, settings
from clipferry.aws import sigv4, snapstart
from clipferry.aws.role_credentials import RoleCredentials
from clipferry.dependencies import Dependencies
from clipferry.errors import ConfigurationError
from clipferry.settings import SecretPlace, Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from clipferry.aws.secrets_manager import Secret

Handler = Callable[[dict[str, Any], Any], Any]

_NO_SECRET: Final[Mapping[str, str]] = {}
_role: Final = RoleCredentials(os.environ)


class ExecutionEnvironment:
    """What one Lambda execution environment keeps between its calls, of which it has one at a time.

    `read` gives the secret's values, the same object while nothing has changed; `make` the dependencies made of them.
    """

    def __init__(
        self, *, read: Callable[[], Mapping[str, str]], make: Callable[[Mapping[str, str]], Dependencies]
    ) -> None:
        self._read = read
        self._make = make
        self._secret: Mapping[str, str] | None = None
        self._newest: Dependencies | None = None
        self._is_calling = False
        self._is_settled = False

    @contextmanager
    def call(self) -> Iterator[None]:
        """From its first `dependencies` on, the block has the same ones until it ends."""
        self._is_calling, self._is_settled = True, False
        try:
            yield
        finally:
            self._is_calling = self._is_settled = False

    def dependencies(self) -> Dependencies:
        """Raises ConfigurationError when there are no settings that work."""
        if self._newest is None or not self._is_settled:
            self._renew()
            self._is_settled = self._is_calling
        assert self._newest is not None
        return self._newest

    def close(self) -> None:
        """Closes and forgets everything; whoever asks next gets others."""
        ended, self._newest, self._secret, self._is_settled = self._newest, None, None, False
        if ended is not None:
            ended.close()

    def _renew(self) -> None:
        """Settings that make no sense are refused while there are others; they are looked at again when they change."""
        secret = self._read()
        if self._newest is not None and secret is self._secret:
            return
        try:
            made = self._make(secret)
        except ConfigurationError as error:
            if self._newest is None:
                raise
            observability.logger.error("the changed secret is not used", detail=str(error))
            observability.count("SecretReadErrors")
        else:
            if self._newest is not None:
                observability.logger.info("the secret has changed")
                self._newest.close()
            self._newest = made
        self._secret = secret


def invocation(handler: Handler) -> Handler:
    """Wraps a function's handler: during one call `dependencies()` is of one version of the settings."""
    environment = _new_environment()

    @wraps(handler)
    def invoke(event: dict[str, Any], context: Any) -> Any:
        observability.set_log_context(None)
        earlier = _environment.set(environment)
        try:
            with environment.call():
                return handler(event, context)
        finally:
            _environment.reset(earlier)

    return invoke


def dependencies() -> Dependencies:
    """What this call works with; outside of a call, of the newest settings. Raises ConfigurationError."""
    return _environment.get(_outside_of_calls).dependencies()


def now() -> datetime:
    """The clock, aware UTC."""
    return datetime.now(UTC)


def seconds_left(context: LambdaContext) -> Callable[[], float]:
    """How long the function may still run."""
    return lambda: context.get_remaining_time_in_millis() / 1000


def migrations_folder(beside: str) -> Path:
    """`migrations/` in a built function stands beside its handler; in a checkout at the top."""
    carried = Path(beside).parent / "migrations"
    return carried if carried.is_dir() else Path(beside).parents[2] / "migrations"


def reset() -> None:
    """Closes and forgets everything: before a snapshot, for tests, and for a stack that ends."""
    for environment in _environments:
        environment.close()
    if _secret.cache_info().currsize and (secret := _secret()):
        secret.close()
    _secret.cache_clear()
    _role.forget()
    sigv4.forget_keys()
    observability.clear_redactions()


def _new_environment() -> ExecutionEnvironment:
    made = ExecutionEnvironment(read=_read, make=_make)
    _environments.append(made)
    return made


def _prepare() -> None:
    """What first requests load, 50 ms of CPU, the system's certificates among it: nothing of it is secret or unique."""
    from importlib import import_module

    from clipferry.net.connection import default_tls

    for name in ("aws.secrets_manager", "providers.evolink", "providers.kie", "providers.replicate"):
        import_module(f"clipferry.{name}")
    default_tls()
    catalog.load()


@cache
def _secret() -> Secret | None:
    """The owner's, where the environment names one."""
    place = settings.load_place(os.environ)
    if not place.secrets_arn:
        return None
    from clipferry.aws.secrets_manager import Secret, SecretsManager, region_of

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


def _make(secret: Mapping[str, str]) -> Dependencies:
    values = settings.load(os.environ, secret)
    observability.add_redactions(values.hidden_texts)
    return Dependencies(values, credentials=_role.credentials, new_database_url=_new_database_url)


def _new_database_url(refused: str) -> str | None:
    """What has replaced a URL that the database doesn't take any more: its password may have been rotated."""
    secret = _secret()
    if secret is None:
        return None
    try:
        url = settings.load(os.environ, secret.values_now()).database_url.get_secret_value()
    except ConfigurationError:
        return None
    return url if url != refused else None


_environments: Final[list[ExecutionEnvironment]] = []
_outside_of_calls: Final = _new_environment()
_environment: Final[ContextVar[ExecutionEnvironment]] = ContextVar("environment")
snapstart.guard(os.environ, prepare=_prepare, forget=reset)
