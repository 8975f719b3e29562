"""KIE: one API key and one form of callback for two APIs with their own endpoints, the market's jobs and Veo.

Source: KIE's model pages, and its webhook verification page for the signature (docs/providers.md names them).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any
from urllib.parse import quote

from clipferry.errors import (
    InvalidSignatureError,
    ProviderError,
    ProviderSilentError,
    TaskNotFoundError,
)
from clipferry.models import Order, Submission, TaskReport
from clipferry.providers import kie_jobs, kie_veo, parsing
from clipferry.providers.base import CallbackHint, Provider, check_signing_time
from clipferry.providers.failures import classify_failure, refusal
from clipferry.providers.kie_wire import (
    DOWN,
    NO_RESULT,
    NOT_FOUND,
    Envelope,
    generation_failure_code,
    read_envelope,
)
from clipferry.providers.transport import OUTCOME_UNKNOWN, Answer, JsonApi, raise_if_unknown
from clipferry.verdicts import TaskState


class Kie(Provider):
    """The adapter. `webhook_key` is KIE's `webhookHmacKey`; when set, callbacks have to be signed with it."""

    name = "kie"

    def __init__(self, api: JsonApi, *, webhook_key: str | None = None, tolerance_seconds: int = 300) -> None:
        self._api = api
        self._webhook_key = webhook_key
        self._tolerance = timedelta(seconds=tolerance_seconds)

    def submit(self, order: Order, *, callback_url: str, timeout: float) -> Submission:
        endpoint = kie_veo if kie_veo.is_veo_model(order.model) else kie_jobs
        answer = self._api.post(endpoint.CREATE, endpoint.payload(order, callback_url), timeout=timeout)
        envelope = read_envelope(answer)
        raise_if_unknown(answer, is_own_error=envelope.is_error)
        _raise_if_refused(answer, envelope)
        task_id = parsing.task_id(envelope.data.get("taskId"), envelope.data.get("task_id"))
        if task_id is None:
            raise ProviderSilentError("KIE accepted, but named no task")
        return Submission(task_id=task_id)

    def ask(self, task_id: str) -> TaskReport:
        """Asks the endpoint that the task id suggests, and the other one if the task isn't known there."""
        looks_like_veo = task_id.startswith(kie_veo.TASK_PREFIX)
        first, second = (kie_veo, kie_jobs) if looks_like_veo else (kie_jobs, kie_veo)
        try:
            return self._ask(first, task_id)
        except TaskNotFoundError:
            return self._ask(second, task_id)

    def authenticate(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """Checks the Base64 of HMAC-SHA256 over `taskId.timestamp`, which proves a recent callback for this task.

        The body isn't covered. KIE doesn't say whether a retry is signed again, so the tolerance is a setting.
        """
        if self._webhook_key is None:
            return
        timestamp = headers.get("x-webhook-timestamp", "")
        task_id = _task_id(parsing.json_object(body))
        if task_id is None:
            raise InvalidSignatureError("a signed callback must contain its task id")
        signed = f"{task_id}.{timestamp}".encode("utf-8", "surrogatepass")
        expected = base64.b64encode(hmac.new(self._webhook_key.encode(), signed, hashlib.sha256).digest())
        given = headers.get("x-webhook-signature", "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(expected, given):
            raise InvalidSignatureError("KIE's signature doesn't match")
        check_signing_time(timestamp, now=now, tolerance=self._tolerance, provider="KIE")

    def read_hint(self, body: bytes) -> CallbackHint:
        data = parsing.json_object(body)
        return CallbackHint(task_id=_task_id(data), echoed_url=_echoed_url(data))

    def _ask(self, endpoint: ModuleType, task_id: str) -> TaskReport:
        answer = self._api.get(f"{endpoint.QUERY}?taskId={quote(task_id, safe='')}")
        envelope = read_envelope(answer)
        if envelope.code is not None and endpoint.has_task(envelope.data):
            return endpoint.report(envelope.data)
        if envelope.code == NO_RESULT:
            return TaskReport(state=TaskState.GIVEN_UP, detail=envelope.message)
        failure = generation_failure_code(envelope)
        if failure is not None:
            return TaskReport(state=TaskState.FAILED, failure=failure, detail=envelope.message)
        if envelope.code in NOT_FOUND:
            raise TaskNotFoundError("KIE doesn't know the task")
        raise ProviderError(f"no answer to a query: {envelope.message}")


def _raise_if_refused(answer: Answer, envelope: Envelope) -> None:
    if envelope.code in OUTCOME_UNKNOWN:
        raise ProviderSilentError(f"{envelope.message} to a submit")
    if envelope.is_error or answer.status >= 300:
        failure = classify_failure(envelope.code if envelope.is_error else answer.status, message=envelope.message)
        raise refusal(envelope.message, failure, is_down=answer.status >= 500 or envelope.code in DOWN)


def _task_id(data: dict[str, Any]) -> str | None:
    """Finds the task id, which KIE's pages and callbacks have in different places."""
    inner = parsing.nested_object(data.get("data"))
    return parsing.task_id(inner.get("taskId"), inner.get("task_id"), data.get("taskId"), data.get("task_id"))


def _echoed_url(data: dict[str, Any]) -> str | None:
    """The `callBackUrl` of the order that is echoed as `param` (jobs) or `promptJson` (Veo), often JSON in a string."""
    inner = parsing.nested_object(data.get("data"))
    for name in ("param", "promptJson"):
        url = parsing.nested_object(inner.get(name)).get("callBackUrl")
        if isinstance(url, str):
            return url
    return None
