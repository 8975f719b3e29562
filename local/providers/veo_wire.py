"""The JSON that KIE answers with and calls back with for Veo: no `state`, but a `successFlag`."""

from __future__ import annotations

import json
import re
from typing import Any

from local.providers.task_queue import Task

SUCCESS_FLAGS = {"pending": 0, "processing": 0, "completed": 1, "failed": 3}


def record(task: Task, *, result_url: str) -> dict[str, Any]:
    """`GET /api/v1/veo/record-info`."""
    failure = task.failure
    return {
        "code": 200,
        "msg": "success",
        "data": {
            "taskId": task.id,
            "paramJson": json.dumps(task.body),
            "successFlag": SUCCESS_FLAGS[task.state],
            "response": {"taskId": task.id, "resultUrls": [result_url]} if task.state == "completed" else None,
            "errorCode": _code(failure.code) if failure else None,
            "errorMessage": failure.message if failure else None,
            "fallbackFlag": False,
        },
    }


def callback(task: Task, *, result_url: str) -> dict[str, Any]:
    """Its code alone tells a failure; the URLs are in a string that only looks like JSON."""
    if task.failure is not None:
        code = _code(task.failure.code)
        return {"code": code, "msg": task.failure.message, "data": {"taskId": task.id, "fallbackFlag": False}}
    return {
        "code": 200,
        "msg": "Veo3.1 video generated successfully.",
        "data": {
            "taskId": task.id,
            "promptJson": json.dumps(task.body),
            "info": {"resultUrls": f"[{result_url}]", "originUrls": None, "resolution": "720p"},
            "fallbackFlag": False,
        },
    }


def _code(text: str) -> int:
    """Veo's own codes are 400, 422, 500 and 501."""
    return int(text) if re.fullmatch("[0-9]{3}", text) else 501
