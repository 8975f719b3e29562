"""The HTTP functions over a real database, and two users."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clipferry import runtime
from clipferry.db.connection import Database
from local.sam_template.environment import in_process
from tests.http_api import Api, Person, environment, person


@pytest.fixture
def api(database_url: str) -> Iterator[Api]:
    with in_process(environment(database_url)):
        runtime.reset()
        yield Api()
        runtime.reset()


@pytest.fixture
def ann(database: Database) -> Person:
    return person(database, "ann")


@pytest.fixture
def bob(database: Database) -> Person:
    return person(database, "bob")
