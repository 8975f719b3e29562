"""Mirrored files over HTTP, from the bucket: what the bucket's public domain does in production."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote

from botocore.exceptions import ClientError

from local.lambda_runtime import responses
from local.lambda_runtime.http_server import Answer, HttpRequest
from local.lambda_runtime.responses import HttpResponse

_CHUNK: Final = 1024 * 1024


def file_server(*, storage: Any, bucket: str, prefix: str) -> Answer:
    """Answers GET and HEAD of `{prefix}{key}`, ranges too. `storage` is a boto3 S3 client."""

    def answer(request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            return responses.message(405, "Method Not Allowed")
        asked = {"Bucket": bucket, "Key": unquote(request.path.removeprefix(prefix))}
        if found := request.header("range"):
            asked["Range"] = found
        try:
            return _response(storage.get_object(**asked))
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return responses.message(status, error.response["Error"].get("Message", "Not Found"))

    return answer


def _response(found: dict[str, Any]) -> HttpResponse:
    headers = {
        "content-type": found["ContentType"],
        "content-length": str(found["ContentLength"]),
        "content-range": found.get("ContentRange", ""),
        "etag": found["ETag"],
        "last-modified": found["LastModified"].strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "accept-ranges": "bytes",
        "access-control-allow-origin": "*",
    }
    return HttpResponse(
        status=found["ResponseMetadata"]["HTTPStatusCode"],
        headers=tuple((name, value) for name, value in headers.items() if value),
        body=_pieces(found["Body"]),
    )


def _pieces(body: Any) -> Any:
    with body:
        yield from body.iter_chunks(_CHUNK)
