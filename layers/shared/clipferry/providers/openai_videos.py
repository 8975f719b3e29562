"""A server that speaks OpenAI's video API: `POST {base}/videos`, `GET {base}/videos/{id}`, `…/{id}/content`.

LiteLLM, new-api and OpenRouter are three; one class serves them all, each by a name of its own. Their requests differ,
which a model's offer says (`body` in the catalogue); their answers are read here, whichever has sent them.

Source: OpenAI's "Videos" reference, LiteLLM's "/videos", new-api's "Videos" pages and source, OpenRouter's "Video
Generation API" (docs/providers-gateways.md names them).
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from clipferry.errors import ProviderSilentError, TaskNotFoundError
from clipferry.models import Order, Submission, TaskReport
from clipferry.provider_cost import Currency, read_cost
from clipferry.providers import parsing
from clipferry.providers.base import CallbackHint, Provider
from clipferry.providers.failures import error_detail, error_failure, error_refusal
from clipferry.providers.model_parameters import fill_parameters
from clipferry.providers.task_states import read_state
from clipferry.providers.transport import JsonApi, raise_if_not_answered, raise_if_unknown
from clipferry.verdicts import TaskState

_NOT_FOUND: Final = frozenset({"task_not_exist"})
"""Error codes of new-api, with 400, for a task that it doesn't have."""


class OpenAiVideos(Provider):
    """The adapter. `base_url` is where the file is fetched from when it `file_needs_key`."""

    def __init__(self, name: str, api: JsonApi, *, base_url: str, file_needs_key: bool = True) -> None:
        self.name = name
        self._api = api
        self._base_url = base_url.rstrip("/")
        self._file_needs_key = file_needs_key

    def submit(self, order: Order, *, callback_url: str, timeout: float) -> Submission:
        body = {"model": order.model, "prompt": order.prompt} | fill_parameters(order, callback_url=callback_url)
        answer = self._api.post("/videos", body, timeout=timeout)
        task_id = parsing.task_id(answer.data.get("id"), answer.data.get("task_id"))
        if answer.status < 300 and task_id is not None:  # taken, even if it has failed already and says why
            estimate = read_cost(answer.headers.get("x-litellm-response-cost"), Currency.USD)
            return Submission(task_id=task_id, cost=estimate)
        error = _error(answer.data)
        raise_if_unknown(answer, is_own_error=bool(error))
        if answer.status >= 300 or error:
            raise error_refusal(answer.status, error)
        raise ProviderSilentError(f"{self.name} accepted, but named no video")

    def ask(self, task_id: str) -> TaskReport:
        answer = self._api.get(f"/videos/{quote(task_id, safe='')}")
        if answer.status == 404 or (answer.status >= 400 and str(_error(answer.data).get("code")) in _NOT_FOUND):
            raise TaskNotFoundError(f"{self.name} doesn't know the video")
        raise_if_not_answered(answer)
        return self._report(task_id, answer.data)

    def read_hint(self, body: bytes) -> CallbackHint:
        data = parsing.json_object(body)
        return CallbackHint(task_id=parsing.task_id(parsing.nested_object(data.get("data")).get("id"), data.get("id")))

    def _report(self, task_id: str, data: dict[str, Any]) -> TaskReport:
        word = data.get("status")
        # new-api says `unknown` of a task that it has just taken.
        state = TaskState.RUNNING if word == "unknown" else read_state(word, provider=self.name)
        cost = read_cost(parsing.nested_object(data.get("usage")).get("cost"), Currency.USD)
        if state is TaskState.FAILED:
            error = _error(data)
            detail = error_detail(error) or parsing.join_text(word)
            return TaskReport(state=state, failure=error_failure(error), detail=detail, cost=cost)
        url = self._file_url(task_id, data) if state is TaskState.SUCCEEDED else None
        progress = data.get("progress")
        return parsing.unfailed_report(state, url, word, provider=self.name, progress=progress, cost=cost)

    def _file_url(self, task_id: str, data: dict[str, Any]) -> str | None:
        """`/content` with the key, or the address in the answer: OpenRouter's `urls`, new-api's `metadata.url`."""
        if self._file_needs_key:
            return f"{self._base_url}/videos/{quote(task_id, safe='')}/content"
        lists = (data.get("urls"), data.get("unsigned_urls"))
        listed = [url for urls in lists if isinstance(urls, list) for url in urls]
        metadata = parsing.nested_object(data.get("metadata"))
        return parsing.file_url(*listed, metadata.get("url"), data.get("url"), data.get("video_url"))


def _error(data: dict[str, Any]) -> dict[str, Any]:
    """The error object, or {}: OpenAI's `error`, OpenRouter's sentence in it, new-api's code and message, `detail`."""
    error = data.get("error")
    if isinstance(error, str) and error:
        return {"message": error}
    if isinstance(error, dict):
        return error
    if "id" not in data and isinstance(data.get("message"), str):
        return {"code": data.get("code"), "message": data["message"]}
    return {"message": parsing.join_text(data["detail"])} if "detail" in data else {}
