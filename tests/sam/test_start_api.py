"""`sam local start-api`: the template's routes over HTTP, and a provider that really calls back."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen


def call(method: str, url: str, *, headers: dict[str, str] | None = None, body: str | None = None) -> tuple[int, Any]:
    request = Request(url, method=method, headers=headers or {}, data=None if body is None else body.encode())
    try:
        with urlopen(request) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_video_is_ordered_and_its_callback_taken(api: str, running_stack: Any, stored_event: Any) -> None:
    order = stored_event("create_video")

    status, answer = call("POST", f"{api}{order['rawPath']}", headers=order["headers"], body=order["body"])

    assert status == HTTPStatus.ACCEPTED, answer
    task = running_stack.evolink.tasks[answer["data"]["taskId"]]
    running_stack.evolink.runner.join()  # until the provider has been heard, or has given up
    [*_, last] = [attempt for attempt in running_stack.evolink.callbacks if attempt.url == task.callback_url]
    assert last.status == HTTPStatus.OK
    assert running_stack.row(answer["data"]["videoUuid"])["status"] == "UPLOADING"


def test_health_names_what_it_checked(api: str) -> None:
    status, answer = call("GET", f"{api}/api/v1/health")

    assert status == HTTPStatus.OK
    assert answer["data"]["checks"] == {"database": "ok"}


def test_unknown_path_is_answered_in_our_envelope(api: str) -> None:
    status, answer = call("GET", f"{api}/api/v2/anything")

    assert status == HTTPStatus.NOT_FOUND
    assert answer["success"] is False
    assert answer["error"]["code"] == "NOT_FOUND"
