"""Evolink: `POST /v1/videos/generations`, `GET /v1/tasks/{id}`, callbacks without a signature of their own.

Source: Evolink's video generation and task pages (docs/providers.md names them). A callback's body is identical to
the task query's answer; results expire after 24 hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from clipferry.errors import ProviderError, ProviderRefusedError, ProviderSilentError, TaskNotFoundError
from clipferry.models import CallbackHint, FailureCode, Order, Submission, TaskReport, TaskState
from clipferry.observability import logger
from clipferry.providers import parsing
from clipferry.providers.model_parameters import fill_parameters
from clipferry.providers.transport import Answer, JsonApi, raise_if_not_answered, raise_if_unknown

_STATES: Final = {
    "pending": TaskState.RUNNING,
    "processing": TaskState.RUNNING,
    "completed": TaskState.SUCCEEDED,
    "failed": TaskState.FAILED,
    "cancelled": TaskState.FAILED,
    "canceled": TaskState.FAILED,
}

_FAILURES: Final = {
    "content_policy_violation": FailureCode.CONTENT_POLICY,
    "invalid_parameters": FailureCode.INVALID_INPUT,
    "invalid_request": FailureCode.INVALID_INPUT,
    "invalid_audio": FailureCode.INVALID_INPUT,
    "image_processing_error": FailureCode.INVALID_INPUT,
    "image_dimension_mismatch": FailureCode.INVALID_INPUT,
    "resource_exhausted": FailureCode.PROVIDER_BUSY,
    "service_unavailable": FailureCode.PROVIDER_BUSY,
    "rate_limit_exceeded": FailureCode.PROVIDER_BUSY,
    "quota_exceeded": FailureCode.PROVIDER_OUT_OF_FUNDS,
    "insufficient_quota": FailureCode.PROVIDER_OUT_OF_FUNDS,
    "generation_timeout": FailureCode.TIMED_OUT,
    "400": FailureCode.INVALID_INPUT,
    "402": FailureCode.PROVIDER_OUT_OF_FUNDS,
    "413": FailureCode.INVALID_INPUT,
    "429": FailureCode.PROVIDER_BUSY,
    "503": FailureCode.PROVIDER_BUSY,
}


class Evolink:
    """The adapter."""

    name = "evolink"

    def __init__(self, api: JsonApi) -> None:
        self._api = api

    def submit(self, order: Order, *, callback_url: str, timeout: float) -> Submission:
        answer = self._api.post("/v1/videos/generations", _payload(order, callback_url), timeout=timeout)
        envelope = _error(answer.data)
        raise_if_unknown(answer, is_own_error=bool(envelope))
        if answer.status >= 300 or envelope:
            raise _refusal(answer, envelope or answer.data)
        return _submission(answer)

    def ask(self, task_id: str) -> TaskReport:
        answer = self._api.get(f"/v1/tasks/{quote(task_id, safe='')}")
        if answer.status == 404:
            raise TaskNotFoundError("Evolink doesn't know the task")
        raise_if_not_answered(answer)
        return _report(answer.data)

    def authenticate(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """Checks nothing: Evolink documents no signature, so the signed callback URL has to be enough."""

    def read_hint(self, body: bytes) -> CallbackHint:
        return CallbackHint(task_id=parsing.task_id(parsing.json_object(body).get("id")))

    def read_report(self, body: bytes) -> TaskReport | None:  # noqa: ARG002 - the protocol's
        """Returns None: nothing signs the body."""
        return None


def _payload(order: Order, callback_url: str) -> dict[str, Any]:
    own = {"model": order.model, "prompt": order.prompt, "callback_url": callback_url}
    return own | fill_parameters(order)


def _submission(answer: Answer) -> Submission:
    task_id = parsing.task_id(answer.data.get("id"))
    if task_id is None:
        raise ProviderSilentError("Evolink accepted, but named no task")
    info = parsing.nested_object(answer.data.get("task_info"))
    return Submission(task_id=task_id, estimated_seconds=parsing.seconds(info.get("estimated_time")))


def _refusal(answer: Answer, error: dict[str, Any]) -> ProviderRefusedError:
    """The HTTP status decides where the code is unknown: codes differ between the versions of the API."""
    by_status = _FAILURES.get(str(answer.status), FailureCode.PROVIDER_FAILED)
    return ProviderRefusedError(
        f"HTTP {answer.status} {_detail(error)}".strip(),
        failure=_FAILURES.get(str(error.get("code", "")), by_status),
        is_down=answer.status >= 500,
    )


def _report(data: dict[str, Any]) -> TaskReport:
    status = data.get("status")
    state = _STATES.get(status, TaskState.UNKNOWN) if isinstance(status, str) else TaskState.UNKNOWN
    if state is TaskState.UNKNOWN:
        logger.warning("unknown task status", provider="evolink", task_status=parsing.join_text(status, limit=100))
    if state is TaskState.FAILED:
        error = _error(data)
        failure = _FAILURES.get(str(error.get("code", "")), FailureCode.PROVIDER_FAILED)
        return TaskReport(state=state, failure=failure, detail=_detail(error))
    if state is TaskState.SUCCEEDED:
        url = _result_url(data)
        if url is None:
            raise ProviderError("Evolink reports success, but names no file")
        return TaskReport(state=state, video_url=url)
    return TaskReport(state=state, detail=parsing.join_text(status, limit=100))


def _result_url(data: dict[str, Any]) -> str | None:
    """The URL in `results: [url]`, or in `data.video_url`, as in older documents."""
    results = data.get("results")
    candidates = results if isinstance(results, list) else []
    return parsing.file_url(*candidates, parsing.nested_object(data.get("data")).get("video_url"))


def _error(data: dict[str, Any]) -> dict[str, Any]:
    """The error object, or {}; its `code` is an integer in older documents and a string in newer ones."""
    error = data.get("error")
    return error if isinstance(error, dict) else {}


def _detail(error: dict[str, Any]) -> str:
    return parsing.join_text(error.get("code"), error.get("message"))
