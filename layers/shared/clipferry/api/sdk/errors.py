"""Errors in the shape that OpenAI's SDKs read, and whether an SDK may send the request again by itself."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

PREFIX: Final = "/v1/"
_TYPES: Final = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.PAYMENT_REQUIRED: "insufficient_quota",
    HTTPStatus.FORBIDDEN: "permission_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}


def shape(status: int, error: Mapping[str, Any]) -> dict[str, Any]:
    """`code` is the one that the other routes answer; `param` names the first field at fault, `details` all of them."""
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    details = error.get("details")
    faults = details.get("fields") if details else None
    shaped = {
        "message": error["message"],
        "type": _TYPES.get(HTTPStatus(status), kind),
        "param": faults[0]["path"] if faults else None,
        "code": error["code"],
    }
    return {"error": shaped | ({"details": details} if details else {})}


def may_repeat(status: int, *, method: str, has_key: bool, retryable: bool) -> bool:
    """Whether the SDK may send the request again: it would, twice, after every 409, 429 and 5xx.

    A POST whose outcome isn't known must not, unless its Idempotency-Key makes the repeat harmless; then what the
    provider has refused is answered as it was, so that a repeat is of no use.
    """
    return (
        retryable
        and status != HTTPStatus.BAD_GATEWAY
        and (method != "POST" or has_key or status == HTTPStatus.TOO_MANY_REQUESTS)
    )
