"""What a request says: its body, headers, query and credential, read from API Gateway's event."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import Any, Final, TypeVar

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel, ValidationError

from clipferry.api import credentials
from clipferry.api.credentials import AuthRules
from clipferry.errors import InvalidRequestError
from clipferry.models import Credential, Scope

LARGEST_BODY: Final = 256 * 1024
"""Bytes."""
IDEMPOTENCY_KEY: Final = "^[!-~]([ -~]{0,253}[!-~])?$"

Body = TypeVar("Body", bound=BaseModel)


def raw_body(event: APIGatewayProxyEventV2) -> bytes:
    """The bytes that were sent. API Gateway hands over text, or base64 when it takes the body for binary."""
    body = event.raw_event.get("body") or ""
    if not event.raw_event.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequestError("the body isn't the base64 that the event says it is") from None


def parse_body(event: APIGatewayProxyEventV2, model: type[Body]) -> Body:
    """The JSON body as `model`; raises InvalidRequestError that names every field at fault."""
    body = raw_body(event)
    if len(body) > LARGEST_BODY:
        raise InvalidRequestError.for_field("body", "too_long", f"must be at most {LARGEST_BODY} bytes")
    return parse(body, model)


def parse(body: bytes, model: type[Body]) -> Body:
    """JSON as `model`; raises InvalidRequestError that names every field at fault."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        faults = [_fault(fault) for fault in error.errors(include_input=False, include_url=False)]
        raise InvalidRequestError("body not valid", details={"fields": faults}) from None


def _fault(fault: Any) -> dict[str, str]:
    path = ".".join(str(part) for part in fault["loc"]) or "body"
    if fault["type"] == "extra_forbidden":
        return {"path": path, "code": "unknown_field", "message": "there is no such field"}
    return {"path": path, "code": fault["type"], "message": fault["msg"]}


def credential(
    event: APIGatewayProxyEventV2, rules: AuthRules, needs: Scope | None = None, *, session_only: bool = False
) -> Credential:
    """The session or API key that the request shows; raises UnauthorizedError or ForbiddenError.

    The use case refuses a key whose scopes lack what the request `needs`, or any key.
    """
    raw_cookies = event.raw_event.get("cookies")
    cookies = [str(cookie) for cookie in raw_cookies] if isinstance(raw_cookies, list) else []
    sent = headers(event)
    shown = credentials.read(
        method=event.request_context.http.method, headers=sent, cookies=[*cookies, sent.get("cookie", "")], rules=rules
    )
    return replace(shown, needs=() if needs is None else (needs,), session_only=session_only)


def headers(event: APIGatewayProxyEventV2) -> dict[str, str]:
    """The request's headers, names in lower case."""
    raw = event.raw_event.get("headers") or {}
    return {str(name).lower(): str(value) for name, value in raw.items() if value is not None}


def query(event: APIGatewayProxyEventV2) -> dict[str, str]:
    """The query string's parameters, empty ones left out; repeated ones joined by a comma, as API Gateway does."""
    raw = event.raw_event.get("queryStringParameters") or {}
    return {str(name): str(value) for name, value in raw.items() if value not in (None, "")}


def idempotency_key(event: APIGatewayProxyEventV2) -> str | None:
    """The `Idempotency-Key` header: 1 to 255 printable ASCII characters."""
    key = headers(event).get("idempotency-key")
    if key is None:
        return None
    if not re.fullmatch(IDEMPOTENCY_KEY, key):
        raise InvalidRequestError.for_field("Idempotency-Key", "invalid", "must be 1 to 255 printable characters")
    return key


def callback_base_url(event: APIGatewayProxyEventV2) -> str:
    """The URL under which this API takes callbacks, on the domain that the request came to."""
    return f"https://{event.request_context.domain_name}/api/v1/video/callback"
