"""Google's Veo at KIE, which has its own endpoints, parameters and answers.

Source: KIE's Veo 3.1 pages (generate, details, callbacks). Every video lasts 8 seconds; the parameters are at the top
level, not under `input`; a task has a `successFlag` and no `state`.
"""

from __future__ import annotations

from typing import Any, Final

from clipferry.models import Order, TaskReport
from clipferry.observability import logger
from clipferry.providers import parsing
from clipferry.providers.failures import classify_failure
from clipferry.providers.kie_wire import parse_integer, parse_urls
from clipferry.providers.model_parameters import fill_parameters
from clipferry.verdicts import TaskState

CREATE: Final = "/api/v1/veo/generate"
QUERY: Final = "/api/v1/veo/record-info"
TASK_PREFIX: Final = "veo_"
"""The task ids in KIE's examples begin with it, but nothing promises that."""
_MODEL_PREFIX: Final = "veo3"

_STATES: Final = {0: TaskState.RUNNING, 1: TaskState.SUCCEEDED, 2: TaskState.FAILED, 3: TaskState.FAILED}


def is_veo_model(model: str) -> bool:
    """Whether the model is veo3, veo3_fast, …, and not one of the market's."""
    return model.startswith(_MODEL_PREFIX)


def payload(order: Order, callback_url: str) -> dict[str, Any]:
    """Builds the request's body: the parameters are beside the model, not under `input`."""
    own = {"model": order.model, "prompt": order.prompt, "callBackUrl": callback_url}
    return own | fill_parameters(order)


def has_task(data: dict[str, Any]) -> bool:
    return "successFlag" in data


def report(record: dict[str, Any]) -> TaskReport:
    """Reads a task's record. Raises ProviderError when it reports success but names no file."""
    flag = parse_integer(record.get("successFlag"))
    state = _STATES.get(-1 if flag is None else flag, TaskState.UNKNOWN)
    if state is TaskState.UNKNOWN:
        logger.warning("unknown task status", provider="kie", task_status=parsing.join_text(flag, limit=100))
    if state is TaskState.FAILED:
        code, message = record.get("errorCode"), record.get("errorMessage")
        failure = classify_failure(code, message=message)
        return TaskReport(state=state, failure=failure, detail=parsing.join_text(code, message))
    response = parsing.nested_object(record.get("response"))
    url = parsing.file_url(*parse_urls(response.get("resultUrls")))
    return parsing.unfailed_report(state, url, flag, provider="KIE")
