"""A server that callbacks go to: it keeps each request, and answers as it is told to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

from local.http.messages import NoResponse, Request, Response
from local.http.server import HttpServer

PATIENCE = 30.0
"""Seconds after which a test gives up on something that should happen much sooner."""


@dataclass
class Receiver:
    """Answers with the next of `answers` (a status, or none at all), then with 200."""

    url: str
    answers: list[int | NoResponse] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    reached: Event = field(default_factory=Event)

    def respond(self, request: Request) -> Response | NoResponse:
        self.requests.append(request)
        self.reached.set()
        answer = self.answers.pop(0) if self.answers else 200
        return answer if isinstance(answer, NoResponse) else Response(status=answer, headers={"location": "/elsewhere"})


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver whose URL has a query, as ours has."""
    server = HttpServer()
    receiver = Receiver(url=f"{server.url}/callback?videoUuid=vid_1&sig=a%2Bb")
    with server.serving(receiver.respond):
        yield receiver


def until(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, "it didn't happen"
        time.sleep(0.005)
