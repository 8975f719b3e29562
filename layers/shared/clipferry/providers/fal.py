"""fal: `POST /{endpoint}?fal_webhook=…` on its queue, `GET /{app}/requests/{id}/status`, and the result beside it.

Source: fal's "Queue API", "Webhooks", "Model errors" and "Request errors" (docs/providers.md names them). An endpoint
is an app and a path (`fal-ai/veo3.1` and `fast/image-to-video`); a request is asked about by its app, which no callback
names. fal signs its webhooks with Ed25519 over keys that it publishes. We don't check that: a callback is a doorbell,
the signature in its URL is ours, and the task is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from clipferry.errors import ProviderError, ProviderRefusedError, ProviderSilentError, TaskNotFoundError
from clipferry.models import Order, Submission, TaskReport
from clipferry.provider_cost import Currency, read_cost
from clipferry.providers import parsing
from clipferry.providers.base import CallbackHint, Provider
from clipferry.providers.failures import classify_failure, refusal
from clipferry.providers.model_parameters import fill_parameters
from clipferry.providers.task_states import read_state
from clipferry.providers.transport import ASK_SECONDS, Answer, JsonApi, raise_if_unknown
from clipferry.verdicts import FailureCode, TaskState

_REQUESTS: Final = "/requests/"
_NOT_ABOUT_THE_TASK: Final = frozenset({401, 403, 408, 429})
"""Statuses of a result that say nothing of the task: the key, its rights, a time-out, too many questions."""
_PERCENT: Final = re.compile(r"(?<!\d)(100|\d{1,2})\s?%")


class Fal(Provider):
    """The adapter. `endpoints` returns the endpoints that we may have ordered from."""

    name = "fal"

    def __init__(self, api: JsonApi, *, endpoints: Callable[[], Iterable[str]] = tuple) -> None:
        self._api = api
        self._endpoints = endpoints

    def submit(self, order: Order, *, callback_url: str, timeout: float) -> Submission:
        path = f"/{quote(order.model, safe='/')}?{urlencode({'fal_webhook': callback_url})}"
        answer = self._api.post(path, {"prompt": order.prompt} | fill_parameters(order), timeout=timeout)
        is_own_error = "detail" in answer.data
        raise_if_unknown(answer, is_own_error=is_own_error)
        if answer.status >= 300 or is_own_error:
            raise _refusal(answer)
        request_id = parsing.task_id(answer.data.get("request_id"))
        task_id = parsing.task_id(f"{_app(order.model)}{_REQUESTS}{request_id}") if request_id else None
        if task_id is None:
            raise ProviderSilentError("fal accepted, but named no request")
        return Submission(task_id=task_id)

    def ask(self, task_id: str) -> TaskReport:
        """Asks about `{app}/requests/{id}`; about an id alone, as a callback has it, every app that we order from."""
        app, _, request_id = task_id.rpartition(_REQUESTS)
        if app:
            return self._ask(app, request_id)
        for candidate in sorted({_app(endpoint) for endpoint in self._endpoints()}):
            try:
                return replace(self._ask(candidate, task_id), task_id=f"{candidate}{_REQUESTS}{task_id}")
            except TaskNotFoundError:
                continue
        raise TaskNotFoundError("fal knows the request under no app that we order from")

    def cancel(self, task_id: str) -> bool:
        app, _, request_id = task_id.rpartition(_REQUESTS)
        path = f"/{quote(app, safe='/')}{_REQUESTS}{quote(request_id, safe='')}/cancel"
        answer = self._api.put(path, timeout=ASK_SECONDS)
        if answer.status in (400, 404):  # ALREADY_COMPLETED, NOT_FOUND
            return False
        if answer.status not in (200, 202):
            raise ProviderError(f"HTTP {answer.status} to a cancel")
        return answer.data.get("status") != "ALREADY_COMPLETED"

    def read_hint(self, body: bytes) -> CallbackHint:
        return CallbackHint(task_id=parsing.task_id(parsing.json_object(body).get("request_id")))

    def _ask(self, app: str, request_id: str) -> TaskReport:
        path = f"/{quote(app, safe='/')}{_REQUESTS}{quote(request_id, safe='')}"
        answer = self._api.get(f"{path}/status?logs=1")
        if answer.status == 404:
            raise TaskNotFoundError("fal doesn't know the request")
        if answer.status not in (200, 202) or not answer.data:  # 202 until it is over
            raise ProviderError(f"HTTP {answer.status} to a question")
        word = answer.data.get("status")
        state = read_state(word, provider="fal")
        if state in (TaskState.SUCCEEDED, TaskState.FAILED):  # COMPLETED is both: the result tells which
            return _outcome(self._api.get(path), answer.data)
        words = parsing.join_text(word, answer.data.get("queue_position"), limit=100)
        return parsing.unfailed_report(state, None, words, provider="fal", progress=_progress(answer.data))


def _app(endpoint: str) -> str:
    return "/".join(endpoint.split("/")[:2])


def _refusal(answer: Answer) -> ProviderRefusedError:
    message = parsing.join_text(f"HTTP {answer.status}", *_texts(answer.data))
    return refusal(message, _failure(answer), is_down=answer.status >= 500)


def _outcome(answer: Answer, status: dict[str, Any]) -> TaskReport:
    """Reads the result: the file, or why there is none, which stands in the same place with an HTTP status of 400 up.

    Raises ProviderError when that may be fal's fault of the moment, and not the task's.
    """
    if answer.status == 404:
        raise TaskNotFoundError("fal doesn't have the result")
    cost = read_cost(answer.headers.get("x-fal-billable-units"), Currency.UNITS)
    if answer.status == 200:
        url = parsing.file_url(*_urls(answer.data))
        return parsing.unfailed_report(TaskState.SUCCEEDED, url, "", provider="fal", progress=100, cost=cost)
    is_the_tasks = "detail" in answer.data and 400 <= answer.status < 500 and answer.status not in _NOT_ABOUT_THE_TASK
    error_type = answer.data.get("error_type") or status.get("error_type")
    if not is_the_tasks and not error_type and not status.get("error"):
        raise ProviderError(f"HTTP {answer.status} to a question for the result")
    detail = parsing.join_text(f"HTTP {answer.status}", error_type, *_texts(answer.data), status.get("error"))
    return TaskReport(state=TaskState.FAILED, failure=_failure(answer, error_type), detail=detail, cost=cost)


def _failure(answer: Answer, *labels: object) -> FailureCode:
    """Why, by the types of its errors: an HTTP status says less, and 422 stands for content rules, too."""
    types = [error.get("type") for error in _errors(answer.data)]
    message = parsing.join_text(*_texts(answer.data))
    if "exhausted balance" in message.lower():  # with 403, as for a key without rights
        return FailureCode.PROVIDER_OUT_OF_FUNDS
    return classify_failure(*types, *labels, answer.status, message=message)


def _errors(data: dict[str, Any]) -> list[dict[str, Any]]:
    detail = data.get("detail")
    return [error for error in detail if isinstance(error, dict)] if isinstance(detail, list) else []


def _texts(data: dict[str, Any]) -> list[Any]:
    """The words in `detail`, a sentence or a list of errors, but for what the user has sent."""
    detail = data.get("detail")
    listed = [text for error in _errors(data) for text in (error.get("type"), error.get("msg"))]
    return [detail] if isinstance(detail, str) else listed


def _urls(data: dict[str, Any]) -> list[Any]:
    """Where models put their file: `video`, or the first of `videos`."""
    several = data.get("videos")
    files = [data.get("video"), *(several if isinstance(several, list) else [])]
    return [file.get("url") if isinstance(file, dict) else file for file in files]


def _progress(status: dict[str, Any]) -> int | None:
    """The last percentage in the logs; 0 while it waits in the queue."""
    if "queue_position" in status:
        return 0
    logs = status.get("logs")
    messages = [log.get("message") for log in logs if isinstance(log, dict)] if isinstance(logs, list) else []
    found = [match for text in messages if isinstance(text, str) for match in _PERCENT.findall(text)]
    return int(found[-1]) if found else None
