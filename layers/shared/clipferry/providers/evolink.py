"""Evolink: `POST /v1/videos/generations`, `GET /v1/tasks/{id}`, callbacks without a signature of their own.

Source: Evolink's video generation and task pages (docs/providers.md names them). A callback's body is identical to
the task query's answer; results expire after 24 hours.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from clipferry.errors import ProviderSilentError, TaskNotFoundError
from clipferry.models import Order, Submission, TaskReport
from clipferry.provider_cost import Currency, read_cost
from clipferry.providers import parsing
from clipferry.providers.base import CallbackHint, Provider
from clipferry.providers.failures import error_detail, error_failure, error_refusal
from clipferry.providers.model_parameters import fill_parameters
from clipferry.providers.task_states import read_state
from clipferry.providers.transport import Answer, JsonApi, raise_if_not_answered, raise_if_unknown
from clipferry.verdicts import TaskState


class Evolink(Provider):
    """The adapter."""

    name = "evolink"

    def __init__(self, api: JsonApi) -> None:
        self._api = api

    def submit(self, order: Order, *, callback_url: str, timeout: float) -> Submission:
        answer = self._api.post("/v1/videos/generations", _payload(order, callback_url), timeout=timeout)
        envelope = _error(answer.data)
        raise_if_unknown(answer, is_own_error=bool(envelope))
        if answer.status >= 300 or envelope:
            raise error_refusal(answer.status, envelope or answer.data)
        return _submission(answer)

    def ask(self, task_id: str) -> TaskReport:
        answer = self._api.get(f"/v1/tasks/{quote(task_id, safe='')}")
        if answer.status == 404:
            raise TaskNotFoundError("Evolink doesn't know the task")
        raise_if_not_answered(answer)
        return _report(answer.data)

    def read_hint(self, body: bytes) -> CallbackHint:
        return CallbackHint(task_id=parsing.task_id(parsing.json_object(body).get("id")))


def _payload(order: Order, callback_url: str) -> dict[str, Any]:
    own = {"model": order.model, "prompt": order.prompt, "callback_url": callback_url}
    return own | fill_parameters(order)


def _submission(answer: Answer) -> Submission:
    task_id = parsing.task_id(answer.data.get("id"))
    if task_id is None:
        raise ProviderSilentError("Evolink accepted, but named no task")
    info = parsing.nested_object(answer.data.get("task_info"))
    reserved = parsing.nested_object(answer.data.get("usage")).get("credits_reserved")
    return Submission(
        task_id=task_id,
        estimated_seconds=parsing.seconds(info.get("estimated_time")),
        cost=read_cost(reserved, Currency.CREDITS),
    )


def _report(data: dict[str, Any]) -> TaskReport:
    status = data.get("status")
    state = read_state(status, provider="evolink")
    if state is TaskState.FAILED:
        error = _error(data)
        given_back = read_cost(0, Currency.CREDITS)  # what was reserved for a task that failed
        return TaskReport(state=state, failure=error_failure(error), detail=error_detail(error), cost=given_back)
    url = _result_url(data)
    return parsing.unfailed_report(state, url, status, provider="Evolink", progress=data.get("progress"))


def _result_url(data: dict[str, Any]) -> str | None:
    """The URL in `results: [url]`, or in `data.video_url`, as in older documents."""
    results = data.get("results")
    candidates = results if isinstance(results, list) else []
    return parsing.file_url(*candidates, parsing.nested_object(data.get("data")).get("video_url"))


def _error(data: dict[str, Any]) -> dict[str, Any]:
    """The error object, or {}; its `code` is an integer in older documents and a string in newer ones."""
    error = data.get("error")
    return error if isinstance(error, dict) else {}
