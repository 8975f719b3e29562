"""The JSON of fal's queue: a request's status, its result, and the webhook, as its documentation has them."""

from __future__ import annotations

from typing import Any

from local.providers.responses import ApiError
from local.providers.task_queue import Task

STATUSES = {"pending": "IN_QUEUE", "processing": "IN_PROGRESS", "completed": "COMPLETED", "failed": "COMPLETED"}


class FalError(ApiError):
    """An error in words, as the queue has them: a sentence in `detail`."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(status, detail, {"detail": detail})


def status(task: Task, *, url: str) -> dict[str, Any]:
    """`GET …/status?logs=1`; `url` is the request's."""
    word = STATUSES[task.state]
    answer: dict[str, Any] = {
        "status": word,
        "request_id": task.id,
        "response_url": url,
        "status_url": f"{url}/status",
        "cancel_url": f"{url}/cancel",
    }
    if word == "IN_QUEUE":
        return answer | {"queue_position": 0}
    message = f"Generating: {int(task.elapsed_share * 100)}%"
    answer["logs"] = [{"message": message, "level": "INFO", "source": "USER", "timestamp": "2026-11-29T00:00:00Z"}]
    if word == "COMPLETED":
        answer["metrics"] = {"inference_time": task.takes}
    if task.failure:
        answer |= {"error": task.failure.message, "error_type": task.failure.code}
    return answer


def result(task: Task, *, result_url: str) -> dict[str, Any]:
    """`GET …/requests/{id}` of one that is over: the model's own output, or its errors."""
    if task.failure:
        return {"detail": [errors(task)]}
    size = len(task.file.content) if task.file else 0
    name = f"{task.id}.mp4"
    return {"video": {"url": result_url, "content_type": "video/mp4", "file_name": name, "file_size": size}}


def result_status(task: Task) -> int:
    """422 for what is wrong with the order, content rules among it; 500 for a failure of the model's."""
    if task.failure is None:
        return 200
    return 422 if task.failure.code == "content_policy_violation" else 500


def errors(task: Task) -> dict[str, Any]:
    assert task.failure is not None
    return {"loc": ["body", "prompt"], "msg": task.failure.message, "type": task.failure.code, "url": "", "input": ""}


def webhook(task: Task, *, result_url: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "request_id": task.id,
        "gateway_request_id": task.id,
        "status": "ERROR" if task.failure else "OK",
        "payload": result(task, result_url=result_url),
    }
    return body | ({"error": f"Invalid status code: {result_status(task)}"} if task.failure else {})
