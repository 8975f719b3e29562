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
"""Of the function's time, kept for saying that there was too little of it."""
_TRIES: Final = 3
_SEND_SECONDS: Final = 4.0
_LONGEST_REASON: Final = 1000
"""Characters; the whole answer may have 4,096 bytes."""
_LOOPBACK: Final = ("127.0.0.1", "localhost")

Work = Callable[[], Mapping[str, Any]]


def asks(event: Mapping[str, Any]) -> bool:
    """Whether the event is from CloudFormation, well-formed or not."""
    return "RequestType" in event or "ResponseURL" in event


def serve(event: Mapping[str, Any], *, resource: str, work: Work, seconds_left: Callable[[], float]) -> dict[str, Any]:
    """Does the work for a Create or an Update, answers, and returns the answer.

    A Delete does nothing and succeeds, and so does the way back: an Update to an older `DeployId` is CloudFormation
    rolling back. `resource` is the physical id; it never changes, so nothing is ever deleted for a new one. The reason
    of a failure tells no secret. Raises InvalidRequestError when there is nowhere to answer.
    """
    answer = _Answer(event, resource)
    watch = threading.Timer(max(seconds_left() - MARGIN_SECONDS, 0), answer.send, ("FAILED", "ran out of time"))
    watch.daemon = True
    watch.start()
    try:
        return answer.send("SUCCESS", _outcome(event, work))
    except Exception as error:  # noqa: BLE001 - whatever it is, CloudFormation must hear of it
        reason = _reason(error)
        logger.error("custom resource failed", reason=reason, trace=traceback.format_tb(error.__traceback__))
        return answer.send("FAILED", reason)
    finally:
        watch.cancel()


def _outcome(event: Mapping[str, Any], work: Work) -> str:
    match event.get("RequestType"):
        case "Delete":
            return "nothing to do for a delete"
        case "Update" if _goes_back(event):
            return "nothing to do on the way back"
        case "Create" | "Update":
            return json.dumps(work())
        case _:
            raise InvalidRequestError("RequestType is none of Create, Update and Delete")


def _goes_back(event: Mapping[str, Any]) -> bool:
    """DeployIds are times, written so that they sort; the first may have been without one."""
    before, after = event.get("OldResourceProperties") or {}, event.get("ResourceProperties") or {}
    return str(after.get("DeployId", "")) < str(before.get("DeployId", ""))


def _reason(error: Exception) -> str:
    """The error in words for whoever may read the stack's events.

    What a database's server says (its errors have an SQLSTATE) holds no secret, and its first line nobody's data. What
    a client says may: a connection URL that can't be read is quoted, and its password with it.
    """
    if not isinstance(error, ClipferryError):
        return type(error).__name__
    cause = error.__cause__
    is_safe = cause is None or getattr(cause, "sqlstate", None) is not None
    return f"{error.code}: {str(error).partition(chr(10))[0] if is_safe else error.message}"


class _Answer:
    """What CloudFormation is told: the first word counts, and no other is sent."""

    def __init__(self, event: Mapping[str, Any], resource: str) -> None:
        self._url = _address(event.get("ResponseURL"))
        self._ids = {name: str(event.get(name, "")) for name in ("StackId", "RequestId", "LogicalResourceId")}
        self._resource = resource
        self._sent: dict[str, Any] = {}
        self._sending = threading.Lock()

    def send(self, status: str, reason: str) -> dict[str, Any]:
        with self._sending:
            if not self._sent:
                shown = reason[:_LONGEST_REASON]
                answer = {"Status": status, "Reason": shown, "PhysicalResourceId": self._resource, **self._ids}
                _put(self._url, json.dumps(answer).encode())
                logger.info("custom resource answered", status=status, reason=shown)
                self._sent = answer
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
    """Raises OSError or HTTPException after the last try. The signature is over no content type: it has to be empty."""
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
