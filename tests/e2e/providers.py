"""All six fake providers at once, with one small film for every task, and the settings that lead to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from local.fake_providers import gateways_setting
from local.providers.base import FakeProvider
from local.providers.evolink import FakeEvolink, fake_evolink
from local.providers.fal import FakeFal, fake_fal
from local.providers.gateway import FakeGateway, fake_gateway
from local.providers.gateway_wire import Kind
from local.providers.kie import FakeKie, fake_kie
from local.providers.replicate import FakeReplicate, fake_replicate
from local.stack import Stack, local_stack
from tests.database import empty_tables
from tests.films import small_film

KEY = "test-key"
WEBHOOK_KEY = "test-webhook-key"
WEBHOOK_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
SILENT = frozenset({"litellm"})
"""Providers that call nobody back."""


@dataclass(frozen=True, slots=True)
class Providers:
    evolink: FakeEvolink
    kie: FakeKie
    replicate: FakeReplicate
    fal: FakeFal
    litellm: FakeGateway
    openrouter: FakeGateway

    @property
    def by_name(self) -> dict[str, FakeProvider]:
        return {
            "evolink": self.evolink,
            "kie": self.kie,
            "replicate": self.replicate,
            "fal": self.fal,
            "litellm": self.litellm,
            "openrouter": self.openrouter,
        }

    @property
    def all(self) -> tuple[FakeProvider, ...]:
        return tuple(self.by_name.values())

    @property
    def environment(self) -> dict[str, str]:
        with_settings = ("evolink", "kie", "replicate", "fal")
        gateways = {name: fake for name, fake in self.by_name.items() if name not in with_settings}
        return {
            **{f"{name.upper()}_BASE_URL": self.by_name[name].base_url for name in with_settings},
            **{f"{name.upper()}_API_KEY": KEY for name in with_settings},
            "KIE_WEBHOOK_HMAC_KEY": WEBHOOK_KEY,
            "REPLICATE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "VIDEO_GATEWAYS": gateways_setting(gateways, KEY),
        }

    @contextmanager
    def stack(self, database_url: str, **environment: str) -> Iterator[Stack]:
        """The whole product in one process, with these providers, over an emptied database."""
        empty_tables(database_url)
        usual = {"DATABASE_URL": database_url, "RECONCILE_INTERVAL_SECONDS": "0.5", "RATE_LIMIT_PER_MINUTE": "1000"}
        with local_stack(environment=self.environment | usual | environment, quiet=True) as stack:
            yield stack


@contextmanager
def fake_providers(*, seconds: float, retry_scale: float = 0.2, film: bytes | None = None) -> Iterator[Providers]:
    options: dict[str, Any] = {
        "api_key": KEY,
        "seconds": seconds,
        "retry_scale": retry_scale,
        "film": film or small_film(),
    }
    with ExitStack() as scope:
        yield Providers(
            scope.enter_context(fake_evolink(**options)),
            scope.enter_context(fake_kie(**options, webhook_key=WEBHOOK_KEY)),
            scope.enter_context(fake_replicate(**options, webhook_secret=WEBHOOK_SECRET)),
            scope.enter_context(fake_fal(**options)),
            scope.enter_context(fake_gateway(Kind.LITELLM, **options)),
            scope.enter_context(fake_gateway(Kind.OPENROUTER, **options)),
        )
