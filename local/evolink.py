"""A fake Evolink: its documented API, strictly, with films rendered on the spot and faults on request."""

from __future__ import annotations

import argparse
import json
import random
import signal
import string
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from hmac import compare_digest
from typing import Any

from local import evolink_wire
from local.callback_sender import Attempt, CallbackSender
from local.evolink_orders import EvolinkOrder, parse_order
from local.evolink_wire import EvolinkError
from local.faults import Faults, Refusal
from local.result_files import serve_result
from local.tasks import Task, TaskRunner
from local.web_server import NoReply, Reply, Request, WebServer

BODY_LIMIT = 1024 * 1024
CALLBACK_TIMEOUT = 10.0
CALLBACK_RETRY_DELAYS = (1.0, 2.0, 4.0)


class FakeEvolink:
    """The running server, as tests and the demo see it: what it was sent and made, how to make it fail."""

    def __init__(
        self, *, api_key: str, base_url: str, seconds: float, local: bool, retry_scale: float, seed: int
    ) -> None:
        self.base_url = base_url
        self.submissions: list[dict[str, Any]] = []
        """The bodies of the submits that were accepted, in order."""
        self.tasks: dict[str, Task] = {}
        self.faults = Faults()
        """Of every submission that `next` says nothing about."""
        self._api_key = api_key
        self._seconds = seconds
        self._local = local
        self._next_faults: deque[Faults] = deque()
        self._random = random.Random(seed)
        self._accepting = threading.Lock()
        delays = tuple(delay * retry_scale for delay in CALLBACK_RETRY_DELAYS)
        self._sender = CallbackSender(timeout=CALLBACK_TIMEOUT, retry_delays=delays)
        self.runner = TaskRunner(sender=self._sender, report=self._report)

    @property
    def callbacks(self) -> list[Attempt]:
        """Every attempt to call back, in order."""
        return self._sender.attempts

    def next(self, faults: Faults) -> None:
        """For the next submission that is authentic and valid; several calls queue up."""
        self._next_faults.append(faults)

    def answer(self, request: Request) -> Reply | NoReply:
        try:
            return self._route(request)
        except EvolinkError as error:
            return _reply(json.dumps(error.envelope).encode(), status=error.status)

    def _route(self, request: Request) -> Reply | NoReply:
        match request.method, request.path.split("/")[1:]:
            case "GET" | "HEAD", ["files", name]:
                return serve_result(self.tasks.get(name.removesuffix(".mp4")), request)
            case "POST", ["v1", "videos", "generations"]:
                self._authenticate(request)
                return self._submit(self._read_order(request))
            case "GET", ["v1", "tasks", task_id]:
                self._authenticate(request)
                return _reply(self._report(self._find(task_id)))
            case "GET", ["v1", "credits"]:
                self._authenticate(request)
                return _reply(json.dumps(evolink_wire.balance(list(self.tasks.values()))).encode())
        raise EvolinkError(404, "not_found", f"There is nothing at {request.method} {request.path}")

    def _authenticate(self, request: Request) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not compare_digest(key.strip().encode(), self._api_key.encode()):
            raise EvolinkError(401, "unauthorized", "The API key is missing or not valid")

    def _read_order(self, request: Request) -> EvolinkOrder:
        if request.body is None:
            raise EvolinkError(413, "request_too_large", f"The body is larger than {BODY_LIMIT} bytes")
        if request.headers.get_content_type() != "application/json":
            raise EvolinkError(400, "invalid_parameters", "The content type must be application/json")
        return parse_order(request.body, local=self._local)

    def _submit(self, order: EvolinkOrder) -> Reply | NoReply:
        with self._accepting:
            faults = self._next_faults.popleft() if self._next_faults else self.faults
            if faults.refuse is not None:
                return _refusal(faults.refuse)
            task = self._accept(order, faults)
        if faults.early_callback:
            task.called_back.wait()
        if faults.submit != "answered":
            return NoReply.HOLD if faults.submit == "held" else NoReply.HANG_UP
        return _reply(json.dumps(evolink_wire.receipt(task)).encode())

    def _accept(self, order: EvolinkOrder, faults: Faults) -> Task:
        created = int(time.time())
        suffix = "".join(self._random.choices(string.ascii_lowercase + string.digits, k=8))
        task = Task(
            id=f"task-unified-{created}-{suffix}",
            model=order.model,
            order=order.film,
            callback_url=order.callback_url,
            created=created,
            takes=self._seconds,
            faults=faults,
        )
        self.submissions.append(order.body)
        self.tasks[task.id] = task
        self.runner.start(task)
        return task

    def _find(self, task_id: str) -> Task:
        if not task_id.startswith("task-unified-"):
            raise EvolinkError(400, "invalid_task_id", "A task id starts with task-unified-", param="task_id")
        task = self.tasks.get(task_id)
        if task is None:
            raise EvolinkError(404, "task_not_found", f"There is no task {task_id!r}")
        return task

    def _report(self, task: Task) -> bytes:
        return json.dumps(evolink_wire.report(task, base_url=self.base_url)).encode()


@contextmanager
def fake_evolink(
    *,
    api_key: str,
    port: int = 0,
    seconds: float = 2.0,
    local: bool = True,
    retry_scale: float = 1.0,
    seed: int = 0,
) -> Iterator[FakeEvolink]:
    """Serves on 127.0.0.1 until the block ends; then every thread has ended, too.

    `seconds` is what a task takes. `local` lets callbacks go to plain HTTP and to this machine: the real
    Evolink refuses both. `retry_scale` stretches the 1, 2 and 4 s between callbacks; `seed` is that of the
    task ids.
    """
    server = WebServer(port=port, body_limit=BODY_LIMIT)
    evolink = FakeEvolink(
        api_key=api_key,
        base_url=server.url,
        seconds=seconds,
        local=local,
        retry_scale=retry_scale,
        seed=seed,
    )
    with ExitStack() as ending:  # backwards: waits are cut short, then connections end, then tasks
        ending.callback(evolink.runner.join)
        ending.enter_context(server.serving(evolink.answer))
        ending.callback(evolink.runner.interrupt)
        yield evolink


def _reply(body: bytes, *, status: int = 200) -> Reply:
    return Reply(status=status, body=body, headers={"Content-Type": "application/json"})


def _refusal(refusal: Refusal) -> Reply:
    if refusal.page is not None:
        return Reply(status=refusal.status, body=refusal.page.encode(), headers={"Content-Type": "text/html"})
    raise EvolinkError(refusal.status, refusal.code, refusal.message)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8788)
    parser.add_argument("--api-key", default="sk-evo-local")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a task takes")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        suppress(KeyboardInterrupt),
        fake_evolink(api_key=options.api_key, port=options.port, seconds=options.seconds) as evolink,
    ):
        print(f"A fake Evolink on {evolink.base_url}, its API key is {options.api_key}. Ctrl-C ends it.", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
