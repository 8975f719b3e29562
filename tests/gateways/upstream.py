"""OpenAI's video API as LiteLLM's upstream, scripted: the prompt says what becomes of the order."""

from __future__ import annotations

import json
from typing import Any

from local.file_server import ServedFile, serve
from local.http.messages import NoResponse, Request, Response

BLOCKED = "Your request was blocked by our moderation system."
REFUSALS = {
    "blocked": (400, {"message": BLOCKED, "type": "invalid_request_error", "code": "moderation_blocked"}),
    "busy": (429, {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}),
    "broken": (500, {"message": "The server had an error", "type": "server_error", "code": None}),
}
FAILURE = {"code": "moderation_blocked", "message": BLOCKED}


class Upstream:
    """`orders` has the prompt of every order, as often as it came. A video is done when it's asked about again."""

    def __init__(self, film: bytes) -> None:
        self.orders: list[str] = []
        self._film = ServedFile.of(film, content_type="video/mp4")
        self._prompts: dict[str, str] = {}
        self._asked: set[str] = set()

    def respond(self, request: Request) -> Response | NoResponse:
        match request.method, request.path.split("/")[1:]:
            case "POST", ["v1", "videos"]:
                return self._create(request.body or b"")
            case "GET", ["v1", "videos", name]:
                return _json(200, self._answer(name))
            case "GET", ["v1", "videos", _, "content"]:
                return serve(self._film, method="GET", headers=request.headers)
        return _json(404, {"error": {"message": "Invalid URL", "type": "invalid_request_error", "code": None}})

    def _create(self, body: bytes) -> Response:
        """Reads the prompt from LiteLLM's form."""
        prompt = body.partition(b'name="prompt"\r\n\r\n')[2].partition(b"\r\n")[0].decode()
        self.orders.append(prompt)
        if prompt in REFUSALS:
            status, error = REFUSALS[prompt]
            return _json(status, {"error": error | {"param": None}})
        name = f"video_{len(self._prompts):048x}"
        self._prompts[name] = prompt
        return _json(200, _video(name, "queued", 0))

    def _answer(self, name: str) -> dict[str, Any]:
        status, progress = "in_progress", 42
        if name in self._asked:
            status, progress = ("failed", 0) if self._prompts.get(name) == "fails" else ("completed", 100)
        self._asked.add(name)
        return _video(name, status, progress) | ({"error": FAILURE} if status == "failed" else {})


def _video(name: str, status: str, progress: int) -> dict[str, Any]:
    video = {"id": name, "object": "video", "model": "sora-2", "status": status, "progress": progress}
    return video | {"created_at": 1758941485, "seconds": "8", "size": "1280x720"}


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(status=status, body=json.dumps(body).encode(), headers={"content-type": "application/json"})
