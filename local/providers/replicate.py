"""A fake Replicate: predictions of a few models, strictly, with signed webhooks, films and faults on request."""

from __future__ import annotations

import string
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from local.http.messages import NoResponse, Request, Response
from local.providers import replicate_wire
from local.providers.base import FORGED_RESULT_URL, FakeProvider, Options
from local.providers.replicate_orders import parse_order
from local.providers.replicate_wire import ReplicateError
from local.providers.responses import json_response
from local.providers.serving import serving
from local.providers.task_queue import PlacedOrder, Task


class FakeReplicate(FakeProvider):
    """`webhook_secret` signs every webhook; it can be replaced while it runs, as a rotation does."""

    def __init__(self, base_url: str, options: Options, *, webhook_secret: str) -> None:
        super().__init__(base_url, options)
        self.webhook_secret = webhook_secret

    def route(self, request: Request) -> Response | NoResponse:
        if not self.is_authentic(request):
            raise ReplicateError(401, "You did not pass a valid authentication token")
        match request.method, request.path.split("/")[1:]:
            case "POST", ["v1", "models", owner, name, "predictions"]:
                return self.submit(parse_order(f"{owner}/{name}", request.body or b""))
            case "GET", ["v1", "predictions", task_id] if task := self.find_task(task_id):
                return self.query(task)
            case "POST", ["v1", "predictions", task_id, "cancel"] if task := self.find_task(task_id):
                task.cancel()
                return json_response(self.report(task))
        raise ReplicateError(404, "The requested resource could not be found.")

    def new_task_id(self, order: PlacedOrder, created: int) -> str:  # noqa: ARG002 - the base class's
        return "".join(self.random.choices(string.ascii_lowercase + string.digits, k=26))

    def receipt(self, task: Task) -> dict[str, Any]:
        return self.report(task) | {"status": "starting", "output": None, "error": None, "completed_at": None}

    def report(self, task: Task) -> dict[str, Any]:
        return replicate_wire.prediction(task, base_url=self.base_url, result_url=self.result_url(task))

    def error(self, status: int, code: int | str, message: str) -> ReplicateError:  # noqa: ARG002
        return ReplicateError(status, message)

    def callback_headers(self, task: Task, body: bytes) -> dict[str, str]:
        return replicate_wire.signature_headers(f"msg_{task.id}", body, self.webhook_secret)

    def forged_report(self, task: Task) -> dict[str, Any]:
        return self.report(task) | {"status": "succeeded", "output": FORGED_RESULT_URL, "error": None}


def fake_replicate(*, webhook_secret: str, **options: Any) -> AbstractContextManager[FakeReplicate]:
    return serving(partial(FakeReplicate, webhook_secret=webhook_secret), **options)
