"""Serves the bucket's files over HTTP, as the bucket's public domain does in production."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

from botocore.exceptions import ClientError

from local.http.messages import Request, Responder, Response
from local.lambda_runtime import responses

_CHUNK: Final = 1024 * 1024
_PASSED_ON: Final = frozenset(
    {"content-type", "content-length", "content-range", "etag", "last-modified", "cache-control", "content-disposition"}
)
"""The bucket's headers that a browser is sent; boto3 has their names in lower case."""


def public_bucket(*, storage: Any, bucket: str, prefix: str) -> Responder:
    """Answers GET and HEAD of `{prefix}{key}`, ranges too. `storage` is a boto3 S3 client."""

    def respond(request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return responses.message(405, "Method Not Allowed")
        asked = {"Bucket": bucket, "Key": unquote(request.path.removeprefix(prefix))}
        if found := request.headers.get("Range"):
            asked["Range"] = found
        try:
            return _response(storage.get_object(**asked))
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return responses.message(status, error.response["Error"].get("Message", "Not Found"))

    return respond


def _response(found: dict[str, Any]) -> Response:
    answer = found["ResponseMetadata"]
    passed_on = {name: value for name, value in answer["HTTPHeaders"].items() if name in _PASSED_ON}
    headers = {**passed_on, "accept-ranges": "bytes", "access-control-allow-origin": "*"}
    return Response(status=answer["HTTPStatusCode"], headers=headers, stream=_pieces(found["Body"]))


def _pieces(body: Any) -> Iterator[bytes]:
    with body:
        yield from body.iter_chunks(_CHUNK)
