"""A fake server with OpenAI's video API: LiteLLM, new-api or OpenRouter, strictly, with films and faults on request."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Any
from urllib.parse import unquote

from local.http.messages import NoResponse, Request, Response
from local.providers import gateway_wire
from local.providers.base import FORGED_RESULT_URL, FakeProvider, Options
from local.providers.gateway_orders import parse_order
from local.providers.gateway_wire import GatewayError, Kind
from local.providers.responses import json_response
from local.providers.result_files import serve_result
from local.providers.serving import run_alone, serving
from local.providers.task_queue import PlacedOrder, Task


class FakeGateway(FakeProvider):
    """Its API is under `/v1`. Only OpenRouter calls back, and only LiteLLM's file is nowhere but at `/content`."""

    def __init__(self, base_url: str, options: Options, *, kind: Kind) -> None:
        super().__init__(base_url, options)
        self.kind = kind

    def route(self, request: Request) -> Response | NoResponse:
        if not self.is_authentic(request):
            raise self.error(401, "invalid_api_key", "Incorrect API key provided")
        match request.method, request.path.split("/")[1:]:
            case "POST", ["v1", "videos"]:
                return self.submit(parse_order(self.kind, request.body or b""))
            case "GET", ["v1", "videos", task_id]:
                return self.query(self._find(task_id))
            case "GET" | "HEAD", ["v1", "videos", task_id, "content"]:
                return serve_result(self._find(task_id), request)
        raise self.error(404, "not_found", f"Invalid URL ({request.method} {request.path})")

    def new_task_id(self, order: PlacedOrder, created: int) -> str:  # noqa: ARG002 - the base class's
        letters = "".join(self.random.choices("0123456789abcdef", k=48))
        match self.kind:
            case Kind.LITELLM:
                return gateway_wire.litellm_id(letters, order.model)
            case Kind.NEW_API:
                return f"task_{letters[:32]}"
            case Kind.OPENROUTER:
                return f"vgen-{letters[:20]}"

    def receipt(self, task: Task) -> dict[str, Any]:
        return self.report(task)

    def accepted(self, task: Task) -> Response:
        status, headers = 202 if self.kind is Kind.OPENROUTER else 200, dict[str, str]()
        if self.kind is Kind.LITELLM:
            headers["x-litellm-response-cost"] = str(round(task.order.seconds * gateway_wire.DOLLARS_A_SECOND, 4))
        return json_response(self.receipt(task), status=status, headers=headers)

    def report(self, task: Task) -> dict[str, Any]:
        return gateway_wire.video(self.kind, task, file_url=self.result_url(task))

    def error(self, status: int, code: int | str, message: str) -> GatewayError:
        return GatewayError(self.kind, status, code, message)

    def callback_body(self, task: Task) -> dict[str, Any]:
        kind = "failed" if task.failure else "completed"
        return {"type": f"video.generation.{kind}", "created_at": task.created, "data": self.report(task)}

    def forged_report(self, task: Task) -> dict[str, Any]:
        data = {"id": task.id, "status": "completed", "unsigned_urls": [FORGED_RESULT_URL]}
        return {"type": "video.generation.completed", "data": data}

    def _find(self, task_id: str) -> Task:
        task = self.find_task(unquote(task_id))
        if task is None and self.kind is Kind.NEW_API:
            raise self.error(400, "task_not_exist", "task_not_exist")
        if task is None:
            raise self.error(404, "not_found", "Video not found")
        return task


def fake_gateway(kind: Kind, **options: Any) -> AbstractContextManager[FakeGateway]:
    return serving(partial(FakeGateway, kind=kind), **options)


if __name__ == "__main__":
    run_alone("server with OpenAI's video API", partial(fake_gateway, Kind.LITELLM), port=8791, api_key="sk-local")
