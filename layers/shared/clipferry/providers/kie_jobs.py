"""KIE's market: `POST /api/v1/jobs/createTask` for every model, with its parameters under `input`.

Source: KIE's model pages and "Get task details". A task's `param` echoes the whole order, its `resultJson` is JSON in a
string; result URLs expire after 24 hours.
"""

from __future__ import annotations

from typing import Any, Final

from clipferry.models import Order, TaskReport
from clipferry.provider_cost import Currency, read_cost
from clipferry.providers import parsing
from clipferry.providers.failures import classify_failure
from clipferry.providers.kie_wire import parse_urls
from clipferry.providers.model_parameters import fill_parameters
from clipferry.providers.task_states import read_state
from clipferry.verdicts import TaskState

CREATE: Final = "/api/v1/jobs/createTask"
QUERY: Final = "/api/v1/jobs/recordInfo"


def payload(order: Order, callback_url: str) -> dict[str, Any]:
    """Builds the request's body; `callBackUrl` is spelled like this, at the top level."""
    return {
        "model": order.model,
        "callBackUrl": callback_url,
        "input": {"prompt": order.prompt} | fill_parameters(order),
    }


def has_task(data: dict[str, Any]) -> bool:
    return "state" in data


def report(record: dict[str, Any]) -> TaskReport:
    """Reads a task's record. Raises ProviderError when it reports success but names no file."""
    status = record.get("state")
    state = read_state(status, provider="kie")
    cost = read_cost(record.get("creditsConsumed"), Currency.CREDITS) if state is not TaskState.RUNNING else None
    if state is TaskState.FAILED:
        code, message = record.get("failCode"), record.get("failMsg")
        failure = classify_failure(code, message=message)
        return TaskReport(state=state, failure=failure, detail=parsing.join_text(code, message), cost=cost)
    result = parsing.nested_object(record.get("resultJson"))
    url = parsing.file_url(*parse_urls(result.get("resultUrls")))
    progress = record.get("progress")
    return parsing.unfailed_report(state, url, status, provider="KIE", progress=progress, cost=cost)
