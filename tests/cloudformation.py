"""CloudFormation, as a custom resource's function meets it: an event, and an address to answer to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.http.messages import Request, Response
from local.http.server import HttpServer

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/clipferry-dev/1"
NEWER = "20261122T110000Z"
"""The DeployId of a request that doesn't say another."""


class Bucket:
    """Where CloudFormation reads the answers; `refuse` is how many of the next ones it answers with 503."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/answers/1?X-Amz-Signature=secret-of-the-url"
        self.answers: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []
        self.refuse = 0

    @property
    def answer(self) -> dict[str, Any]:
        [only] = self.answers
        return only

    def take(self, request: Request) -> Response:
        assert request.method == "PUT"
        if self.refuse:
            self.refuse -= 1
            return Response(status=503)
        self.answers.append(json.loads(request.body or b""))
        self.content_types.append(request.headers["Content-Type"])
        return Response(status=200)


@contextmanager
def listening() -> Iterator[Bucket]:
    server = HttpServer()
    bucket = Bucket(server.url)
    with server.serving(bucket.take):
        yield bucket


def request(bucket: Bucket, kind: str = "Create", **more: Any) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": bucket.url,
        "StackId": STACK,
        "RequestId": "6d2d4b7e",
        "ResourceType": "AWS::CloudFormation::CustomResource",
        "LogicalResourceId": "Migration",
        "ResourceProperties": {"ServiceToken": "arn", "DeployId": NEWER, "Version": "1"},
        **more,
    }
