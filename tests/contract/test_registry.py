"""What people configure follows from the registry of providers: the template, the examples, the tables, the doctor."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path

import pytest
from pydantic import SecretStr

from clipferry import settings
from clipferry.dependencies import Dependencies
from clipferry.providers import registry
from clipferry.providers.registry import Registered
from clipferry.settings import Settings
from local.sam_template.read import parse

ROOT = Path(__file__).parents[2]
TEMPLATE = parse((ROOT / "template.yaml").read_text())
VARIABLES = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
EXAMPLE = (ROOT / ".env.example").read_text()
README = (ROOT / "README.md").read_text()
MINIMAL = {
    "STAGE": "local",
    "DATABASE_URL": "postgresql://localhost/x",
    "STORAGE_BUCKET": "b",
    "STORAGE_ENDPOINT": "http://127.0.0.1:1",
    "STORAGE_ACCESS_KEY": "k",
    "STORAGE_SECRET_KEY": "k",
    "CALLBACK_HMAC_SECRET": "k",
    "MIRROR_QUEUE_URL": "http://127.0.0.1:1/q",
}
each_provider = pytest.mark.parametrize("provider", registry.PROVIDERS, ids=lambda provider: provider.name)


@each_provider
def test_its_settings_are_settings(provider: Registered) -> None:
    fields = Settings.model_fields

    assert set(provider.settings) <= fields.keys()
    for name in (provider.key, *provider.secrets):
        assert SecretStr.__name__ in str(fields[name].annotation), name
    assert fields[provider.base_url].default.startswith("https://")


@each_provider
def test_its_settings_are_explained_and_in_the_table(provider: Registered) -> None:
    section = EXAMPLE.partition("# AI Video Providers\n")[2].partition("# AI Callback\n")[0]

    for name in map(str.upper, provider.settings):
        assert re.search(rf"^# \w.*\n{name}=", section, re.MULTILINE), name
        assert f"| `{name}` |" in README, name


@each_provider
def test_a_deployed_stack_takes_its_secrets_from_the_secret_alone(provider: Registered) -> None:
    described = TEMPLATE["Parameters"]["SecretsArn"]["Description"]

    for name in map(str.upper, (provider.key, *provider.secrets)):
        assert VARIABLES[name] == "", name
        assert name in described, name
    assert VARIABLES[provider.base_url.upper()] == Settings.model_fields[provider.base_url].default
    stored = json.loads((ROOT / "events/env.json").read_text())["Parameters"]
    assert {*map(str.upper, provider.settings)} <= stored.keys()


@each_provider
def test_it_may_go_first_and_the_guide_names_it(provider: Registered) -> None:
    assert provider.name in TEMPLATE["Parameters"]["DefaultAiProvider"]["Description"]
    assert provider.title in (ROOT / "docs/providers.md").read_text()


def test_the_gateways_are_configured_like_a_provider() -> None:
    name = registry.GATEWAYS.upper()

    assert VARIABLES[name] == ""
    assert name in TEMPLATE["Parameters"]["SecretsArn"]["Description"]
    assert name in json.loads((ROOT / "events/env.json").read_text())["Parameters"]
    assert re.search(rf"^# .*\n{name}=", EXAMPLE, re.MULTILINE)
    assert f"| `{name}` |" in README


def test_each_gateway_is_a_provider_by_its_name() -> None:
    own = {"base_url": "https://gateway.example.com/v1", "api_key": "sk"}
    values = settings.load(MINIMAL | {"VIDEO_GATEWAYS": json.dumps({"litellm": own, "our-router": own})})
    dependencies = Dependencies(values, credentials=lambda: pytest.fail("asked"), new_database_url=lambda _: None)

    assert {name: adapter.name for name, adapter in dependencies.providers.items()} == {
        "litellm": "litellm",
        "our-router": "our-router",
    }
    dependencies.close()


@each_provider
def test_with_its_key_alone_it_is_ready(provider: Registered) -> None:
    import_module(provider.module)
    values = settings.load(MINIMAL | {provider.key.upper(): "key"})
    dependencies = Dependencies(values, credentials=lambda: pytest.fail("asked"), new_database_url=lambda _: None)

    made = dependencies.providers

    assert {name: adapter.name for name, adapter in made.items()} == {provider.name: provider.name}
    dependencies.close()
