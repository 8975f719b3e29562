"""A fake KIE: the documented API of its market and of Veo, strictly, with films and faults on request."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from functools import partial
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs

from local.http.messages import NoResponse, Request, Response
from local.providers import kie_orders, kie_wire, veo_orders, veo_wire
from local.providers.base import FORGED_RESULT_URL, FakeProvider, Options
from local.providers.kie_wire import KieError
from local.providers.serving import run_alone, serving
from local.providers.task_queue import PlacedOrder, Task


class FakeKie(FakeProvider):
    """Fifteen seconds for a callback."""

    callback_timeout = 15.0

    def __init__(self, base_url: str, options: Options, *, webhook_key: str | None = None) -> None:
        super().__init__(base_url, options)
        self.webhook_key = webhook_key
        """Signs the callbacks, when set."""

    def route(self, request: Request) -> Response | NoResponse:
        if not self.is_authentic(request):
            raise KieError(401)
        match request.method, request.path:
            case "POST", "/api/v1/jobs/createTask":
                return self.submit(kie_orders.parse_order(_json_body(request)))
            case "POST", "/api/v1/veo/generate":
                return self.submit(veo_orders.parse_order(_json_body(request)))
            case "GET", "/api/v1/jobs/recordInfo":
                return self.query(self._find(request, is_veo=False))
            case "GET", "/api/v1/veo/record-info":
                return self.query(self._find(request, is_veo=True))
        raise KieError(404, f"There is nothing at {request.method} {request.path}")

    def new_task_id(self, order: PlacedOrder, created: int) -> str:
        """Returns an id in the form of its kind of model."""
        letters = "".join(self.random.choices("0123456789abcdef", k=32))
        if _is_veo(order.model):
            return f"veo_task_{letters[:12]}"
        return f"task_bytedance_{created}{letters[:9]}" if order.model.startswith("bytedance/") else letters

    def receipt(self, task: Task) -> dict[str, Any]:
        return kie_wire.receipt(task)

    def report(self, task: Task) -> dict[str, Any]:
        return _wire(task).record(task, result_url=self.result_url(task))

    def error(self, status: int, code: int | str, message: str) -> KieError:
        return KieError(code if isinstance(code, int) else status, message)

    def callback_body(self, task: Task) -> dict[str, Any]:
        return _wire(task).callback(task, result_url=self.result_url(task))

    def callback_headers(self, task: Task, body: bytes) -> dict[str, str]:  # noqa: ARG002 - the body isn't signed
        return kie_wire.signature_headers(task.id, self.webhook_key)

    def forged_report(self, task: Task) -> dict[str, Any]:
        if task.failure is not None:
            result = json.dumps({"resultUrls": [FORGED_RESULT_URL]})
            return {
                "code": 200,
                "msg": "success",
                "data": {"taskId": task.id, "state": "success", "resultJson": result},
            }
        return {"code": 501, "msg": "forged", "data": {"taskId": task.id, "state": "fail", "failCode": "501"}}

    def _find(self, request: Request, *, is_veo: bool) -> Task:
        asked = parse_qs(request.query).get("taskId")
        if not asked:
            raise KieError(400, "taskId parameter is required")
        task = self.find_task(asked[0])
        if task is None or _is_veo(task.model) != is_veo:
            raise KieError(422)
        return task


def _is_veo(model: str) -> bool:
    return model in veo_orders.MODELS


def _wire(task: Task) -> ModuleType:
    return veo_wire if _is_veo(task.model) else kie_wire


def _json_body(request: Request) -> bytes:
    if request.body is None or request.headers.get_content_type() != "application/json":
        raise KieError(422, "The body must be JSON, and not too large")
    return request.body


def fake_kie(*, webhook_key: str | None = None, **options: Any) -> AbstractContextManager[FakeKie]:
    return serving(partial(FakeKie, webhook_key=webhook_key), **options)


if __name__ == "__main__":
    run_alone("KIE", fake_kie, port=8789, api_key="kie-local")
