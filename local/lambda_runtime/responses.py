"""Turns a function's answer (payload 2.0) into the HTTP response that API Gateway makes of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from local.http.messages import Response

_HOP_BY_HOP: Final = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


class MalformedResponseError(Exception):
    """A function's answer that API Gateway can't turn into a response; it says 500 itself."""


def message(status: int, text: str) -> Response:
    """A response of API Gateway's own, in its own envelope."""
    body = json.dumps({"message": text}, separators=(",", ":")).encode()
    return Response(status=status, headers={"content-type": "application/json"}, body=body)


def from_function(answer: Any) -> Response:
    """Raises MalformedResponseError. An answer without `statusCode` is itself the body of a 200."""
    if not isinstance(answer, Mapping) or "statusCode" not in answer:
        return _inferred(answer)
    given = answer.get("headers") or {}
    if not isinstance(given, Mapping):
        raise MalformedResponseError(f"headers {given!r}")
    headers = {str(name).lower(): _header(value) for name, value in given.items()}
    headers.setdefault("content-type", "text/plain;charset=UTF-8")
    return Response(
        status=_status(answer["statusCode"]),
        headers={name: value for name, value in headers.items() if name not in _HOP_BY_HOP},
        cookies=tuple(_header(cookie) for cookie in answer.get("cookies") or ()),
        body=_content(answer),
    )


def _inferred(answer: Any) -> Response:
    body = answer if isinstance(answer, str) else json.dumps(answer)
    return Response(status=200, headers={"content-type": "application/json"}, body=body.encode())


def _status(value: Any) -> int:
    try:
        status = int(value)
    except (TypeError, ValueError):
        status = 0
    if isinstance(value, bool) or not 200 <= status <= 599:
        raise MalformedResponseError(f"statusCode {value!r}")
    return status


def _header(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str | int | float) or not text.isprintable() or not text.isascii():
        raise MalformedResponseError(f"header value {value!r}")
    return text


def _content(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body") or ""
    if not isinstance(body, str):
        raise MalformedResponseError(f"a body must be a string, not {type(body).__name__}")
    try:
        return base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode()
    except ValueError as error:
        raise MalformedResponseError("the body isn't base64, or not Unicode") from error
