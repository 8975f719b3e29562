"""A Secrets Manager on 127.0.0.1 that checks every signature, with botocore as the judge, and fails on request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.http.messages import Request, Response
from local.http.server import HttpServer

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "role-secret-key",
    "AWS_SESSION_TOKEN": "role-token",
}
REGION = "eu-west-1"
ARN = f"arn:aws:secretsmanager:{REGION}:210987654321:secret:clipferry-AbCdEf"


class FakeSecretsManager:
    """`secret` is what it has, as an object or as text; `fail` says what the next answers are instead."""

    def __init__(self, url: str, secret: Mapping[str, Any] | str) -> None:
        self.url = url
        self.secret = secret
        self.asked: list[dict[str, Any]] = []
        self.stopping = threading.Event()
        self._next: list[tuple[int, bytes, float]] = []
        self._lock = threading.Lock()

    def fail(self, status: int, body: bytes = b"", *, times: int = 1, seconds: float = 0) -> None:
        with self._lock:
            self._next += [(status, body, seconds)] * times

    @property
    def environment(self) -> dict[str, str]:
        return {**KEYS, "SECRETS_ARN": ARN, "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.url}

    def respond(self, request: Request) -> Response:
        status, body, seconds = self._answer(request)
        self.stopping.wait(seconds)
        return Response(status=status, body=body)

    def _answer(self, request: Request) -> tuple[int, bytes, float]:
        with self._lock:
            self.asked.append(json.loads(request.body or b""))
            if not _is_signed(request):
                return 400, refusal("InvalidSignatureException"), 0
            if self._next:
                return self._next.pop(0)
            text = self.secret if isinstance(self.secret, str) else json.dumps(self.secret)
            return 200, json.dumps({"ARN": ARN, "SecretString": text}).encode(), 0


def _is_signed(request: Request) -> bool:
    headers = {name.lower(): value for name, value in request.headers.items()}
    given = headers["authorization"].rpartition("Signature=")[2]
    names = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    signed = {name: headers[name] for name in names if name != "host"}
    asked = AWSRequest(
        method="POST", url=f"http://{headers['host']}{request.path}", headers=signed, data=request.body or b""
    )
    asked.context["timestamp"] = headers["x-amz-date"]
    keys = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], KEYS["AWS_SESSION_TOKEN"])
    judge = SigV4Auth(keys, "secretsmanager", REGION)
    wanted = judge.signature(judge.string_to_sign(asked, judge.canonical_request(asked)), asked)
    return (
        given == wanted
        and {"host", "x-amz-date", "x-amz-target", "x-amz-security-token"} <= set(names)
        and headers["x-amz-security-token"] == KEYS["AWS_SESSION_TOKEN"]
        and headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    )


def refusal(kind: str, message: str = "no") -> bytes:
    return json.dumps({"__type": f"com.amazonaws.secretsmanager#{kind}", "message": message}).encode()


@contextmanager
def secrets_manager(secret: Mapping[str, Any] | str) -> Iterator[FakeSecretsManager]:
    server = HttpServer()
    fake = FakeSecretsManager(server.url, secret)
    with server.serving(fake.respond):
        yield fake
        fake.stopping.set()


class Clock:
    """A wall clock that stands still, and is moved by hand."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def moment(self) -> datetime:
        """The same as aware UTC."""
        return datetime.fromtimestamp(self.now, UTC)
