"""The JSON of the three kinds of servers that speak OpenAI's video API: LiteLLM, new-api and OpenRouter."""

from __future__ import annotations

import base64
from enum import StrEnum
from typing import Any

from local.providers.responses import ApiError
from local.providers.task_queue import Task


class Kind(StrEnum):
    """The kind of server, by the name of the body that it takes in the catalogue."""

    LITELLM = "openai"
    NEW_API = "new-api"
    OPENROUTER = "openrouter"


STATUSES = {
    Kind.LITELLM: {"pending": "queued", "processing": "in_progress", "completed": "completed", "failed": "failed"},
    Kind.NEW_API: {"pending": "unknown", "processing": "in_progress", "completed": "completed", "failed": "failed"},
    Kind.OPENROUTER: {"pending": "pending", "processing": "in_progress", "completed": "completed", "failed": "failed"},
}
DOLLARS_A_SECOND = 0.1


class GatewayError(ApiError):
    """An error in the server's own envelope."""

    def __init__(self, kind: Kind, status: int, code: int | str, message: str) -> None:
        super().__init__(status, message, _envelope(kind, status, code, message))


def _envelope(kind: Kind, status: int, code: int | str, message: str) -> dict[str, Any]:
    match kind:
        case Kind.LITELLM:
            return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": str(code)}}
        case Kind.NEW_API:
            return {"code": str(code), "message": message, "data": None}
        case Kind.OPENROUTER:
            return {"error": {"code": status, "message": message}}


def video(kind: Kind, task: Task, *, file_url: str) -> dict[str, Any]:
    """The answer to a submit and to a question, which differ in the task's state alone."""
    status = STATUSES[kind][task.state]
    if kind is Kind.OPENROUTER:
        return _openrouter(task, status, file_url)
    answer: dict[str, Any] = {
        "id": task.id,
        "object": "video",
        "model": task.model,
        "status": status,
        "progress": 100 if task.ended else int(task.elapsed_share * 100),
        "created_at": task.created,
        "seconds": str(task.order.seconds),
        "size": f"{task.order.width}x{task.order.height}",
    }
    if task.failure:
        answer["error"] = {"code": task.failure.code, "message": task.failure.message}
    if kind is Kind.NEW_API:
        return answer | {"task_id": task.id} | ({"metadata": {"url": file_url}} if task.state == "completed" else {})
    return {"error": None} | answer | {"usage": None}


def _openrouter(task: Task, status: str, file_url: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": task.id, "polling_url": f"/api/v1/videos/{task.id}", "status": status}
    if task.failure:
        return answer | {"error": task.failure.message}
    if task.state != "completed":
        return answer
    cost = {"cost": round(task.order.seconds * DOLLARS_A_SECOND, 4), "is_byok": False}
    return answer | {"generation_id": f"gen-{task.id}", "unsigned_urls": [file_url], "usage": cost}


def litellm_id(letters: str, model: str) -> str:
    """An id as LiteLLM makes it of the upstream's, with the provider and the model in it."""
    text = f"litellm:custom_llm_provider:openai;model_id:{model};video_id:video_{letters}"
    return f"video_{base64.b64encode(text.encode()).decode()}"
