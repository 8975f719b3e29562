"""A provider that gives scripted answers on 127.0.0.1, and keeps what an adapter has sent it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clipferry.net.http_client import HttpClient
from clipferry.providers.transport import JsonApi
from local.http.messages import NoResponse, Request, Response
from local.http.server import HttpServer, responding

SAMPLES = Path(__file__).parent / "contract" / "samples"
API_KEY = "sk-hunter2"
PATIENCE = 30
"""Seconds for what should happen at once."""
HTML = b"<html><body><h1>502 Bad Gateway</h1><hr><center>cloudflare</center></body></html>"
GARBAGE = [b"", b" ", HTML, b"null", b"[]", b'"text"', b"7", b"{", b"\xff\xfe", b"[" * 100_000, b"{}"]


@dataclass
class ScriptedApi:
    """Gives `replies` in turn, and the last one again and again. `naps` has the seconds that the adapter slept."""

    client: HttpClient
    api: JsonApi
    replies: list[Response | NoResponse] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    naps: list[float] = field(default_factory=list)
    asked: threading.Condition = field(default_factory=threading.Condition)

    def answers(self, status: int, body: bytes, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies.append(Response(status=status, body=body, headers=named))

    def hangs_up(self) -> None:
        self.replies.append(NoResponse.HANG_UP)

    def breaks_off(self) -> None:
        """Ends the answer too early, behind JSON that would be a valid answer by itself."""
        self.replies.append(Response(status=200, body=b'{"id": "task-1"}', headers={"Content-Length": "1000"}))

    def keeps_silent(self) -> None:
        self.replies.append(NoResponse.HOLD)

    def comes_to(self, requests: int) -> bool:
        """Whether it has been asked so often; an adapter may have given up before the server has read its request."""
        with self.asked:
            self.asked.wait_for(lambda: len(self.requests) >= requests, timeout=PATIENCE)
        return len(self.requests) == requests

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.body or b"null") for request in self.requests]


@contextmanager
def scripted_api() -> Iterator[ScriptedApi]:
    http_server = HttpServer()
    with http_server.serving(lambda _: Response(status=404)), scripted_by(http_server) as server:
        yield server


@contextmanager
def scripted_by(http_server: HttpServer) -> Iterator[ScriptedApi]:
    """Lets a server that runs already answer by a script."""
    client = HttpClient(http_server.url, allow_plain_http=True)
    naps: list[float] = []
    server = ScriptedApi(client, JsonApi(client, API_KEY, sleep=naps.append), naps=naps)

    def answer(request: Request) -> Response | NoResponse:
        with server.asked:
            server.requests.append(request)
            server.asked.notify_all()
        return server.replies.pop(0) if len(server.replies) > 1 else server.replies[0]

    http_server.serve = responding(answer)
    yield server
    client.close()


def sample(name: str) -> bytes:
    """A sample file, by its path below samples/ without `.json`."""
    return (SAMPLES / f"{name}.json").read_bytes()


def storable(text: str | None) -> bool:
    """Whether PostgreSQL can store it as text and as JSON."""
    return text is None or ("\x00" not in text and text == text.encode("utf-8", "replace").decode())
