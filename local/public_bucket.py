"""Serves the bucket's files over HTTP, as the bucket's public domain does in production."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

from botocore.exceptions import ClientError

from local.http.messages import Request, Responder, Response
from local.lambda_runtime import responses

_CHUNK: Final = 1024 * 1024


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
    headers = {
        "content-type": found["ContentType"],
        "content-length": str(found["ContentLength"]),
        "content-range": found.get("ContentRange", ""),
        "etag": found["ETag"],
        "last-modified": found["LastModified"].strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "cache-control": found.get("CacheControl", ""),
        "content-disposition": found.get("ContentDisposition", ""),
        "accept-ranges": "bytes",
        "access-control-allow-origin": "*",
    }
    return Response(
        status=found["ResponseMetadata"]["HTTPStatusCode"],
        headers={name: value for name, value in headers.items() if value},
        stream=_pieces(found["Body"]),
    )


def _pieces(body: Any) -> Iterator[bytes]:
    with body:
        yield from body.iter_chunks(_CHUNK)
