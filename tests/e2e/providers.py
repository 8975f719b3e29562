"""All three fake providers at once, with one small film for every task, and the settings that lead to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from local.providers.base import FakeProvider
from local.providers.evolink import FakeEvolink, fake_evolink
from local.providers.kie import FakeKie, fake_kie
from local.providers.replicate import FakeReplicate, fake_replicate
from tests.films import small_film

KEY = "test-key"
WEBHOOK_KEY = "test-webhook-key"
WEBHOOK_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@dataclass(frozen=True, slots=True)
class Providers:
    evolink: FakeEvolink
    kie: FakeKie
    replicate: FakeReplicate

    @property
    def all(self) -> tuple[FakeProvider, ...]:
        return self.evolink, self.kie, self.replicate

    @property
    def environment(self) -> dict[str, str]:
        return {
            "EVOLINK_BASE_URL": self.evolink.base_url,
            "EVOLINK_API_KEY": KEY,
            "KIE_BASE_URL": self.kie.base_url,
            "KIE_API_KEY": KEY,
            "KIE_WEBHOOK_HMAC_KEY": WEBHOOK_KEY,
            "REPLICATE_BASE_URL": self.replicate.base_url,
            "REPLICATE_API_KEY": KEY,
            "REPLICATE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }


@contextmanager
def fake_providers(*, seconds: float, retry_scale: float = 0.2, film: bytes | None = None) -> Iterator[Providers]:
    film = film or small_film()
    with ExitStack() as scope:
        yield Providers(
            scope.enter_context(fake_evolink(api_key=KEY, seconds=seconds, retry_scale=retry_scale, film=film)),
            scope.enter_context(
                fake_kie(api_key=KEY, seconds=seconds, retry_scale=retry_scale, film=film, webhook_key=WEBHOOK_KEY)
            ),
            scope.enter_context(
                fake_replicate(
                    api_key=KEY, webhook_secret=WEBHOOK_SECRET, seconds=seconds, retry_scale=retry_scale, film=film
                )
            ),
        )
