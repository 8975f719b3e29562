"""A custom resource's answer to CloudFormation, put to a pre-signed URL: settled once, and sent until it is taken.

Source: "Custom resource response objects" in the AWS CloudFormation User Guide.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from clipferry.errors import ClipferryError, InvalidRequestError, NetworkError
from clipferry.net.http_client import send_request
from clipferry.observability import logger

_SEND_SECONDS: Final = 4.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
_SIGNED_SECONDS: Final = 7200
"""How long CloudFormation's URLs are valid: their older form (SigV2) names only the end."""
_LONGEST_REASON: Final = 1000
"""Characters; CloudFormation takes a response of 4,096 bytes."""
_LOOPBACK: Final = ("127.0.0.1", "localhost")


class Response:
    """Answers one request: only the first outcome counts, and is sent until it is taken."""

    def __init__(
        self,
        event: Mapping[str, Any],
        resource: str,
        seconds_left: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._url = _address(event.get("ResponseURL"))
        self._ids = {name: str(event.get(name, "")) for name in ("StackId", "RequestId", "LogicalResourceId")}
        self._resource = resource
        self._seconds_left = seconds_left
        self._sleep = sleep
        self._settled: dict[str, Any] = {}
        self._send_lock = threading.Lock()

    def age_seconds(self) -> float:
        return time.time() - _sent_at(self._url)

    def send(self, status: str, reason: str) -> dict[str, Any]:
        """Sends the outcome, unless there was one before; returns the one that counts."""
        with self._send_lock:
            if not self._settled:
                shown = reason[:_LONGEST_REASON]
                self._settled = {"Status": status, "Reason": shown, "PhysicalResourceId": self._resource, **self._ids}
                self._put(json.dumps(self._settled).encode())
                logger.info("custom resource answered", status=status, reason=shown)
            return self._settled

    def run_out_of_time(self) -> None:
        """Fails, when the work isn't done."""
        try:
            self.send("FAILED", "ran out of time")
        except ClipferryError as error:
            logger.error("CloudFormation was not told", reason=type(error).__name__)

    def _put(self, body: bytes) -> None:
        """Tries as long as there is time; raises NetworkError after the last try."""
        pause = 1.0
        while True:
            try:
                return _put_once(self._url, body)
            except NetworkError:
                if self._seconds_left() < pause + _SEND_SECONDS:
                    raise
            self._sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _sent_at(url: SplitResult) -> float:
    """Returns when the URL was signed (seconds since 1970), as the request was made; now if it doesn't say."""
    query = dict(parse_qsl(url.query))
    try:
        if date := query.get("X-Amz-Date"):
            return datetime.strptime(f"{date}+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
        return float(query["Expires"]) - _SIGNED_SECONDS
    except (KeyError, ValueError):
        return time.time()


def _address(url: object) -> SplitResult:
    try:
        parts = urlsplit(str(url))
    except ValueError:
        parts = urlsplit("")
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return parts
    raise InvalidRequestError("ResponseURL is not an HTTPS address")


def _put_once(url: SplitResult, body: bytes) -> None:
    """Puts the answer, for whose empty Content-Type the URL is signed; raises NetworkError unless it is taken."""
    is_local = url.hostname in _LOOPBACK
    headers = {"Content-Type": ""}
    response = send_request("PUT", url.geturl(), plain_http=is_local, headers=headers, body=body, timeout=_SEND_SECONDS)
    if response.status >= 300:
        raise NetworkError(f"CloudFormation's bucket answers {response.status}")
