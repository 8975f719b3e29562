"""A fake provider: tasks, films, callbacks, and everything that can be made to go wrong."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.http.messages import NoResponse, Request, Response
from local.providers.callback_sender import Attempt, Callback, CallbackSender
from local.providers.faults import Faults, Refusal
from local.providers.responses import ApiError, json_response, page_response
from local.providers.result_files import serve_result
from local.providers.task_memory import TaskMemory
from local.providers.task_queue import FilmOrder, PlacedOrder, Task, TaskRunner

SLOW_SECONDS = 0.5
GATEWAY_PAGE = "<!doctype html><title>Gateway</title><h1>The origin did not answer</h1>"
FORGED_RESULT_URL = "http://127.0.0.1:9/evil.mp4"
"""The result in a forged callback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a fake behaves. Its callbacks may go to plain HTTP and to this machine, which the real ones refuse."""

    api_key: str
    seconds: float = 2.0
    """How long a task takes."""
    retry_scale: float = 1.0
    """Stretches the pauses between the attempts to call back."""
    film: bytes | None = None
    """The result of every task, instead of a film that is rendered for it."""


class FakeProvider:
    """Records what it was sent and has made, and fails on request. A subclass adds a provider's own API."""

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
        """The faults of every submission that `next` says nothing about, or a function that chooses them."""
        self.options = options
        self.random = random.Random()
        self._memory: TaskMemory | None = None
        self._next_faults: deque[Faults] = deque()
        self._accepting = threading.Lock()
        delays = tuple(delay * options.retry_scale for delay in self.retry_delays)
        self._sender = CallbackSender(timeout=self.callback_timeout, retry_delays=delays)
        self.runner = TaskRunner(
            sender=self._sender, callback=self.callback_for, forgeries=self._forgeries, film=options.film
        )

    @property
    def callbacks(self) -> list[Attempt]:
        """All attempts to call back, in order."""
        return self._sender.attempts

    def next(self, faults: Faults) -> None:
        """Sets the faults of the next submission that is authentic and valid; several calls queue up."""
        self._next_faults.append(faults)

    def remember(self, folder: Path) -> None:
        """Keeps unfinished tasks in the folder, and goes on with those that are there."""
        self._memory = TaskMemory(folder)
        self.runner.on_end = self._memory.forget
        for task in self._memory.load(takes=self.options.seconds):
            self._start(task)

    # The provider's own API, which a subclass has

    def route(self, request: Request) -> Response | NoResponse:
        """Raises ApiError for what the provider refuses."""
        raise NotImplementedError

    def new_task_id(self, order: PlacedOrder, created: int) -> str:
        raise NotImplementedError

    def receipt(self, task: Task) -> dict[str, Any]:
        """The answer to an accepted submit."""
        raise NotImplementedError

    def accepted(self, task: Task) -> Response:
        """The response with that answer."""
        return json_response(self.receipt(task))

    def report(self, task: Task) -> dict[str, Any]:
        """The answer to a query."""
        raise NotImplementedError

    def report_status(self, task: Task) -> int:  # noqa: ARG002 - a subclass's to use
        """The HTTP status of that answer."""
        return 200

    def error(self, status: int, code: int | str, message: str) -> ApiError:
        """An error in the provider's own envelope."""
        raise NotImplementedError

    def callback_body(self, task: Task) -> dict[str, Any]:
        """What a callback says of a task that has ended."""
        return self.report(task)

    def callback_headers(self, task: Task, body: bytes) -> dict[str, str]:  # noqa: ARG002 - a subclass's to use
        """A callback's signature, where the provider signs."""
        return {}

    def forged_report(self, task: Task) -> dict[str, Any]:
        """A callback's body that says something false about the task, as a forger would write it."""
        raise NotImplementedError

    # The same for all providers

    def callback_for(self, task: Task) -> Callback:
        body = json.dumps(self.callback_body(task)).encode()
        return Callback(url=task.callback_url or "", body=body, headers=self.callback_headers(task, body))

    def respond(self, request: Request) -> Response | NoResponse:
        if "Transfer-Encoding" in request.headers:
            return Response(status=411)
        try:
            match request.method, request.path.split("/")[1:]:
                case "GET" | "HEAD", ["files", name]:
                    return serve_result(self.tasks.get(name.removesuffix(".mp4")), request)
            return self.route(request)
        except ApiError as error:
            return error.as_response()

    def is_authentic(self, request: Request) -> bool:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        expected = self.options.api_key.encode()
        return scheme.lower() == "bearer" and compare_digest(key.strip().encode("utf-8", "replace"), expected)

    def submit(self, order: PlacedOrder) -> Response | NoResponse:
        """Accepts a valid order, or does what the faults say."""
        with self._accepting:
            self.orders.append(order.body)
            faults = self._faults_of(order)
            if faults.refuse is not None:
                return self._refused(faults.refuse)
            task = self._accept(order, faults)
        if faults.early_callback:
            task.called_back.wait()
        self.runner.wait(faults.slow)
        return _broken(faults.submit, status=504) or self.accepted(task)

    def find_task(self, task_id: str) -> Task | None:
        task = self.tasks.get(task_id)
        return None if task is None or task.faults.lost else task

    def query(self, task: Task) -> Response | NoResponse:
        """Answers a query, or does what the faults say."""
        question = task.next_question()
        if question == "busy":
            error = self.error(429, 429, "Too many requests")
            error.retry_after = 1
            raise error
        if question == "slow":
            self.runner.wait(SLOW_SECONDS)
        return _broken(question, status=502) or json_response(self.report(task), status=self.report_status(task))

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
        if self._memory is not None:
            self._memory.save(task)
        self._start(task)
        return task

    def _start(self, task: Task) -> None:
        self.tasks[task.id] = task
        self.runner.start(task)

    def _refused(self, refusal: Refusal) -> Response:
        if refusal.page is not None:
            return page_response(refusal.status, refusal.page)
        raise self.error(refusal.status, refusal.code, refusal.message)

    def _forgeries(self, task: Task) -> Iterator[Callback]:
        """Callbacks from somebody who has seen the callback URL, and from somebody who hasn't."""
        url, genuine = task.callback_url or "", self.callback_for(task)
        forged = json.dumps(self.forged_report(task)).encode()
        yield Callback(url=url, body=forged, headers=genuine.headers)
        yield Callback(url=url, body=forged.replace(task.id.encode(), b"somebody-elses-task"))
        query = urlsplit(url).query
        yield Callback(url=url.replace(query, f"{query[:-4]}0000"), body=genuine.body, headers=genuine.headers)


def _broken(how: str | None, *, status: int) -> Response | NoResponse | None:
    """What comes instead of an answer, if that is the fault: nothing, or a gateway's page."""
    match how:
        case "held":
            return NoResponse.HOLD
        case "cut":
            return NoResponse.HANG_UP
        case "page":
            return page_response(status, GATEWAY_PAGE)
    return None
