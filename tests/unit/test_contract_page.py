"""The files of the contract's page: its own, and those of Swagger UI that it uses."""

from __future__ import annotations

from email.message import Message

import pytest

from local import contract
from local.http.messages import Request


def get(path: str, method: str = "GET") -> int:
    return contract._respond(Request(method=method, path=path, headers=Message())).status


@pytest.mark.parametrize(
    "path", ["/docs", "/docs/", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"]
)
def test_its_own_files_are_served(path: str) -> None:
    assert get(path) == 200


@pytest.mark.parametrize("path", ["/docs/../stack.py", "/docs/__init__.py", "/docs/swagger-ui.js", "/docs//etc/passwd"])
def test_no_other_file_is_served(path: str) -> None:
    assert get(path) == 404


def test_the_page_is_only_read() -> None:
    assert get("/docs", "POST") == 405
