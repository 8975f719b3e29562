"""A custom resource of CloudFormation: the request is an event, the answer goes to a pre-signed URL, whatever happens.

CloudFormation waits for that answer, an hour by default, so there is one even when the work fails or takes too long.
What became of the work is settled before it is sent: a success whose answer nobody takes doesn't become a failure.

Source: "Custom resource response objects" and "Custom resource request types" in the AWS CloudFormation User Guide.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final

from clipferry.aws.custom_resource_response import Response
from clipferry.errors import ClipferryError, InvalidRequestError
from clipferry.observability import logger

MARGIN_SECONDS: Final = 15.0
"""How long before the function's time-out FAILED is sent."""
OLDEST_SECONDS: Final = 90.0
"""The age at which a request is too late: MaximumEventAgeInSeconds of template.yaml, and half a minute to start."""

Work = Callable[[], Mapping[str, Any]]


def asks(event: Mapping[str, Any]) -> bool:
    """Whether the event is from CloudFormation, well-formed or not."""
    return "RequestType" in event or "ResponseURL" in event


def serve(
    event: Mapping[str, Any],
    *,
    resource: str,
    work: Work,
    seconds_left: Callable[[], float],
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Does the work for a Create or an Update, sends the response, and returns it.

    A Delete does nothing and succeeds, and so does a rollback: CloudFormation's Update to an older `DeployId`.
    A request that comes too late fails without any work: CloudFormation may have rolled back meanwhile.
    `resource` is the physical id; it never changes, so CloudFormation never deletes one for another. The reason of a
    failure holds no secret. Raises InvalidRequestError when the event has no usable ResponseURL, and NetworkError when
    nobody takes the response while there is time.
    """
    response = Response(event, resource, seconds_left, sleep)
    watch = threading.Timer(max(seconds_left() - MARGIN_SECONDS, 0), response.run_out_of_time)
    watch.daemon = True
    watch.start()
    try:
        return response.send(*_outcome(event, work, response.age_seconds()))
    finally:
        watch.cancel()


def _outcome(event: Mapping[str, Any], work: Work, age_seconds: float) -> tuple[str, str]:
    """Returns the status and its reason."""
    try:
        return "SUCCESS", _done(event, work, age_seconds)
    except Exception as error:  # noqa: BLE001 - CloudFormation must be told of any error
        reason = _reason(error)
        logger.error("custom resource failed", reason=reason, trace=traceback.format_tb(error.__traceback__))
        return "FAILED", reason


def _done(event: Mapping[str, Any], work: Work, age_seconds: float) -> str:
    match event.get("RequestType"):
        case "Delete":
            return "nothing to do for a delete"
        case "Update" if _is_rollback(event):
            return "nothing to do for a rollback"
        case "Create" | "Update" if age_seconds > OLDEST_SECONDS:
            raise InvalidRequestError(f"the request is {age_seconds:.0f} s old, so it may be over")
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
