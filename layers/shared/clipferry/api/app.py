"""The HTTP edge: API Gateway's events in, the contract's envelope out, every error in its one form."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel, ValidationError

from clipferry.api import credentials
from clipferry.api.credentials import AuthRules
from clipferry.errors import (
    ClipferryError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    ProviderError,
    ReplayedError,
)
from clipferry.models import Credential
from clipferry.observability import count, logger

LARGEST_BODY: Final = 256 * 1024
IDEMPOTENCY_KEY: Final = "^[!-~]([ -~]{0,253}[!-~])?$"
_JSON: Final = "application/json"

Body = TypeVar("Body", bound=BaseModel)


class _Router(APIGatewayHttpResolver):
    """Powertools' router; a header without a value, which a hand-written event may have, is none.

    Every 500 is counted, whichever error it came of: Lambda takes it for a success, and a canary must not.
    """

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        sent = event.get("headers")
        if isinstance(sent, dict):
            event = {**event, "headers": {name: value for name, value in sent.items() if value is not None}}
        answer = super().resolve(event, context)
        if answer["statusCode"] == HTTPStatus.INTERNAL_SERVER_ERROR:
            count("UnexpectedErrors", function=context.function_name)
        return answer


def build_app(allowed_methods: Callable[[str], tuple[str, ...]] = lambda _path: ()) -> APIGatewayHttpResolver:
    """A router that answers every error in the contract's envelope, the unexpected one too.

    `allowed_methods(path)` are those of an address that exists, for the function that answers every unknown one.
    """
    app = _Router()

    @app.exception_handler(ClipferryError)
    def answer_error(error: ClipferryError) -> Response[str]:
        if error.as_answer()["status"] >= 500 and not isinstance(error, ProviderError | ReplayedError):
            logger.exception("request failed", code=error.code, detail=str(error))
        else:
            logger.info("request refused", code=error.code, detail=str(error))
        return _error_reply(error)

    @app.exception_handler(Exception)
    def answer_unexpected(error: Exception) -> Response[str]:
        logger.exception("unexpected error", error=type(error).__name__)
        request_id = app.current_event.request_context.request_id
        return _error_reply(ClipferryError(details={"requestId": request_id}))

    @app.not_found
    def answer_unknown_route(_error: Exception) -> Response[str]:
        allowed = allowed_methods(app.current_event.path)
        if allowed and app.current_event.http_method == "OPTIONS":  # `$default` takes preflights, too; CORS is added
            return Response(HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(allowed)})
        is_allowed = not allowed or app.current_event.http_method in allowed
        return _error_reply(NotFoundError() if is_allowed else MethodNotAllowedError(allowed=allowed))

    return app


def reply(status: HTTPStatus, data: Any, *, headers: Mapping[str, str] | None = None) -> Response[str]:
    """`{"success": true, "data": …}`."""
    return _response(status, {"success": True, "data": data}, headers)


def document(text: str) -> Response[str]:
    """A JSON document as it is."""
    return Response(HTTPStatus.OK, content_type=_JSON, body=text, headers={"Cache-Control": "public, max-age=300"})


def _error_reply(error: ClipferryError) -> Response[str]:
    answer = error.as_answer()
    headers = {}
    if isinstance(error, MethodNotAllowedError):
        headers["Allow"] = ", ".join(error.allowed)
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, ReplayedError):
        headers["Idempotent-Replayed"] = "true"
    return _response(answer["status"], {"success": False, "error": answer["error"]}, headers)


def _response(status: int, payload: dict[str, Any], headers: Mapping[str, str] | None) -> Response[str]:
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return Response(
        int(status), content_type=_JSON, body=body, headers={"Cache-Control": "no-store", **(headers or {})}
    )


def raw_body(event: APIGatewayProxyEventV2) -> bytes:
    """The bytes that were sent: API Gateway hands over text, or base64 when it took them for binary."""
    body = event.raw_event.get("body") or ""
    if not event.raw_event.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequestError("the body isn't the base64 that the event says it is") from None


def parse(event: APIGatewayProxyEventV2, model: type[Body]) -> Body:
    """The JSON body as `model`; raises InvalidRequestError that names every field at fault."""
    body = raw_body(event)
    if len(body) > LARGEST_BODY:
        raise InvalidRequestError.for_field("body", "too_long", f"must be at most {LARGEST_BODY} bytes")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        faults = [_fault(fault) for fault in error.errors(include_input=False, include_url=False)]
        raise InvalidRequestError("body not valid", details={"fields": faults}) from None


def _fault(fault: Any) -> dict[str, str]:
    path = ".".join(str(part) for part in fault["loc"]) or "body"
    return {"path": path, "code": fault["type"], "message": fault["msg"]}


def credential(event: APIGatewayProxyEventV2, rules: AuthRules) -> Credential:
    """Who the request says it is; raises UnauthorizedError or ForbiddenError."""
    raw_cookies = event.raw_event.get("cookies")
    cookies = [str(cookie) for cookie in raw_cookies] if isinstance(raw_cookies, list) else []
    sent = headers(event)
    return credentials.read(
        method=event.request_context.http.method, headers=sent, cookies=[*cookies, sent.get("cookie", "")], rules=rules
    )


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


def own_callback_base(event: APIGatewayProxyEventV2, *, scheme: str = "https") -> str:
    """Where this API's callbacks come in, from the domain that API Gateway says the request came by."""
    return f"{scheme}://{event.request_context.domain_name}/api/v1/video/callback"
