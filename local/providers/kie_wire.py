"""The JSON that KIE answers with and calls back with: its market's jobs, in the shapes of its documentation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from local.providers.responses import ApiError
from local.providers.task_queue import Task

MESSAGES = {
    401: "You do not have access permissions",
    402: "The current credits are insufficient. Please top up.",
    404: "Task not found",
    422: "recordInfo is null",
    429: "Too many requests",
    500: "Server exception, please try again later or contact customer service",
}
STATES = {"pending": "waiting", "processing": "generating", "completed": "success", "failed": "fail"}


class KieError(ApiError):
    """An answer other than success: the code is in the envelope, and the HTTP status is 200."""

    def __init__(self, code: int, message: str | None = None) -> None:
        text = message or MESSAGES.get(code, "Failed")
        super().__init__(200, text, {"code": code, "msg": text, "data": None})


def receipt(task: Task) -> dict[str, Any]:
    return {"code": 200, "msg": "success", "data": {"taskId": task.id}}


def record(task: Task, *, result_url: str) -> dict[str, Any]:
    """`GET /api/v1/jobs/recordInfo`: here the envelope's words are under `message`."""
    return {"code": 200, "message": "success", "data": _task(task, result_url)}


def callback(task: Task, *, result_url: str) -> dict[str, Any]:
    if task.failure is not None:
        return {"code": 501, "msg": "Playground task failed.", "data": _task(task, result_url)}
    return {"code": 200, "msg": "Playground task completed successfully.", "data": _task(task, result_url)}


def signature_headers(task_id: str, key: str | None) -> dict[str, str]:
    """None without a key."""
    if key is None:
        return {}
    timestamp = str(int(time.time()))
    digest = hmac.new(key.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256).digest()
    return {"X-Webhook-Timestamp": timestamp, "X-Webhook-Signature": base64.b64encode(digest).decode()}


def _task(task: Task, result_url: str) -> dict[str, Any]:
    """`param` has all of the order in a string, our callback URL and its signature too, and `input` in another one."""
    failure, now = task.failure, int(time.time() * 1000)
    echo = {**task.body, "input": json.dumps(task.body["input"], separators=(",", ":"))}
    return {
        "taskId": task.id,
        "model": task.model,
        "state": STATES[task.state],
        "param": json.dumps(echo, separators=(",", ":")),
        "resultJson": json.dumps({"resultUrls": [result_url]}) if task.state == "completed" else None,
        "failCode": failure.code if failure else None,
        "failMsg": failure.message if failure else None,
        "costTime": int(task.takes * 1000),
        "createTime": task.created * 1000,
        "updateTime": now,
        "completeTime": now if task.ended else None,
    }
