"""What a handler asks for: `dependencies()`, made of the newest settings and kept while the function is warm.

Settings come from the environment; those that aren't set there come from the owner's secret. The first request that
needs the secret reads it, and it is read again when it is old. A call keeps the settings that it began with.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, Final

from clipferry import catalog, observability, settings
from clipferry.aws import sigv4, snapstart
from clipferry.aws.role_credentials import RoleCredentials
from clipferry.dependencies import Dependencies
from clipferry.errors import ConfigurationError
from clipferry.setting_rules.secret_location import SecretLocation, read
from clipferry.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from clipferry.aws.secrets_manager import Secret

Handler = Callable[[dict[str, Any], Any], Any]

_NO_SECRET: Final[Mapping[str, str]] = {}
_role: Final = RoleCredentials(os.environ)


class ExecutionEnvironment:
    """What one Lambda execution environment keeps between its calls. It has one call at a time.

    `read_secret` returns the secret's values, the same object while nothing has changed; `make_dependencies` takes
    them.
    """

    def __init__(
        self,
        *,
        read_secret: Callable[[], Mapping[str, str]],
        make_dependencies: Callable[[Mapping[str, str]], Dependencies],
    ) -> None:
        self._read_secret = read_secret
        self._make_dependencies = make_dependencies
        self._secret: Mapping[str, str] | None = None
        self._dependencies: Dependencies | None = None
        self._is_in_call = False
        self._is_fixed = False
        """Whether this call has got its dependencies."""

    @contextmanager
    def call(self) -> Iterator[None]:
        """Every `dependencies()` inside the block returns what the first one did."""
        self._is_in_call, self._is_fixed = True, False
        try:
            yield
        finally:
            self._is_in_call = self._is_fixed = False

    def dependencies(self) -> Dependencies:
        """The dependencies of the newest valid settings; raises ConfigurationError while there are none."""
        if self._dependencies is None or not self._is_fixed:
            self._refresh()
            self._is_fixed = self._is_in_call
        assert self._dependencies is not None
        return self._dependencies

    def close(self) -> None:
        """Closes and forgets everything; the next `dependencies()` makes others."""
        closing, self._dependencies, self._secret, self._is_fixed = self._dependencies, None, None, False
        if closing is not None:
            closing.close()

    def _refresh(self) -> None:
        """Makes new dependencies when the secret has changed. If it isn't valid any more, the ones before stay."""
        secret = self._read_secret()
        if self._dependencies is not None and secret is self._secret:
            return
        try:
            made = self._make_dependencies(secret)
        except ConfigurationError as error:
            if self._dependencies is None:
                raise
            observability.logger.error("the changed secret is not used", detail=str(error))
            observability.count("SecretReadErrors")
        else:
            if self._dependencies is not None:
                observability.logger.info("the secret has changed")
                self._dependencies.close()
            self._dependencies = made
        self._secret = secret


def invocation(handler: Handler) -> Handler:
    """Wraps a function's handler, so that during one call `dependencies()` belongs to one version of the settings."""
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


def http_handler(app: APIGatewayHttpResolver) -> Handler:
    """Returns the handler of a function behind API Gateway. Each of its log lines has the request's id."""
    from aws_lambda_powertools.logging import correlation_paths

    named = observability.logger.inject_lambda_context(
        correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True
    )
    return named(invocation(app.resolve))


def dependencies() -> Dependencies:
    """What this call works with; outside of a call, what the newest settings make. Raises ConfigurationError."""
    return _environment.get(_outside_of_calls).dependencies()


def now() -> datetime:
    """The clock, aware UTC."""
    return datetime.now(UTC)


def seconds_left(context: LambdaContext) -> Callable[[], float]:
    """Returns a clock of the seconds that the function may still run."""
    return lambda: context.get_remaining_time_in_millis() / 1000


def reset() -> None:
    """Closes and forgets everything: before a snapshot, between tests, and when the local stack ends."""
    for environment in _environments:
        environment.close()
    if _secret.cache_info().currsize and (secret := _secret()):
        secret.close()
    _secret.cache_clear()
    _role.forget()
    sigv4.forget_keys()
    observability.clear_redactions()


def _new_environment() -> ExecutionEnvironment:
    environment = ExecutionEnvironment(read_secret=_read_secret, make_dependencies=_make_dependencies)
    _environments.append(environment)
    return environment


def _preload() -> None:
    """Loads what first requests need, 50 ms of CPU. Nothing of it is secret or unique, so a snapshot may keep it."""
    from importlib import import_module

    from clipferry.net.trust import default_tls
    from clipferry.providers import registry

    for name in ("clipferry.aws.secrets_manager", *(provider.module for provider in registry.PROVIDERS)):
        import_module(name)
    default_tls()
    catalog.load()


@cache
def _secret() -> Secret | None:
    """The owner's secret, if the environment names one."""
    location = read(SecretLocation, os.environ)
    if not location.secrets_arn:
        return None
    from clipferry.aws.secret_location import endpoint_of, region_of
    from clipferry.aws.secrets_manager import Secret, SecretsManager

    region, endpoint = region_of(location.secrets_arn, location.aws_region), location.aws_endpoint_url_secrets_manager
    manager = SecretsManager(
        region=region,
        endpoint_url=endpoint or endpoint_of(location.secrets_arn, region),
        allow_plain_http=location.stage == "local",
        credentials=_role.credentials,
    )
    names = {name.upper() for name in Settings.model_fields.keys() - SecretLocation.model_fields.keys()}
    return Secret(
        location.secrets_arn,
        manager=manager,
        names=names,
        max_age_seconds=location.secrets_max_age_seconds,
        clock=lambda: now().timestamp(),
    )


def _read_secret() -> Mapping[str, str]:
    secret = _secret()
    return secret.values() if secret else _NO_SECRET


def _make_dependencies(secret: Mapping[str, str]) -> Dependencies:
    values = settings.load(os.environ, secret)
    observability.add_redactions(values.redactions)
    return Dependencies(values, credentials=_role.credentials, new_database_url=_new_database_url)


def _new_database_url(refused: str) -> str | None:
    """The URL that has replaced a refused one, whose password may have been rotated; None if there is no other."""
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
snapstart.guard(os.environ, prepare=_preload, forget=reset)
