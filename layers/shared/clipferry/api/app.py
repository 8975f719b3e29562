"""The router of an HTTP function, and the envelope that every answer and every error goes out in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from clipferry.api.requests import headers
from clipferry.api.sdk import errors as sdk_errors
from clipferry.errors import (
    ClipferryError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    ProviderError,
    ReplayedError,
)
from clipferry.observability import count, logger, quote
from clipferry.verdicts import FailureCode

_JSON: Final = "application/json"


class _Router(APIGatewayHttpResolver):
    """Powertools' router, which also counts every answer of 500: to Lambda it is a success, to a canary it must not be.

    HEAD is answered as GET is, without the body. An event that is no request, as the Lambda console's test events, is
    answered with a sentence.
    """

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        if not _is_request(event):
            return _not_a_request()
        is_head = event["requestContext"]["http"]["method"] == "HEAD"
        answer = super().resolve(_readable(event, "GET" if is_head else None), context)
        if answer["statusCode"] == HTTPStatus.INTERNAL_SERVER_ERROR:
            count("UnexpectedErrors", function=context.function_name)
        return {**answer, "body": ""} if is_head else answer


def build_app(allowed_methods: Callable[[str], tuple[str, ...]] = lambda _path: ()) -> APIGatewayHttpResolver:
    """A router that answers every error in the contract's envelope, unexpected ones too.

    `allowed_methods(path)` gives the methods of a path of the contract. Only the function behind `$default`, which gets
    every request that no route takes, can give any.
    """
    app = _Router(debug=False)  # POWERTOOLS_DEV would print every event, tokens and all

    @app.exception_handler(ClipferryError)
    def answer_error(error: ClipferryError) -> Response[str]:
        answer = error.as_answer()
        if answer["status"] >= 500 and _is_the_users_doing(error, answer):
            count("ApiServerErrors", -1)  # the access log adds 1: together they are none, in one series for the alarm
        if answer["status"] >= 500 and not isinstance(error, ProviderError | ReplayedError):
            logger.exception("request failed", code=error.code, detail=str(error))
        else:
            logger.info("request refused", code=error.code, detail=quote(str(error)))
        return _error_reply(error, app.current_event)

    @app.exception_handler(Exception)
    def answer_unexpected(error: Exception) -> Response[str]:
        logger.exception("unexpected error", error=type(error).__name__)
        request_id = app.current_event.request_context.request_id
        return _error_reply(ClipferryError(details={"requestId": request_id}), app.current_event)

    @app.not_found
    def answer_unknown_route(_error: Exception) -> Response[str]:
        allowed = allowed_methods(app.current_event.path)
        if (
            allowed and app.current_event.http_method == "OPTIONS"
        ):  # `$default` gets preflights, too; API Gateway adds CORS
            return Response(HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(allowed)})
        is_allowed = not allowed or app.current_event.http_method in allowed
        error = NotFoundError() if is_allowed else MethodNotAllowedError(allowed=allowed)
        return _error_reply(error, app.current_event)

    return app


def reply(status: HTTPStatus, data: Any, *, headers: Mapping[str, str] | None = None) -> Response[str]:
    """`{"success": true, "data": …}`."""
    return _response(status, {"success": True, "data": data}, headers)


def reply_plain(status: HTTPStatus, data: Any, *, headers: Mapping[str, str] | None = None) -> Response[str]:
    """The data without the envelope, as the routes under `/v1` answer."""
    return _response(status, data, headers)


def redirect(address: str) -> Response[str]:
    """302 to a file. Nobody keeps the answer: the address may be one that expires."""
    return Response(HTTPStatus.FOUND, headers={"Location": address, "Cache-Control": "no-store"})


def reply_document(text: str) -> Response[str]:
    """A JSON document without the envelope, which caches may keep for five minutes."""
    return Response(HTTPStatus.OK, content_type=_JSON, body=text, headers={"Cache-Control": "public, max-age=300"})


def _is_request(event: Any) -> bool:
    """Whether it is API Gateway's event for a request, in the payload's format 2.0."""
    context = event.get("requestContext") if isinstance(event, dict) else None
    return isinstance(context, dict) and isinstance(context.get("http"), dict) and "method" in context["http"]


def _not_a_request() -> dict[str, Any]:
    sentence = "this function takes HTTP requests as API Gateway sends them; events/ has examples"
    refused = _envelope(InvalidRequestError.for_field("event", "invalid", sentence))
    return {"statusCode": refused.status_code, "headers": refused.headers, "body": refused.body}


def _readable(event: Mapping[str, Any], method: str | None) -> dict[str, Any]:
    """The event as Powertools reads it, with another `method` if one is given.

    A header whose value is null, as in an event that somebody wrote by hand, counts as not sent.
    """
    made = dict(event)
    if isinstance(headers := event.get("headers"), dict):
        made["headers"] = {name: value for name, value in headers.items() if value is not None}
    if method is not None:
        context = event["requestContext"]
        made["requestContext"] = {**context, "http": {**context["http"], "method": method}}
    return made


def _is_the_users_doing(error: ClipferryError, answer: Mapping[str, Any]) -> bool:
    """Whether a 5xx says nothing of how we or the provider are: a prompt against the rules, or an answer repeated."""
    details = answer["error"].get("details") or {}
    return isinstance(error, ReplayedError) or details.get("errorCode") == FailureCode.CONTENT_POLICY


def _error_reply(error: ClipferryError, event: APIGatewayProxyEventV2) -> Response[str]:
    return _sdk_error(error, event) if event.path.startswith(sdk_errors.PREFIX) else _envelope(error)


def _envelope(error: ClipferryError) -> Response[str]:
    answer = error.as_answer()
    return _response(answer["status"], {"success": False, "error": answer["error"]}, _error_headers(error))


def _sdk_error(error: ClipferryError, event: APIGatewayProxyEventV2) -> Response[str]:
    answer = error.as_answer()
    may_repeat = sdk_errors.may_repeat(
        answer["status"],
        method=event.http_method,
        has_key="idempotency-key" in headers(event),
        retryable=error.retryable,
    )
    sent = {**_error_headers(error), "x-should-retry": "true" if may_repeat else "false"}
    return _response(answer["status"], sdk_errors.shape(answer["status"], answer["error"]), sent)


def _error_headers(error: ClipferryError) -> dict[str, str]:
    headers = {}
    if isinstance(error, MethodNotAllowedError):
        headers["Allow"] = ", ".join(error.allowed)
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, ReplayedError):
        headers["Idempotent-Replayed"] = "true"
    return headers


def _response(status: int, payload: dict[str, Any], headers: Mapping[str, str] | None) -> Response[str]:
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return Response(
        int(status), content_type=_JSON, body=body, headers={"Cache-Control": "no-store", **(headers or {})}
    )
