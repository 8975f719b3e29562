"""The role's credentials: from the environment, or served on loopback, as Lambda does under SnapStart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from clipferry.aws.role_credentials import ENDPOINT, TOKEN, RoleCredentials
from clipferry.aws.sigv4 import Credentials
from clipferry.errors import ConfigurationError, SecretsUnavailableError
from local.http.messages import Response
from tests.secrets_manager import Clock
from tests.web import Web, web

SERVED = {"AccessKeyId": "ASIA1", "SecretAccessKey": "hunter2", "Token": "token-hunter2"}


class Endpoint:
    """Serves what `serve` was told, at the address in `environ`."""

    def __init__(self, server: Web) -> None:
        self.server = server
        self.environ = {ENDPOINT: f"{server.url}/2021-11-23/credentials?x=1", TOKEN: "the-endpoints-token"}

    @property
    def asked(self) -> list[tuple[str, str | None]]:
        requests = self.server.requests
        return [(f"{request.path}?{request.query}", request.headers["Authorization"]) for request in requests]

    def serve(self, expires: float, **changes: Any) -> None:
        moment = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.answer(json.dumps({**SERVED, "Expiration": moment, **changes}).encode())

    def answer(self, body: bytes, status: int = 200) -> None:
        self.server.reply = Response(status=status, body=body)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with web() as server:
        yield Endpoint(server)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_credentials_in_the_environment_come_first(endpoint: Endpoint) -> None:
    role = RoleCredentials({**endpoint.environ, "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "key"})
    assert role.credentials() == Credentials(access_key="AKIA", secret_key="key")
    assert endpoint.asked == []


def test_missing_credentials_are_named() -> None:
    with pytest.raises(ConfigurationError, match="AWS_ACCESS_KEY_ID"):
        RoleCredentials({}).credentials()


def test_served_ones_are_kept_until_shortly_before_they_expire(endpoint: Endpoint, clock: Clock) -> None:
    role = RoleCredentials(endpoint.environ, clock=clock)
    endpoint.serve(clock.now + 3600)
    first = role.credentials()
    assert first == Credentials(access_key="ASIA1", secret_key="hunter2", session_token="token-hunter2")
    assert endpoint.asked == [("/2021-11-23/credentials?x=1", "the-endpoints-token")]
    clock.now += 3200
    assert role.credentials() is first
    endpoint.serve(clock.now + 3600, AccessKeyId="ASIA2")
    clock.now += 200
    assert role.credentials().access_key == "ASIA2"
    assert len(endpoint.asked) == 2


def test_what_was_served_before_a_snapshot_is_asked_for_again(endpoint: Endpoint, clock: Clock) -> None:
    role = RoleCredentials(endpoint.environ, clock=clock)
    endpoint.serve(clock.now + 3600)
    role.credentials()
    role.forget()
    role.credentials()
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [b"hunter2", b"[]", b"{}", json.dumps(SERVED).encode(), json.dumps({**SERVED, "Expiration": "soon"}).encode()],
)
def test_an_answer_without_credentials_is_refused_and_not_shown(answer: bytes, endpoint: Endpoint) -> None:
    endpoint.answer(answer)
    with pytest.raises(ConfigurationError) as refused:
        RoleCredentials(endpoint.environ).credentials()
    assert "hunter2" not in str(refused.value)


def test_a_refusal_may_pass(endpoint: Endpoint) -> None:
    endpoint.answer(b"", 500)
    with pytest.raises(SecretsUnavailableError, match="500"):
        RoleCredentials(endpoint.environ).credentials()
    with pytest.raises(SecretsUnavailableError):
        RoleCredentials({ENDPOINT: "http://127.0.0.1:9/credentials"}).credentials()


def test_plain_http_is_for_loopback() -> None:
    with pytest.raises(ConfigurationError, match="https is required"):
        RoleCredentials({ENDPOINT: "http://credentials.example.com/"}).credentials()
