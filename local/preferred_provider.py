"""The fake of DEFAULT_AI_PROVIDER for the local stack, where that is none of the two that it always has.

So each provider can be tried first: `DEFAULT_AI_PROVIDER=fal make dev`. A gateway's models are in
examples/models-gateways.toml.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from clipferry.providers import registry

if TYPE_CHECKING:
    from local.providers.base import FakeProvider
    from local.state import State

_KEY: Final = "local"
_WEBHOOK_SECRET: Final = "whsec_bG9jYWwtbG9jYWwtbG9jYWwtbG9jYWwtMDE="
GATEWAYS: Final = {"litellm": "openai", "newapi": "new-api", "openrouter": "openrouter"}
"""The names of the example's gateways, and the kind of each."""


def start(
    scope: ExitStack, environment: Mapping[str, str], state: State | None = None
) -> tuple[dict[str, FakeProvider], dict[str, str]]:
    """Starts fakes within `scope`; returns them by name, and the settings that lead to them. None if they are yours."""
    fakes, values = _start(scope, environment)
    if state is not None:
        for name, fake in fakes.items():
            fake.remember(state.folder / "tasks" / name)
    return fakes, values


def _start(scope: ExitStack, environment: Mapping[str, str]) -> tuple[dict[str, FakeProvider], dict[str, str]]:
    name = environment.get("DEFAULT_AI_PROVIDER", "")
    if name in GATEWAYS and not environment.get(registry.GATEWAYS.upper()):
        return _gateways(scope)
    if name not in ("replicate", "fal") or environment.get(f"{name.upper()}_BASE_URL"):
        return {}, {}
    fake = _fal(scope) if name == "fal" else _replicate(scope)
    values = {f"{name.upper()}_BASE_URL": fake.base_url, f"{name.upper()}_API_KEY": _KEY}
    return {name: fake}, values | ({"REPLICATE_WEBHOOK_SECRET": _WEBHOOK_SECRET} if name == "replicate" else {})


def _fal(scope: ExitStack) -> FakeProvider:
    from local.providers.fal import fake_fal

    return scope.enter_context(fake_fal(api_key=_KEY))


def _replicate(scope: ExitStack) -> FakeProvider:
    from local.providers.replicate import fake_replicate

    return scope.enter_context(fake_replicate(api_key=_KEY, webhook_secret=_WEBHOOK_SECRET))


def _gateways(scope: ExitStack) -> tuple[dict[str, FakeProvider], dict[str, str]]:
    from local.providers.gateway import fake_gateway
    from local.providers.gateway_wire import Kind

    fakes: dict[str, FakeProvider] = {
        name: scope.enter_context(fake_gateway(Kind(kind), api_key=_KEY)) for name, kind in GATEWAYS.items()
    }
    return fakes, {registry.GATEWAYS.upper(): gateways_setting(fakes, _KEY)}


def gateways_setting(fakes: Mapping[str, FakeProvider], key: str) -> str:
    """Returns VIDEO_GATEWAYS for fakes by name: LiteLLM's file needs the key, the others' is at an address."""
    return json.dumps(
        {
            name: {"base_url": f"{fake.base_url}/v1", "api_key": key, "file_needs_key": name == "litellm"}
            for name, fake in fakes.items()
        }
    )
