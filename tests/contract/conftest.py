"""A provider that gives scripted answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.provider_answers import ScriptedApi, scripted_api


@pytest.fixture
def server() -> Iterator[ScriptedApi]:
    with scripted_api() as server:
        yield server
