"""The whole product in one process, and a fresh user for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from local.providers.evolink import FakeEvolink
from local.stack import Stack
from tests.e2e.providers import Providers, fake_providers
from tests.stack_world import WEBHOOK_SECRET, World, evolink_stack

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def running(migrated_url: str) -> Iterator[tuple[Stack, FakeEvolink]]:
    with evolink_stack(migrated_url, VIDEO_MAX_CONCURRENT="3", WEBHOOK_SECRET=WEBHOOK_SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def providers() -> Iterator[Providers]:
    with fake_providers(seconds=0.2) as providers:
        yield providers


@pytest.fixture
def world(running: tuple[Stack, FakeEvolink]) -> World:
    return World.sign_up(*running, f"user-{next(numbers)}")
