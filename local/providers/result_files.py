"""The file behind a finished task's URL, and what else can be found there when it is to go wrong."""

from __future__ import annotations

import re
from dataclasses import replace

from local import file_server
from local.http.messages import Request, Response
from local.providers.task_queue import Task

EXPIRED_PAGE = "<!doctype html><title>Link expired</title><p>This link has expired."


def serve_result(task: Task | None, request: Request) -> Response:
    """The film to whoever has the URL, as with the real providers; 404 for a task that has none (yet)."""
    if task is None or task.file is None or task.faults.result == "missing":
        return Response(status=404, body=b"Not found", headers={"content-type": "text/plain"})
    if task.faults.result == "page":
        return Response(status=200, body=EXPIRED_PAGE.encode(), headers={"content-type": "text/html"})
    response = file_server.serve(task.file, method=request.method, headers=request.headers)
    return _truncate(response, size=len(task.file.content)) if task.faults.result == "truncated" else response


def _truncate(response: Response, *, size: int) -> Response:
    """As if the file's second half were not there, whatever the range; the length is still promised."""
    start = re.match(r"bytes (\d+)-", response.headers.get("content-range", "bytes 0-"))
    there = max(0, size // 2 - int(start[1])) if start else 0
    return replace(
        response, body=response.body[:there], headers={**response.headers, "content-length": str(len(response.body))}
    )
