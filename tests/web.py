"""A web server that gives every request the same reply, and keeps the requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from local.http.messages import Request, Response
from local.http.server import HttpServer


@dataclass
class Web:
    """`reply` may be replaced while it runs."""

    url: str
    reply: Response
    requests: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        self.requests.append(request)
        return self.reply


@contextmanager
def web(status: int = 200, body: bytes = b"", **headers: str) -> Iterator[Web]:
    server = HttpServer()
    answering = Web(server.url, Response(status=status, body=body, headers=headers))
    with server.serving(answering.answer):
        yield answering
