"""A fake Evolink: its documented API, strictly, with films rendered on the spot and faults on request."""

from __future__ import annotations

import string
from functools import partial
from typing import Any

from local.http.messages import NoResponse, Request, Response
from local.http.server import BODY_LIMIT
from local.providers import evolink_wire
from local.providers.base import FORGED_RESULT_URL, FakeProvider
from local.providers.evolink_orders import parse_order
from local.providers.evolink_wire import EvolinkError
from local.providers.serving import run_alone, serving
from local.providers.task_queue import PlacedOrder, Task


class FakeEvolink(FakeProvider):
    """`POST /v1/videos/generations`, `GET /v1/tasks/{id}`; three retries of a callback."""

    def route(self, request: Request) -> Response | NoResponse:
        if not self.is_authentic(request):
            raise EvolinkError(401, "unauthorized", "The API key is missing or not valid")
        match request.method, request.path.split("/")[1:]:
            case "POST", ["v1", "videos", "generations"]:
                return self.submit(self._read_order(request))
            case "GET", ["v1", "tasks", task_id]:
                return self.query(self._find(task_id))
        raise EvolinkError(404, "not_found", f"There is nothing at {request.method} {request.path}")

    def new_task_id(self, order: PlacedOrder, created: int) -> str:  # noqa: ARG002 - the base class's
        return f"task-unified-{created}-{''.join(self.random.choices(string.ascii_lowercase + string.digits, k=8))}"

    def receipt(self, task: Task) -> dict[str, Any]:
        return evolink_wire.receipt(task)

    def report(self, task: Task) -> dict[str, Any]:
        return evolink_wire.report(task, base_url=self.base_url)

    def error(self, status: int, code: int | str, message: str) -> EvolinkError:
        return EvolinkError(status, code, message)

    def forged_report(self, task: Task) -> dict[str, Any]:
        if task.failure is not None:
            return {"id": task.id, "status": "completed", "progress": 100, "results": [FORGED_RESULT_URL]}
        return {"id": task.id, "status": "failed", "error": {"code": "unknown_error", "message": "forged"}}

    def _read_order(self, request: Request) -> PlacedOrder:
        if request.body is None:
            raise EvolinkError(413, "request_too_large", f"The body is larger than {BODY_LIMIT} bytes")
        if request.headers.get_content_type() != "application/json":
            raise EvolinkError(400, "invalid_parameters", "The content type must be application/json")
        return parse_order(request.body)

    def _find(self, task_id: str) -> Task:
        if not task_id.startswith("task-unified-"):
            raise EvolinkError(400, "invalid_task_id", "A task id starts with task-unified-", param="task_id")
        task = self.find_task(task_id)
        if task is None:
            raise EvolinkError(404, "task_not_found", f"There is no task {task_id!r}")
        return task


fake_evolink = partial(serving, FakeEvolink)


if __name__ == "__main__":
    run_alone("Evolink", fake_evolink, port=8788, api_key="sk-evo-local")
