"""The responses of a fake provider: JSON, an error in its own envelope, or a gateway's HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from local.http.messages import Response


class ApiError(Exception):
    """An answer other than success; `envelope` is its body."""

    def __init__(self, status: int, message: str, envelope: dict[str, Any], *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.envelope = envelope
        self.retry_after = retry_after

    def as_response(self) -> Response:
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        return json_response(self.envelope, status=self.status, headers=headers)


def json_response(data: dict[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    content = {"content-type": "application/json", **(headers or {})}
    return Response(status=status, body=json.dumps(data).encode(), headers=content)


def page_response(status: int, page: str) -> Response:
    return Response(status=status, body=page.encode(), headers={"content-type": "text/html"})
