"""What every test may use: a real PostgreSQL, its clock in Asia/Shanghai, migrated once and emptied for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from clipferry.db import schema
from clipferry.db.connection import Database
from local.postgres import embedded_postgres
from tests.database import MIGRATIONS, empty_tables

# A machine that is busy elsewhere may take a second over any example; by default more than 0.2 s is a failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


os.environ["CLIPFERRY_LOCAL"] = "/nowhere"
"""A stack that the developer runs is none of the tests' business."""


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """TEST_DATABASE_URL names a server of one's own; else one is started from PyPI."""
    own = os.environ.get("TEST_DATABASE_URL")
    if own:
        yield own
        return
    with embedded_postgres(timezone="Asia/Shanghai") as url:
        yield url


@pytest.fixture(scope="session")
def migrated_url(server_url: str) -> str:
    schema.bring_up_to_date(server_url, MIGRATIONS)
    return server_url


@pytest.fixture
def database_url(migrated_url: str) -> str:
    empty_tables(migrated_url)
    return migrated_url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()
