"""The whole product in one process, with a fake Evolink that is quick, and a fresh user for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from local.providers.evolink import FakeEvolink, fake_evolink
from local.stack import Stack, local_stack
from tests.database import empty_tables
from tests.stack_world import CREDITS, World

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def running(migrated_url: str) -> Iterator[tuple[Stack, FakeEvolink]]:
    empty_tables(migrated_url)
    with fake_evolink(api_key="test-evolink-key", seconds=0.4, retry_scale=0.2) as evolink:
        environment = {
            "DATABASE_URL": migrated_url,
            "EVOLINK_BASE_URL": evolink.base_url,
            "EVOLINK_API_KEY": "test-evolink-key",
            "KIE_BASE_URL": "http://127.0.0.1:9",  # without a key it isn't asked: what Evolink refuses is refused
            "RECONCILE_INTERVAL_SECONDS": "1",
            "RATE_LIMIT_PER_MINUTE": "1000",
            "VIDEO_MAX_CONCURRENT": "3",
        }
        with local_stack(environment=environment, quiet=True) as stack:
            yield stack, evolink


@pytest.fixture
def world(running: tuple[Stack, FakeEvolink]) -> World:
    """A new user, with one package of 100 credits."""
    stack, evolink = running
    number = next(numbers)
    world = World(stack, evolink, f"user-{number}", f"token-{number}")
    world.rows('insert into "user" (id, email) values (%(id)s, %(id)s)', id=world.user_id)
    world.rows(
        """insert into session ("userId", token, "expiresAt")
        values (%(id)s, %(token)s, timezone('utc', now()) + interval '1 hour')""",
        id=world.user_id,
        token=world.token,
    )
    world.rows(
        """with package as (
            insert into credit_packages (user_id, initial_credits, remaining_credits, trans_type, updated_at)
            values (%(id)s, %(credits)s, %(credits)s, 'ORDER_PAY', timezone('utc', now())) returning id
        )
        insert into credit_transactions (trans_no, user_id, trans_type, credits, balance_after, package_id)
        select 'TXN-' || %(id)s, %(id)s, 'ORDER_PAY', %(credits)s, %(credits)s, id from package""",
        id=world.user_id,
        credits=CREDITS,
    )
    return world
