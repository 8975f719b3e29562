"""The JSON that Replicate answers with: a prediction, and the same in a webhook, signed as Standard Webhooks says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime
from typing import Any

from local.providers.responses import ApiError
from local.providers.task_queue import CANCELLED, Task

STATUSES = {"pending": "starting", "processing": "processing", "completed": "succeeded", "failed": "failed"}
TITLES = {
    401: "Unauthenticated",
    402: "Insufficient credit",
    404: "Not found",
    422: "Input validation failed",
    429: "Too many requests",
}


class ReplicateError(ApiError):
    """A problem as in RFC 7807."""

    def __init__(self, status: int, detail: str) -> None:
        title = TITLES.get(status, "Error")
        super().__init__(status, detail, {"title": title, "detail": detail, "status": status})


def prediction(task: Task, *, base_url: str, result_url: str) -> dict[str, Any]:
    created = datetime.fromtimestamp(task.created, UTC).isoformat()
    return {
        "id": task.id,
        "model": task.model,
        "version": "hidden",
        "status": "canceled" if task.failure is CANCELLED else STATUSES[task.state],
        "input": task.body["input"],
        "output": result_url if task.state == "completed" else None,
        "error": task.failure.message if task.failure not in (None, CANCELLED) else None,
        "logs": "",
        "metrics": {},
        "data_removed": False,
        "created_at": created,
        "started_at": created,
        "completed_at": datetime.now(UTC).isoformat() if task.ended else None,
        "webhook": task.callback_url,
        "webhook_events_filter": task.body.get("webhook_events_filter"),
        "urls": {"get": f"{base_url}/v1/predictions/{task.id}"},
    }


def signature_headers(message_id: str, body: bytes, secret: str) -> dict[str, str]:
    """https://www.standardwebhooks.com; the id stays the same when a message is sent again."""
    timestamp = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
