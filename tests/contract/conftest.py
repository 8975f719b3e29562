"""A provider that gives scripted answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.http.messages import Response
from local.http.server import HttpServer
from tests.provider_answers import ScriptedApi, scripted_by


@pytest.fixture(scope="module")
def http_server() -> Iterator[HttpServer]:
    """One for all tests of a file: closing it takes longer than most of them."""
    http_server = HttpServer()
    with http_server.serving(lambda _: Response(status=404)):
        yield http_server


@pytest.fixture
def server(http_server: HttpServer) -> Iterator[ScriptedApi]:
    with scripted_by(http_server) as server:
        yield server
