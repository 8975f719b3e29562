"""What the fake providers have in common: tasks, films, callbacks, and everything that can be made to go wrong."""

from __future__ import annotations

import argparse
import json
import random
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from local.providers.callback_sender import Attempt, CallbackSender
from local.providers.faults import Faults, Refusal
from local.providers.http_server import NoReply, Reply, Request, WebServer
from local.providers.result_files import serve_result
from local.providers.task_queue import FilmOrder, Message, Task, TaskRunner

BODY_LIMIT = 1024 * 1024
SLOW_SECONDS = 0.5
GATEWAY_PAGE = "<!doctype html><title>Gateway</title><h1>The origin did not answer</h1>"
EVIL_URL = "http://127.0.0.1:9/evil.mp4"
"""What a forged callback says the result is."""

Fake = TypeVar("Fake", bound="FakeProvider")


class ApiError(Exception):
    """An answer other than success; `envelope` is its body."""

    def __init__(self, status: int, message: str, envelope: dict[str, Any], *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.envelope = envelope
        self.retry_after = retry_after


class PlacedOrder(Protocol):
    """A submit that the provider's rules allow."""

    @property
    def model(self) -> str: ...
    @property
    def film(self) -> FilmOrder: ...
    @property
    def callback_url(self) -> str | None: ...
    @property
    def body(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a fake behaves. `local` lets callbacks go to plain HTTP and to this machine: the real ones refuse both."""

    api_key: str
    seconds: float = 2.0
    """What a task takes."""
    local: bool = True
    retry_scale: float = 1.0
    """Stretches the seconds between the attempts to call back."""
    seed: int = 0
    """Of the task ids."""
    film: bytes | None = None
    """Every task's result, instead of one that is rendered for it."""


class FakeProvider:
    """The running server, as tests and the demo see it: what it was sent and made, how to make it fail."""

    callback_timeout = 10.0
    retry_delays: tuple[float, ...] = (1.0, 2.0, 4.0)

    def __init__(self, base_url: str, options: Options) -> None:
        self.base_url = base_url
        self.orders: list[dict[str, Any]] = []
        """The bodies of all submits that were valid, in order."""
        self.submissions: list[dict[str, Any]] = []
        """The bodies of the submits that were accepted, in order."""
        self.tasks: dict[str, Task] = {}
        self.faults: Faults | Callable[[FilmOrder], Faults] = Faults()
        """Of every submission that `next` says nothing about; or a function that says which."""
        self.options = options
        self.random = random.Random(options.seed)
        self._next_faults: deque[Faults] = deque()
        self._accepting = threading.Lock()
        delays = tuple(delay * options.retry_scale for delay in self.retry_delays)
        self._sender = CallbackSender(timeout=self.callback_timeout, retry_delays=delays)
        self.runner = TaskRunner(
            sender=self._sender, message=self.message, forgeries=self._forgeries, film=options.film
        )

    @property
    def callbacks(self) -> list[Attempt]:
        """Every attempt to call back, in order."""
        return self._sender.attempts

    def next(self, faults: Faults) -> None:
        """For the next submission that is authentic and valid; several calls queue up."""
        self._next_faults.append(faults)

    # What each provider has of its own

    def route(self, request: Request) -> Reply | NoReply:
        """Raises ApiError for what the provider refuses."""
        raise NotImplementedError

    def new_task_id(self, order: PlacedOrder, created: int) -> str:
        raise NotImplementedError

    def receipt(self, task: Task) -> dict[str, Any]:
        """What an accepted submit is answered with."""
        raise NotImplementedError

    def report(self, task: Task) -> dict[str, Any]:
        """What a question about a task is answered with."""
        raise NotImplementedError

    def error(self, status: int, code: int | str, message: str) -> ApiError:
        """In the provider's own envelope."""
        raise NotImplementedError

    def message(self, task: Task) -> Message:
        """The callback for a task that has ended."""
        return Message(url=task.callback_url or "", body=json.dumps(self.report(task)).encode())

    def lie(self, task: Task) -> dict[str, Any]:
        """A callback's body that says something false of the task, as a forger would write it."""
        raise NotImplementedError

    # What they share

    def answer(self, request: Request) -> Reply | NoReply:
        try:
            match request.method, request.path.split("/")[1:]:
                case "GET" | "HEAD", ["files", name]:
                    return serve_result(self.tasks.get(name.removesuffix(".mp4")), request)
            return self.route(request)
        except ApiError as error:
            headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
            return json_reply(error.envelope, status=error.status, headers=headers)

    def is_authentic(self, request: Request) -> bool:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        expected = self.options.api_key.encode()
        return scheme.lower() == "bearer" and compare_digest(key.strip().encode("utf-8", "replace"), expected)

    def take(self, order: PlacedOrder) -> Reply | NoReply:
        """A submit that may be accepted."""
        with self._accepting:
            self.orders.append(order.body)
            faults = self._faults_of(order)
            if faults.refuse is not None:
                return self._refused(faults.refuse)
            task = self._accept(order, faults)
        if faults.early_callback:
            task.called_back.wait()
        self.runner.wait(faults.slow)
        match faults.submit:
            case "held":
                return NoReply.HOLD
            case "cut":
                return NoReply.HANG_UP
            case "page":
                return page_reply(504, GATEWAY_PAGE)
        return json_reply(self.receipt(task))

    def find(self, task_id: str) -> Task | None:
        task = self.tasks.get(task_id)
        return None if task is None or task.faults.lost else task

    def tell(self, task: Task) -> Reply | NoReply:
        """A question that may be answered."""
        match task.next_question():
            case "page":
                return page_reply(502, GATEWAY_PAGE)
            case "held":
                return NoReply.HOLD
            case "cut":
                return NoReply.HANG_UP
            case "busy":
                error = self.error(429, 429, "Too many requests")
                error.retry_after = 1
                raise error
            case "slow":
                self.runner.wait(SLOW_SECONDS)
        return json_reply(self.report(task))

    def result_url(self, task: Task) -> str:
        return f"{self.base_url}/files/{task.id}.mp4"

    def _faults_of(self, order: PlacedOrder) -> Faults:
        if self._next_faults:
            return self._next_faults.popleft()
        return self.faults(order.film) if callable(self.faults) else self.faults

    def _accept(self, order: PlacedOrder, faults: Faults) -> Task:
        created = int(time.time())
        task = Task(
            id=self.new_task_id(order, created),
            model=order.model,
            order=order.film,
            body=order.body,
            callback_url=order.callback_url,
            created=created,
            takes=self.options.seconds,
            faults=faults,
        )
        self.submissions.append(order.body)
        self.tasks[task.id] = task
        self.runner.start(task)
        return task

    def _refused(self, refusal: Refusal) -> Reply:
        if refusal.page is not None:
            return page_reply(refusal.status, refusal.page)
        raise self.error(refusal.status, refusal.code, refusal.message)

    def _forgeries(self, task: Task) -> Iterator[Message]:
        """From somebody who has seen the callback URL, and from somebody who hasn't."""
        url, genuine = task.callback_url or "", self.message(task)
        lie = json.dumps(self.lie(task)).encode()
        yield Message(url=url, body=lie, headers=genuine.headers)
        yield Message(url=url, body=lie.replace(task.id.encode(), b"somebody-elses-task"))
        query = urlsplit(url).query
        yield Message(url=url.replace(query, f"{query[:-4]}0000"), body=genuine.body, headers=genuine.headers)


def json_reply(data: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    content = {"Content-Type": "application/json", **(headers or {})}
    return Reply(status=status, body=json.dumps(data).encode(), headers=content)


def page_reply(status: int, page: str) -> Reply:
    return Reply(status=status, body=page.encode(), headers={"Content-Type": "text/html"})


@contextmanager
def serving(make: Callable[[str], Fake], *, port: int = 0) -> Iterator[Fake]:
    """Serves what `make` makes of a base URL, on 127.0.0.1 until the block ends; then every thread has ended, too."""
    server = WebServer(port=port, body_limit=BODY_LIMIT)
    fake = make(server.url)
    with ExitStack() as ending:  # backwards: waits are cut short, then connections end, then tasks
        ending.callback(fake.runner.join)
        ending.enter_context(server.serving(fake.answer))
        ending.callback(fake.runner.interrupt)
        yield fake


def run_alone(
    name: str, start: Callable[[argparse.Namespace], AbstractContextManager[FakeProvider]], *, port: int, api_key: str
) -> None:
    """A fake by itself, until Ctrl-C."""
    parser = argparse.ArgumentParser(description=f"A fake {name}, for trying things out.")
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--api-key", default=api_key)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a task takes")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), start(options) as fake:
        print(f"A fake {name} on {fake.base_url}, its API key is {options.api_key}. Ctrl-C ends it.", flush=True)
        threading.Event().wait()
