"""The check of AWS Signature Version 4 that R2 makes, written a second time so that no fault of the signer's passes.

Source: "Signature Calculations for the Authorization Header" and "Authenticating Requests: Using Query Parameters" in
the Amazon S3 API Reference.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

SKEW = timedelta(minutes=15)
MAX_EXPIRY_SECONDS = 604_800
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>[^,]+), ?"
    r"SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


class RefusedError(Exception):
    """A refusal of R2: its status, code and message."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(f"{status} {code} {message}")
        self.status, self.code, self.message = status, code, message


def verify(
    *, method: str, path: str, query: str, headers: Mapping[str, str], keys: Mapping[str, str], now: datetime
) -> None:
    """Raises RefusedError unless one of `keys` (secret by access key) signed just this request.

    `headers` has lower-case names; `path` and `query` are as they came over the wire.
    """
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    parameters = {name: value for name, _, value in pairs}
    if "X-Amz-Signature" in parameters:
        _verify_presigned(method, path, query, headers, parameters, keys, now)
        return
    given = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if given is None:
        raise RefusedError(401, "Unauthorized", "no signature")
    signed = given["names"].split(";")
    forgotten = [name for name in headers if name.startswith("x-amz-") and name not in signed]
    if forgotten:
        raise RefusedError(403, "AccessDenied", f"There were headers present that were not signed: {forgotten}")
    moment = _moment(headers.get("x-amz-date", ""))
    if abs(now - moment) > SKEW:
        raise RefusedError(403, "RequestTimeTooSkewed", "the clocks differ")
    payload = headers.get("x-amz-content-sha256", "")
    _compare(
        (method, path, query, headers, payload), given["key"], given["scope"], signed, given["signature"], moment, keys
    )


def _verify_presigned(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    parameters: Mapping[str, str],
    keys: Mapping[str, str],
    now: datetime,
) -> None:
    key, _, scope = unquote(parameters.get("X-Amz-Credential", "")).partition("/")
    moment = _moment(parameters.get("X-Amz-Date", ""))
    expires = int(parameters.get("X-Amz-Expires", "0"))
    if not 1 <= expires <= MAX_EXPIRY_SECONDS:
        raise RefusedError(400, "AuthorizationQueryParametersError", "X-Amz-Expires must be 1 to 604800 seconds")
    if now > moment + timedelta(seconds=expires):
        raise RefusedError(403, "AccessDenied", "Request has expired")
    rest = "&".join(pair for pair in query.split("&") if not pair.startswith("X-Amz-Signature="))
    signed = unquote(parameters.get("X-Amz-SignedHeaders", "")).split(";")
    request = (method, path, rest, headers, "UNSIGNED-PAYLOAD")
    _compare(request, key, scope, signed, parameters["X-Amz-Signature"], moment, keys)


def _compare(
    request: tuple[str, str, str, Mapping[str, str], str],
    key: str,
    scope: str,
    signed: list[str],
    signature: str,
    moment: datetime,
    keys: Mapping[str, str],
) -> None:
    method, path, query, headers, payload = request
    day, region, service, end = (*scope.split("/"), "", "", "", "")[:4]
    if (service, end) != ("s3", "aws4_request") or region not in ("auto", "us-east-1") or day != f"{moment:%Y%m%d}":
        raise RefusedError(403, "AuthorizationHeaderMalformed", scope)
    if key not in keys:
        raise RefusedError(403, "InvalidAccessKeyId", key)
    if "host" not in signed:
        raise RefusedError(403, "SignatureDoesNotMatch", "host is not signed")
    ordered = "&".join("=".join((pair.partition("=")[0], pair.partition("=")[2])) for pair in sorted(query.split("&")))
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in signed)
    canonical = "\n".join([method, path, ordered if query else "", lines, ";".join(signed), payload])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    secret = f"AWS4{keys[key]}".encode()
    for word in (day, region, service, "aws4_request"):
        secret = hmac.digest(secret, word.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{moment:%Y%m%dT%H%M%SZ}\n{scope}\n{digest}"
    if not hmac.compare_digest(hmac.digest(secret, text.encode(), "sha256").hex(), signature):
        raise RefusedError(403, "SignatureDoesNotMatch", "the signature is not this request's")


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise RefusedError(403, "AccessDenied", f"no date: {text!r}") from None
