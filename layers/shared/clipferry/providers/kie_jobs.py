"""KIE's market: `POST /api/v1/jobs/createTask` for every model, with its parameters under `input`.

Source: KIE's model pages and "Get task details". A task's `param` echoes the whole order, its `resultJson` is JSON in a
string; result URLs expire after 24 hours.
"""

from __future__ import annotations

from typing import Any, Final

from clipferry.errors import ProviderError
from clipferry.models import Order, TaskReport, TaskState
from clipferry.observability import logger
from clipferry.providers import parsing
from clipferry.providers.kie_wire import failure_code, parse_integer, parse_urls
from clipferry.providers.model_parameters import fill_parameters

CREATE: Final = "/api/v1/jobs/createTask"
QUERY: Final = "/api/v1/jobs/recordInfo"

_STATES: Final = {
    "waiting": TaskState.RUNNING,
    "queuing": TaskState.RUNNING,
    "generating": TaskState.RUNNING,
    "success": TaskState.SUCCEEDED,
    "fail": TaskState.FAILED,
    "cancelled": TaskState.FAILED,
    "canceled": TaskState.FAILED,
}


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
    state = _STATES.get(status, TaskState.UNKNOWN) if isinstance(status, str) else TaskState.UNKNOWN
    if state is TaskState.UNKNOWN:
        logger.warning("unknown task status", provider="kie", task_status=parsing.join_text(status, limit=100))
    if state is TaskState.FAILED:
        message = parsing.join_text(record.get("failCode"), record.get("failMsg"))
        return TaskReport(
            state=state, failure=failure_code(parse_integer(record.get("failCode")), message), detail=message
        )
    if state is TaskState.SUCCEEDED:
        result = parsing.nested_object(record.get("resultJson"))
        url = parsing.file_url(*parse_urls(result.get("resultUrls")))
        if url is None:
            raise ProviderError("KIE reports success, but names no file")
        return TaskReport(state=state, video_url=url)
    return TaskReport(state=state, detail=parsing.join_text(status, limit=100))
