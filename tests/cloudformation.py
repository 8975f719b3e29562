"""CloudFormation, as a custom resource's function meets it: an event, and an address to answer to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/clipferry-dev/1"
NEWER = "20261122T110000Z"
"""The DeployId of a request that doesn't say another."""


class Bucket:
    """Where CloudFormation reads the answers; `refuse` is how many of the next ones it answers with 503."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/answers/1?X-Amz-Signature=secret-of-the-url"
        self.answers: list[dict[str, Any]] = []
        self.content_types: list[str | None] = []
        self.refuse = 0

    @property
    def answer(self) -> dict[str, Any]:
        [only] = self.answers
        return only


@contextmanager
def listening() -> Iterator[Bucket]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = 503 if bucket.refuse else 200
            if bucket.refuse:
                bucket.refuse -= 1
            else:
                bucket.answers.append(json.loads(body))
                bucket.content_types.append(self.headers["Content-Type"])
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        bucket = Bucket(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield bucket
        server.shutdown()
        thread.join()


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
