"""The file behind a finished task's URL, and what else can be found there when it is to go wrong."""

from __future__ import annotations

import re
from dataclasses import replace

from local import file_server
from local.providers.http_server import Reply, Request
from local.providers.task_queue import Task

EXPIRED_PAGE = "<!doctype html><title>Link expired</title><p>This link has expired."


def serve_result(task: Task | None, request: Request) -> Reply:
    """The film to whoever has the URL, as with the real providers; 404 for a task that has none (yet)."""
    if task is None or task.file is None or task.faults.result == "missing":
        return Reply(status=404, body=b"Not found", headers={"Content-Type": "text/plain"})
    if task.faults.result == "page":
        return Reply(status=200, body=EXPIRED_PAGE.encode(), headers={"Content-Type": "text/html"})
    reply = file_server.serve(task.file, method=request.method, headers=request.headers)
    return _truncate(reply, size=len(task.file.content)) if task.faults.result == "truncated" else reply


def _truncate(reply: Reply, *, size: int) -> Reply:
    """As if the file's second half were not there, whatever the range; the length is still promised."""
    start = re.match(r"bytes (\d+)-", reply.headers.get("Content-Range", "bytes 0-"))
    there = max(0, size // 2 - int(start[1])) if start else 0
    return replace(reply, body=reply.body[:there], headers={**reply.headers, "Content-Length": str(len(reply.body))})
