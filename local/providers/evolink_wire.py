"""The JSON that Evolink answers with: shapes and words of its documentation."""

from __future__ import annotations

from typing import Any

from local.providers.faults import Failure
from local.providers.responses import ApiError
from local.providers.task_queue import Task

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large_error",
    429: "rate_limit_error",
    502: "upstream_error",
    503: "service_unavailable_error",
}


class EvolinkError(ApiError):
    """An answer other than 200; `envelope` is its body. Older versions of the API had integers as `code`."""

    def __init__(self, status: int, code: int | str, message: str, *, param: str | None = None) -> None:
        error = {"code": code, "message": message, "type": ERROR_TYPES.get(status, "internal_server_error")}
        super().__init__(status, message, {"error": error if param is None else {**error, "param": param}})


def receipt(task: Task) -> dict[str, Any]:
    """The answer to a submit: a pending task, even when it has ended already."""
    seconds = task.order.seconds
    return {
        **_head(task),
        "progress": 0,
        "status": "pending",
        "task_info": {
            "can_cancel": True,
            "estimated_time": max(1, round(task.takes)),
            "video_duration": seconds,
        },
        "usage": {"billing_rule": "per_second", "credits_reserved": seconds, "user_group": "default"},
    }


def report(task: Task, *, base_url: str) -> dict[str, Any]:
    """The answer to a query, and the body of a callback."""
    if task.failure is not None:
        return _failure(task, task.failure)
    answer = {
        **_head(task),
        "progress": _progress(task),
        "status": task.state,
        "task_info": {"can_cancel": not task.ended},
    }
    return answer | ({"results": [f"{base_url}/files/{task.id}.mp4"]} if task.ended else {})


def _head(task: Task) -> dict[str, Any]:
    return {
        "created": task.created,
        "id": task.id,
        "model": task.model,
        "object": "video.generation.task",
        "type": "video",
    }


def _failure(task: Task, failure: Failure) -> dict[str, Any]:
    return {
        "id": task.id,
        "object": "video.generation.task",
        "status": "failed",
        "model": task.model,
        "progress": 0,
        "error": {"code": failure.code, "message": failure.message, "type": "task_error"},
    }


def _progress(task: Task) -> int:
    if task.ended:
        return 100
    return 0 if task.state == "pending" else min(99, int(task.elapsed_share * 100))
