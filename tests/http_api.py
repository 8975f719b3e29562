"""The handlers behind the template's routes, called as API Gateway calls them, over a real database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import quote

from clipferry.db.connection import Database
from clipferry.usecases.manage_keys import create_key
from local.lambda_runtime import routes
from local.lambda_runtime.events import http_event
from local.lambda_runtime.lambda_context import Invoke, invoker
from local.sam_template.read import read_template
from tests import books

AUTH_SECRET = "the secret of Better Auth"
ORIGIN = "https://app.example.com"
COOKIE = "better-auth.session_token"


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` in lower case."""

    status: int
    headers: dict[str, str]
    payload: dict[str, Any]

    @property
    def data(self) -> Any:
        return self.payload["data"]

    @property
    def code(self) -> str:
        return self.payload["error"]["code"]


@dataclass(frozen=True, slots=True)
class Person:
    """A user with a session and an API key."""

    user_id: str
    token: str
    key: str

    @property
    def by_session(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    @property
    def by_key(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    @property
    def by_cookie(self) -> dict[str, str]:
        return {"cookie": f"{COOKIE}={signed(self.token)}", "origin": ORIGIN}


class Api:
    """Every HTTP function, by the routes that the template gives it."""

    def __init__(self) -> None:
        shape = read_template()
        self._routes = shape.routes
        self._invoke: dict[str, Invoke] = {
            function.name: invoker(function, getattr(import_module(function.module), function.attribute))
            for function in shape.functions
            if function.routes
        }

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        event: Mapping[str, Any] | None = None,
    ) -> Answer:
        """`event` replaces parts of the event that API Gateway would make of the rest."""
        path, _, query = path.partition("?")
        route = routes.find(self._routes, method, path)
        assert route is not None
        content = b"" if body is None else json.dumps(body).encode()
        sent = {**({"content-type": "application/json"} if content else {}), **(headers or {})}
        made = http_event(method, path, route_key=route.key, query=query, headers=sent, body=content)
        answer = self._invoke[route.function]({**made, **(event or {})})
        lower = {name.lower(): str(value) for name, value in answer["headers"].items()}
        return Answer(answer["statusCode"], lower, json.loads(answer["body"] or "{}"))


def signed(token: str, secret: str = AUTH_SECRET) -> str:
    """A cookie's value as better-call makes it: `encodeURIComponent(token + "." + btoa(hmacSha256(token)))`.

    https://github.com/better-auth/better-call/blob/main/packages/better-call/src/crypto.ts
    """
    digest = hmac.new(secret.encode(), token.encode(), hashlib.sha256).digest()
    return quote(f"{token}.{base64.b64encode(digest).decode()}", safe="!'()*")


def environment(database_url: str) -> dict[str, str]:
    """Settings of a stack whose storage, queue and provider nobody answers for."""
    return {
        "STAGE": "local",
        "ALLOW_LOOPBACK": "true",
        "DATABASE_URL": database_url,
        "STORAGE_ENDPOINT": "https://storage.example.com",
        "STORAGE_ACCESS_KEY": "access-key",
        "STORAGE_SECRET_KEY": "secret-key",
        "STORAGE_BUCKET": "videos",
        "STORAGE_DOMAIN": "https://cdn.example.com",
        "EVOLINK_BASE_URL": "http://127.0.0.1:9",
        "EVOLINK_API_KEY": "evolink-key",
        "CALLBACK_HMAC_SECRET": "the secret of the callbacks",
        "MIRROR_QUEUE_URL": "http://127.0.0.1:9/000000000000/mirror",
        "BETTER_AUTH_SECRET": AUTH_SECRET,
        "ALLOWED_ORIGINS": ORIGIN,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9",
        "MODELS_FILE": "",
    }


def person(database: Database, user_id: str, *, is_admin: bool = False, key_is_admin: bool = False) -> Person:
    """`is_admin` is the user's own flag; a key has its own."""
    shown = books.add_user(database, user_id, is_admin=is_admin)
    assert shown.session_token is not None
    _, key = create_key(user_id=user_id, name="script", is_admin=key_is_admin, database=database)
    return Person(user_id, shown.session_token, key)
