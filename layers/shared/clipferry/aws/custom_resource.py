"""A custom resource of CloudFormation: the request is an event, the answer goes to a pre-signed URL, whatever happens.

CloudFormation waits for that answer, an hour by default, so there is one even when the work fails or takes too long.

Source: "Custom resource response objects" and "Custom resource request types" in the AWS CloudFormation User Guide.
"""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from clipferry.errors import ClipferryError, InvalidRequestError
from clipferry.observability import logger

MARGIN_SECONDS: Final = 15.0
"""How long before the function's time-out FAILED is sent."""
_TRIES: Final = 3
_SEND_SECONDS: Final = 4.0
_LONGEST_REASON: Final = 1000
"""Characters; CloudFormation takes a response of 4,096 bytes."""
_LOOPBACK: Final = ("127.0.0.1", "localhost")

Work = Callable[[], Mapping[str, Any]]


def asks(event: Mapping[str, Any]) -> bool:
    """Whether the event is from CloudFormation, well-formed or not."""
    return "RequestType" in event or "ResponseURL" in event


def serve(event: Mapping[str, Any], *, resource: str, work: Work, seconds_left: Callable[[], float]) -> dict[str, Any]:
    """Does the work for a Create or an Update, sends the response, and returns it.

    A Delete does nothing and succeeds, and so does a rollback: CloudFormation's Update to an older `DeployId`.
    `resource` is the physical id; it never changes, so CloudFormation never deletes one for another. The reason of a
    failure holds no secret. Raises InvalidRequestError when the event has no usable ResponseURL.
    """
    response = _Response(event, resource)
    watch = threading.Timer(max(seconds_left() - MARGIN_SECONDS, 0), response.send, ("FAILED", "ran out of time"))
    watch.daemon = True
    watch.start()
    try:
        return response.send("SUCCESS", _outcome(event, work))
    except Exception as error:  # noqa: BLE001 - CloudFormation must be told of any error
        reason = _reason(error)
        logger.error("custom resource failed", reason=reason, trace=traceback.format_tb(error.__traceback__))
        return response.send("FAILED", reason)
    finally:
        watch.cancel()


def _outcome(event: Mapping[str, Any], work: Work) -> str:
    match event.get("RequestType"):
        case "Delete":
            return "nothing to do for a delete"
        case "Update" if _is_rollback(event):
            return "nothing to do for a rollback"
        case "Create" | "Update":
            return json.dumps(work())
        case _:
            raise InvalidRequestError("RequestType is none of Create, Update and Delete")


def _is_rollback(event: Mapping[str, Any]) -> bool:
    """Compares the DeployIds: times, written so that they sort. The stack's first version may have none."""
    before, after = event.get("OldResourceProperties") or {}, event.get("ResourceProperties") or {}
    return str(after.get("DeployId", "")) < str(before.get("DeployId", ""))


def _reason(error: Exception) -> str:
    """Returns the error in words that anyone who reads the stack's events may see.

    A database server's message (it has an SQLSTATE) holds no secret, and its first line no user's data. A client
    library's message may: it quotes a connection URL that it can't parse, password included.
    """
    if not isinstance(error, ClipferryError):
        return type(error).__name__
    cause = error.__cause__
    is_safe = cause is None or getattr(cause, "sqlstate", None) is not None
    return f"{error.code}: {str(error).partition(chr(10))[0] if is_safe else error.message}"


class _Response:
    """The response to CloudFormation: only the first one is sent."""

    def __init__(self, event: Mapping[str, Any], resource: str) -> None:
        self._url = _address(event.get("ResponseURL"))
        self._ids = {name: str(event.get(name, "")) for name in ("StackId", "RequestId", "LogicalResourceId")}
        self._resource = resource
        self._sent: dict[str, Any] = {}
        self._send_lock = threading.Lock()

    def send(self, status: str, reason: str) -> dict[str, Any]:
        with self._send_lock:
            if not self._sent:
                shown = reason[:_LONGEST_REASON]
                sent = {"Status": status, "Reason": shown, "PhysicalResourceId": self._resource, **self._ids}
                _put(self._url, json.dumps(sent).encode())
                logger.info("custom resource answered", status=status, reason=shown)
                self._sent = sent
            return self._sent


def _address(url: object) -> SplitResult:
    try:
        parts = urlsplit(str(url))
    except ValueError:
        parts = urlsplit("")
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return parts
    raise InvalidRequestError("ResponseURL is not an HTTPS address")


def _put(url: SplitResult, body: bytes) -> None:
    """Raises OSError or HTTPException after the last try. The URL is signed for an empty Content-Type."""
    for attempt in range(1, _TRIES + 1):
        try:
            status = _put_once(url, body)
        except (OSError, HTTPException):
            if attempt == _TRIES:
                raise
        else:
            if status < 300:
                return
    raise HTTPException("CloudFormation's bucket doesn't take the answer")


def _put_once(url: SplitResult, body: bytes) -> int:
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(url.netloc, timeout=_SEND_SECONDS)
    try:
        connection.request("PUT", f"{url.path}?{url.query}", body, {"Content-Type": ""})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()
