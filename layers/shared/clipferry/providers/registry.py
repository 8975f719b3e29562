"""Every provider by its name: its adapter, and the settings that it needs. `Dependencies` makes those that have a key.

What people configure follows from this list, and tests/contract/test_registry.py compares: the template's variables
and its secret, events/env.json, .env.example and so README's table, and what `clipferry doctor` asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from clipferry.providers.base import Provider
from clipferry.providers.transport import JsonApi
from clipferry.setting_rules.values import comma_separated

if TYPE_CHECKING:  # imported here, it would cost every function its cold start
    from clipferry.setting_rules.gateways import Gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an adapter is made of: its API, and the values of its own settings by field."""

    api: JsonApi
    values: Mapping[str, Any]
    offered: Callable[[], Iterable[str]]
    """Returns the provider's names for the models that the catalogue has from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """One provider. Settings are named by their fields, in lower case; without the key the provider isn't used."""

    name: str
    title: str
    """As its owner writes it."""
    key: str
    base_url: str
    secrets: tuple[str, ...] = ()
    """Secrets beside the key."""
    options: tuple[str, ...] = ()
    scheme: str = "Bearer"
    """What stands before the key in the Authorization header."""
    make: Callable[[Parts], Provider]

    @property
    def module(self) -> str:
        """Its adapter's, which is imported when it is needed first."""
        return f"clipferry.providers.{self.name}"

    @property
    def settings(self) -> tuple[str, ...]:
        return (self.key, self.base_url, *self.secrets, *self.options)


def _evolink(parts: Parts) -> Provider:
    from clipferry.providers.evolink import Evolink

    return Evolink(parts.api)


def _kie(parts: Parts) -> Provider:
    from clipferry.providers.kie import Kie

    key = parts.values["kie_webhook_hmac_key"]
    return Kie(
        parts.api,
        webhook_key=key.get_secret_value() if key else None,
        tolerance_seconds=parts.values["kie_webhook_tolerance_seconds"],
    )


def _replicate(parts: Parts) -> Provider:
    from clipferry.providers.replicate import Replicate

    secret = parts.values["replicate_webhook_secret"]
    return Replicate(parts.api, webhook_secrets=comma_separated(secret.get_secret_value() if secret else ""))


def _fal(parts: Parts) -> Provider:
    from clipferry.providers.fal import Fal

    return Fal(parts.api, endpoints=parts.offered)


GATEWAYS: Final = "video_gateways"
"""The setting that names any number of servers with OpenAI's video API, their addresses and keys."""
PROVIDERS: Final = (
    Registered(name="evolink", title="Evolink", key="evolink_api_key", base_url="evolink_base_url", make=_evolink),
    Registered(
        name="kie",
        title="KIE",
        key="kie_api_key",
        base_url="kie_base_url",
        secrets=("kie_webhook_hmac_key",),
        options=("kie_webhook_tolerance_seconds",),
        make=_kie,
    ),
    Registered(
        name="replicate",
        title="Replicate",
        key="replicate_api_key",
        base_url="replicate_base_url",
        secrets=("replicate_webhook_secret",),
        make=_replicate,
    ),
    Registered(name="fal", title="fal", key="fal_api_key", base_url="fal_base_url", scheme="Key", make=_fal),
)


def ready(
    read: Callable[[str], Any],
    gateways: Iterable[Gateway],
    *,
    connect: Callable[[str, str, str], JsonApi],
    offered: Callable[[str], Iterable[str]],
) -> dict[str, Provider]:
    """Makes those that have a key, by name.

    `read` returns a setting by its field, `connect(base_url, key, scheme)` an API, and `offered(name)` the provider's
    names for the models that the catalogue has from it.
    """
    made: dict[str, Provider] = {}
    for known in PROVIDERS:
        values = {name: read(name) for name in known.settings}
        if key := values[known.key]:
            api = connect(values[known.base_url], key.get_secret_value(), known.scheme)
            made[known.name] = known.make(Parts(api=api, values=values, offered=partial(offered, known.name)))
    return made | {gateway.name: _gateway(gateway, connect) for gateway in gateways}


def _gateway(own: Gateway, connect: Callable[[str, str, str], JsonApi]) -> Provider:
    from clipferry.providers.openai_videos import OpenAiVideos

    api = connect(own.base_url, own.api_key.get_secret_value(), "Bearer")
    return OpenAiVideos(own.name, api, base_url=own.base_url, file_needs_key=own.file_needs_key)
