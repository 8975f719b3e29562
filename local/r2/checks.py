"""The checks that R2 makes of every request: its length, unsupported features, the body's hashes."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Final

from local.r2.bucket import Blob
from local.r2.signatures import RefusedError

_REFUSED_HEADERS: Final = re.compile(
    r"x-amz-(acl|grant-.*|tagging|server-side-encryption(?!-customer).*|object-lock-.*|website-.*|request-payer"
    r"|expected-bucket-owner)"
)


def check_length(method: str, headers: Mapping[str, str]) -> None:
    """Raises RefusedError for a body that comes without its length."""
    if headers.get("transfer-encoding") or (method == "PUT" and "content-length" not in headers):
        raise RefusedError(411, "MissingContentLength", "You must provide the Content-Length HTTP header. (10034)")


def check_features(headers: Mapping[str, str], parameters: Mapping[str, str]) -> None:
    """Raises RefusedError for what R2 doesn't implement. `headers` has lower-case names."""
    payload = headers.get("x-amz-content-sha256", "")
    if payload.startswith("STREAMING-") or "aws-chunked" in headers.get("content-encoding", ""):
        raise RefusedError(501, "NotImplemented", f"{payload} not implemented")
    for name in headers:
        if _REFUSED_HEADERS.fullmatch(name):
            raise RefusedError(501, "NotImplemented", f"Header '{name}' with value is not implemented")
    if {"acl", "tagging"} & parameters.keys():
        raise RefusedError(501, "NotImplemented", "not implemented")


def check_body(headers: Mapping[str, str], body: Blob) -> None:
    """Raises RefusedError for a body that isn't the one whose hash was signed or sent."""
    if headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD") not in ("UNSIGNED-PAYLOAD", body.sha256):
        raise RefusedError(400, "XAmzContentSHA256Mismatch", "The payload is not what was signed.")
    if "content-md5" in headers and base64.b64decode(headers["content-md5"]).hex() != body.md5:
        raise RefusedError(400, "BadDigest", "The Content-MD5 you specified did not match. (10037)")
