"""A first request loads no more than its function may: a lazy import only moves the cost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from clipferry import callback_signature
from local.lambda_runtime.events import http_event, schedule_event
from tests.forbidden_imports import FORBIDDEN, loaded, trespassers
from tests.http_api import Person, environment

ORDER = {"prompt": "a ferry at dawn", "model": "seedance-2.0", "duration": 5, "aspectRatio": "16:9", "quality": "480p"}
ASK = """
import json
from importlib import import_module
class Context:
    function_name, function_version, memory_limit_in_mb, aws_request_id = "f", "1", 512, "r"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:1:function:f"
    def get_remaining_time_in_millis(self): return 29_000
answer = import_module("functions.{name}.app").lambda_handler(json.loads({event!r}), Context())
assert {expected!r} in json.dumps(answer), answer
"""


def events(person: Person) -> dict[str, tuple[dict[str, Any], str]]:
    """Returns each function's main event, and what is found in the answer to it."""
    url = urlsplit(
        callback_signature.callback_url(
            "https://api.example.com/api/v1/video/callback",
            provider="evolink",
            video_uuid="vid_1",
            secret="the secret of the callbacks",
            now=datetime.now(UTC),
        )
    )

    def http(method: str, path: str, route: str, query: str = "", body: Any = None) -> dict[str, Any]:
        headers = {**person.by_session, "content-type": "application/json"}
        content = json.dumps(body).encode() if body is not None else b""
        return dict(http_event(method, path, route_key=route, query=query, headers=headers, body=content))

    generate = "/api/v1/video/generate"
    return {
        "create_video": (http("POST", generate, f"POST {generate}", body=ORDER), "INSUFFICIENT_CREDITS"),
        "query_videos": (http("GET", "/api/v1/video/list", "GET /api/v1/video/list"), "nextCursor"),
        "receive_callback": (
            http("POST", url.path, "POST /api/v1/video/callback/{provider}", url.query, {"id": "x"}),
            "received",
        ),
        "account": (http("GET", "/api/v1/user/me", "GET /api/v1/user/me"), person.user_id),
        "reconcile": (dict(schedule_event(rule="r")), "lookedAt"),
    }


@pytest.mark.parametrize("name", ["create_video", "query_videos", "receive_callback", "account", "reconcile"])
def test_the_first_request_loads_nothing_that_the_import_may_not(name: str, database_url: str, ann: Person) -> None:
    event, expected = events(ann)[name]
    statements = ASK.format(name=name, event=json.dumps(event), expected=expected)
    environ = {name: value for name, value in environment(database_url).items() if value}
    assert trespassers(loaded(statements, environ), FORBIDDEN[name]) == []
