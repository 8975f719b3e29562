"""A fake fal: its queue, strictly, with webhooks, films and faults on request."""

from __future__ import annotations

import uuid
from functools import partial
from hmac import compare_digest
from typing import Any

from local.http.messages import NoResponse, Request, Response
from local.providers import fal_wire
from local.providers.base import FORGED_RESULT_URL, FakeProvider
from local.providers.fal_orders import parse_order
from local.providers.fal_wire import FalError
from local.providers.responses import json_response
from local.providers.serving import run_alone, serving
from local.providers.task_queue import CANCELLED, PlacedOrder, Task


class FakeFal(FakeProvider):
    """A request is known under its app alone, the first two parts of its endpoint. Fifteen seconds for a webhook."""

    callback_timeout = 15.0

    def route(self, request: Request) -> Response | NoResponse:
        if not self.is_authentic(request):
            raise FalError(401, "Cannot access application. Authentication is required to access this application.")
        match request.method, request.path.split("/")[1:]:
            case "GET", [owner, alias, "requests", request_id, "status"]:
                return self.query(self._find(f"{owner}/{alias}", request_id))
            case "GET", [owner, alias, "requests", request_id]:
                return self._result(self._find(f"{owner}/{alias}", request_id))
            case "PUT", [owner, alias, "requests", request_id, "cancel"]:
                return self._cancel(self._find(f"{owner}/{alias}", request_id))
            case "POST", [_, _, *_] as parts:
                body = request.body or b""
                return self.submit(parse_order("/".join(parts), body, request.query))
        raise FalError(404, "Path not found")

    def is_authentic(self, request: Request) -> bool:
        """The scheme is Key, and no other will do."""
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Key" and compare_digest(key.encode("utf-8", "replace"), self.options.api_key.encode())

    def new_task_id(self, order: PlacedOrder, created: int) -> str:  # noqa: ARG002 - the base class's
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def receipt(self, task: Task) -> dict[str, Any]:
        url = self._url(task)
        urls = {"response_url": url, "status_url": f"{url}/status", "cancel_url": f"{url}/cancel"}
        return {"status": "IN_QUEUE", "request_id": task.id, **urls, "queue_position": 0}

    def report(self, task: Task) -> dict[str, Any]:
        return fal_wire.status(task, url=self._url(task))

    def report_status(self, task: Task) -> int:
        return 200 if task.ended else 202

    def error(self, status: int, code: int | str, message: str) -> FalError:  # noqa: ARG002
        return FalError(status, message)

    def callback_body(self, task: Task) -> dict[str, Any]:
        return fal_wire.webhook(task, result_url=self.result_url(task))

    def forged_report(self, task: Task) -> dict[str, Any]:
        return {"request_id": task.id, "status": "OK", "payload": {"video": {"url": FORGED_RESULT_URL}}}

    def _find(self, app: str, request_id: str) -> Task:
        task = self.find_task(request_id)
        if task is None or _app(task.model) != app or task.failure is CANCELLED:
            raise FalError(404, "Request not found")
        return task

    def _cancel(self, task: Task) -> Response:
        if task.cancel():
            return json_response({"status": "CANCELLATION_REQUESTED"}, status=202)
        return json_response({"status": "ALREADY_COMPLETED"}, status=400)

    def _result(self, task: Task) -> Response:
        if not task.ended:
            raise FalError(400, "Request is still in progress")
        body = fal_wire.result(task, result_url=self.result_url(task))
        headers = {"x-fal-billable-units": str(0 if task.failure else task.order.seconds)}
        return json_response(body, status=fal_wire.result_status(task), headers=headers)

    def _url(self, task: Task) -> str:
        return f"{self.base_url}/{_app(task.model)}/requests/{task.id}"


def _app(endpoint: str) -> str:
    return "/".join(endpoint.split("/")[:2])


fake_fal = partial(serving, FakeFal)


if __name__ == "__main__":
    run_alone("fal", fake_fal, port=8790, api_key="fal-local")
