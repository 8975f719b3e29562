"""The fakes of providers for the local stack: those of Evolink and KIE, and that of DEFAULT_AI_PROVIDER.

So each provider can be tried first: `DEFAULT_AI_PROVIDER=fal make dev`. A gateway's models are in
examples/models-gateways.toml.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Final

from clipferry.providers import registry
from local.services import Service, service
from local.state import State

if TYPE_CHECKING:
    from local.providers.base import FakeProvider

_KEY: Final = "local"
_WEBHOOK_SECRET: Final = "whsec_bG9jYWwtbG9jYWwtbG9jYWwtbG9jYWwtMDE="
_ALWAYS: Final = {"evolink": "Evolink", "kie": "KIE"}
GATEWAYS: Final = {"litellm": "openai", "newapi": "new-api", "openrouter": "openrouter"}
"""The names of the example's gateways, and the kind of each."""


def start(
    scope: ExitStack, environment: Mapping[str, str], state: State | None = None
) -> tuple[list[Service], dict[str, FakeProvider]]:
    """Starts fakes within `scope`, where the provider isn't your own; returns all providers, and the fakes by name.

    So nothing reaches a real one by accident, and a fake never sees a real key.
    """
    own = {
        provider.name: environment[provider.base_url.upper()]
        for provider in registry.PROVIDERS
        if environment.get(provider.base_url.upper())
    }
    fakes = {name: scope.enter_context(fake) for name, fake in _fakes(environment) if name not in own}
    if state is not None:
        for name, fake in fakes.items():
            fake.remember(state.folder / "tasks" / name)
    values = _settings(fakes)
    return [
        service(_ALWAYS.get(name, name), own.get(name), fakes[name].base_url if name in fakes else "", values)
        for name in dict.fromkeys((*_ALWAYS, *fakes))
    ], fakes


def _fakes(environment: Mapping[str, str]) -> Iterator[tuple[str, AbstractContextManager[FakeProvider]]]:
    """Yields the wanted ones by name, not started yet."""
    from local.providers.evolink import fake_evolink
    from local.providers.fal import fake_fal
    from local.providers.gateway import fake_gateway
    from local.providers.gateway_wire import Kind
    from local.providers.kie import fake_kie
    from local.providers.replicate import fake_replicate

    yield "evolink", fake_evolink(api_key=_KEY)
    yield "kie", fake_kie(api_key=_KEY, webhook_key=environment.get("KIE_WEBHOOK_HMAC_KEY"))
    preferred = environment.get("DEFAULT_AI_PROVIDER")
    if preferred == "fal":
        yield preferred, fake_fal(api_key=_KEY)
    if preferred == "replicate":
        yield preferred, fake_replicate(api_key=_KEY, webhook_secret=_WEBHOOK_SECRET)
    if preferred in GATEWAYS and not environment.get(registry.GATEWAYS.upper()):
        yield from ((name, fake_gateway(Kind(kind), api_key=_KEY)) for name, kind in GATEWAYS.items())


def _settings(fakes: Mapping[str, FakeProvider]) -> dict[str, str]:
    """Returns the settings that lead to the fakes."""
    values: dict[str, str] = {}
    for name, fake in fakes.items():
        if name not in GATEWAYS:
            values |= {f"{name.upper()}_BASE_URL": fake.base_url, f"{name.upper()}_API_KEY": _KEY}
    if "replicate" in fakes:
        values["REPLICATE_WEBHOOK_SECRET"] = _WEBHOOK_SECRET
    if gateways := {name: fake for name, fake in fakes.items() if name in GATEWAYS}:
        values[registry.GATEWAYS.upper()] = gateways_setting(gateways, _KEY)
    return values


def gateways_setting(fakes: Mapping[str, FakeProvider], key: str) -> str:
    """Returns VIDEO_GATEWAYS for fakes by name: LiteLLM's file needs the key, the others' is at an address."""
    return json.dumps(
        {
            name: {"base_url": f"{fake.base_url}/v1", "api_key": key, "file_needs_key": name == "litellm"}
            for name, fake in fakes.items()
        }
    )
