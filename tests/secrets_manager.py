"""A Secrets Manager on 127.0.0.1 that checks every signature, with botocore as the judge, and fails on request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "role-secret-key",
    "AWS_SESSION_TOKEN": "role-token",
}
REGION = "eu-west-1"
ARN = f"arn:aws:secretsmanager:{REGION}:210987654321:secret:clipferry-AbCdEf"


class _Handler(BaseHTTPRequestHandler):
    server: FakeSecretsManager  # type: ignore[assignment]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer, seconds = self._answer(body)
        self.server.stopping.wait(seconds)
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
        except OSError:
            assert seconds, "only a slow answer comes too late"

    def _answer(self, body: bytes) -> tuple[int, bytes, float]:
        with self.server.lock:
            self.server.asked.append(json.loads(body))
            if not self._is_signed(body):
                return 400, refusal("InvalidSignatureException"), 0
            if self.server.next:
                return self.server.next.pop(0)
            text = self.server.secret if isinstance(self.server.secret, str) else json.dumps(self.server.secret)
            return 200, json.dumps({"ARN": ARN, "SecretString": text}).encode(), 0

    def _is_signed(self, body: bytes) -> bool:
        given = self.headers["Authorization"].rpartition("Signature=")[2]
        names = self.headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
        url = f"http://{self.headers['Host']}{self.path}"
        signed = {name: self.headers[name] for name in names if name != "host"}
        request = AWSRequest(method="POST", url=url, headers=signed, data=body)
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        keys = Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], KEYS["AWS_SESSION_TOKEN"])
        judge = SigV4Auth(keys, "secretsmanager", REGION)
        wanted = judge.signature(judge.string_to_sign(request, judge.canonical_request(request)), request)
        return (
            given == wanted
            and {"host", "x-amz-date", "x-amz-target", "x-amz-security-token"} <= set(names)
            and self.headers["X-Amz-Security-Token"] == KEYS["AWS_SESSION_TOKEN"]
            and self.headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
        )

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class FakeSecretsManager(ThreadingHTTPServer):
    """`secret` is what it has, as an object or as text; `fail` says what the next answers are instead."""

    daemon_threads = False

    def __init__(self, secret: Mapping[str, Any] | str) -> None:
        self.secret = secret
        self.next: list[tuple[int, bytes, float]] = []
        self.asked: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def fail(self, status: int, body: bytes = b"", *, times: int = 1, seconds: float = 0) -> None:
        with self.lock:
            self.next += [(status, body, seconds)] * times

    @property
    def environment(self) -> dict[str, str]:
        return {**KEYS, "SECRETS_ARN": ARN, "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.url}


def refusal(kind: str, message: str = "no") -> bytes:
    return json.dumps({"__type": f"com.amazonaws.secretsmanager#{kind}", "message": message}).encode()


@contextmanager
def secrets_manager(secret: Mapping[str, Any] | str) -> Iterator[FakeSecretsManager]:
    server = FakeSecretsManager(secret)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


class Clock:
    """A wall clock that stands still, and is moved by hand."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def moment(self) -> datetime:
        """The same as aware UTC."""
        return datetime.fromtimestamp(self.now, UTC)
