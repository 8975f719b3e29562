"""The newer front end listens for events by EventSource. It is told to stop, and to stop costs nothing."""

from __future__ import annotations

import json

from clipferry import runtime
from functions.query_videos.app import lambda_handler
from local.lambda_runtime.events import http_event
from local.lambda_runtime.lambda_context import invoker
from local.sam_template.environment import in_process
from local.sam_template.read import read_template
from tests.http_api import environment

NOWHERE = "postgresql://nobody@127.0.0.1:9/none"


def test_an_event_source_is_ended_with_204_without_a_look_at_the_database() -> None:
    shape = next(one for one in read_template().functions if one.name == "QueryVideosFunction")
    with in_process(environment(NOWHERE)):
        runtime.reset()
        call = invoker(shape, lambda_handler)
        events, listing = (
            call(
                http_event(
                    "GET", path, route_key=f"GET {path}", query="", headers={"authorization": "Bearer x"}, body=b""
                )
            )
            for path in ("/api/v1/video/events", "/api/v1/video/list")
        )

    assert (events["statusCode"], events.get("body") or "") == (204, "")
    assert (listing["statusCode"], json.loads(listing["body"])["error"]["code"]) == (503, "DATABASE_UNAVAILABLE")
