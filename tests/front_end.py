"""A front end of the original, as far as the API sees it: what its `fetch` sends, and what the browser adds."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from local.providers.evolink import FakeEvolink
from local.stack import Stack

SITE = "http://localhost:3000"
PROMPT = "A ferry crosses the strait at dawn"


@dataclass
class RefusedError(Exception):
    """An error that the front end shows."""

    status: int
    error: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """The original's `fetch`: a JSON body with its type, what the browser adds, the envelope taken off."""

    stack: Stack
    evolink: FakeEvolink
    added: dict[str, str] = field(default_factory=dict)

    def fetch(self, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(f"{self.stack.url}/api/v1{path}", method=method, headers=self.added)
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                envelope = json.load(response)
        except urllib.error.HTTPError as refusal:
            with refusal:
                envelope = json.load(refusal)
            assert envelope["success"] is False
            raise RefusedError(refusal.code, envelope["error"]) from None
        assert envelope["success"] is True
        return envelope["data"]

    def upload(self, image: bytes) -> str:
        """Where the image is then."""
        upload = self.fetch("/upload/presign", "POST", {"filename": "first frame.png", "contentType": "image/png"})
        put = urllib.request.Request(upload["uploadUrl"], method="PUT", data=image)
        put.add_header("Content-Type", "image/png")
        with urllib.request.urlopen(put, timeout=30) as response:
            assert response.status == 200
        return upload["publicUrl"]

    def poll(self, uuid: str) -> dict[str, Any]:
        """Until there is nothing left to wait for."""
        for _ in range(1200):
            found = self.fetch(f"/video/{uuid}/status")
            if found["status"] in ("COMPLETED", "FAILED"):
                return found
            assert found["status"] in ("PENDING", "GENERATING", "UPLOADING")
            time.sleep(0.05)
        raise AssertionError("waited for a minute")
