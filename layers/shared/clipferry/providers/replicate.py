"""Replicate: predictions, and webhooks whose signature covers the whole body (Standard Webhooks), so it is trusted.

Source: Replicate's HTTP API reference and "Verify webhooks" (docs/providers.md names them). A prediction's output is
deleted an hour after its end.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from clipferry.errors import (
    ConfigurationError,
    InvalidSignatureError,
    ProviderError,
    ProviderRefusedError,
    ProviderSilentError,
    TaskNotFoundError,
)
from clipferry.models import Order, Submission, TaskReport
from clipferry.providers import parsing
from clipferry.providers.base import CallbackHint, Provider, check_signing_time
from clipferry.providers.failures import classify_failure, refusal
from clipferry.providers.model_parameters import fill_parameters
from clipferry.providers.task_states import read_state
from clipferry.providers.transport import ASK_SECONDS, Answer, JsonApi, raise_if_not_answered, raise_if_unknown
from clipferry.verdicts import FailureCode, TaskState

TOLERANCE: Final = timedelta(minutes=5)


class Replicate(Provider):
    """The adapter. `webhook_secrets` are the signing secrets that are accepted: two during a rotation."""

    name = "replicate"

    def __init__(self, api: JsonApi, *, webhook_secrets: Sequence[str] = ()) -> None:
        self._api = api
        self._keys = [_key(secret) for secret in webhook_secrets]

    def submit(self, order: Order, *, callback_url: str, timeout: float) -> Submission:
        path = f"/v1/models/{quote(order.model, safe='/')}/predictions"
        answer = self._api.post(path, _payload(order, callback_url), timeout=timeout)
        is_own_error = isinstance(answer.data.get("detail"), str)
        raise_if_unknown(answer, is_own_error=is_own_error)
        if answer.status >= 300:
            raise _refusal(answer)
        task_id = parsing.task_id(answer.data.get("id"))
        if task_id is None:
            raise ProviderSilentError("Replicate accepted, but named no prediction")
        return Submission(task_id=task_id)

    def ask(self, task_id: str) -> TaskReport:
        answer = self._api.get(f"/v1/predictions/{quote(task_id, safe='')}")
        if answer.status == 404:
            raise TaskNotFoundError("Replicate doesn't know the prediction")
        raise_if_not_answered(answer)
        return _report(answer.data)

    def cancel(self, task_id: str) -> bool:
        answer = self._api.post(f"/v1/predictions/{quote(task_id, safe='')}/cancel", {}, timeout=ASK_SECONDS)
        if answer.status == 404:
            return False
        if answer.status not in (200, 202):
            raise ProviderError(f"HTTP {answer.status} to a cancel")
        return answer.data.get("status") != "succeeded"  # as of one that was over

    def authenticate(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """Checks HMAC-SHA256 over `id.timestamp.body` (Standard Webhooks): one valid `v1` signature is enough.

        Without a secret only the signed URL protects the callback, and the body isn't trusted.
        """
        if not self._keys:
            return
        message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        signed = f"{message_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
        given = [part.encode("utf-8", "surrogatepass") for part in headers.get("webhook-signature", "").split()]
        expected = [b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()) for key in self._keys]
        if not any([hmac.compare_digest(one, other) for one in expected for other in given]):  # noqa: C419 - compares all, in constant time
            raise InvalidSignatureError("Replicate's signature doesn't match")
        check_signing_time(timestamp, now=now, tolerance=TOLERANCE, provider="Replicate")

    def read_hint(self, body: bytes) -> CallbackHint:
        data = parsing.json_object(body)
        echoed = data.get("webhook")
        return CallbackHint(
            task_id=parsing.task_id(data.get("id")), echoed_url=echoed if isinstance(echoed, str) else None
        )

    def read_report(self, body: bytes) -> TaskReport | None:
        data = parsing.json_object(body)
        if not self._keys or parsing.task_id(data.get("id")) is None:
            return None
        try:
            return _report(data)
        except ProviderError:
            return None


def _payload(order: Order, callback_url: str) -> dict[str, Any]:
    return {
        "input": {"prompt": order.prompt} | fill_parameters(order),
        "webhook": callback_url,
        "webhook_events_filter": ["completed"],
    }


def _refusal(answer: Answer) -> ProviderRefusedError:
    message = parsing.join_text(f"HTTP {answer.status}", answer.data.get("title"), answer.data.get("detail"))
    return refusal(message, classify_failure(answer.status, message=message), is_down=answer.status >= 500)


def _report(data: dict[str, Any]) -> TaskReport:
    status = data.get("status")
    state = read_state(status, provider="replicate")
    if state is TaskState.FAILED:
        message = parsing.join_text(data.get("error"))
        failure = FailureCode.CANCELLED if status == "canceled" else classify_failure(message=message)
        return TaskReport(state=state, failure=failure, detail=message)
    output = data.get("output")
    url = parsing.file_url(*(output if isinstance(output, list) else [output]))
    if state is TaskState.SUCCEEDED and url is None and data.get("data_removed") is True:
        return TaskReport(state=TaskState.FAILED, failure=FailureCode.FILE_UNAVAILABLE, detail="output was deleted")
    return parsing.unfailed_report(state, url, status, provider="Replicate")


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigurationError("REPLICATE_WEBHOOK_SECRET must be as Replicate gave it: whsec_ and Base64") from None
