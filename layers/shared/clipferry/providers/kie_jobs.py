"""KIE's market: every model behind `POST /api/v1/jobs/createTask`, its parameters under `input`.

Source: KIE's model pages and "Get task details". A task's `param` echoes the whole order, its `resultJson` is JSON in a
string; result URLs live for 24 hours.
"""

from __future__ import annotations

from typing import Any, Final

from clipferry.errors import ProviderError
from clipferry.models import Order, TaskReport, TaskState
from clipferry.observability import logger
from clipferry.providers import reading
from clipferry.providers.kie_wire import failure_of, integer, urls
from clipferry.providers.parameters import filled

CREATE: Final = "/api/v1/jobs/createTask"
QUESTION: Final = "/api/v1/jobs/recordInfo"

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
    """`callBackUrl` is spelled like this, at the top."""
    return {"model": order.model, "callBackUrl": callback_url, "input": {"prompt": order.prompt} | filled(order)}


def is_record(data: dict[str, Any]) -> bool:
    return "state" in data


def report(record: dict[str, Any]) -> TaskReport:
    """What a task's record says. Raises ProviderError when it says success and names no file."""
    word = record.get("state")
    state = _STATES.get(word, TaskState.UNKNOWN) if isinstance(word, str) else TaskState.UNKNOWN
    if state is TaskState.UNKNOWN:
        logger.warning("unknown task status", provider="kie", task_status=reading.words(word, limit=100))
    if state is TaskState.FAILED:
        said = reading.words(record.get("failCode"), record.get("failMsg"))
        return TaskReport(state=state, failure=failure_of(integer(record.get("failCode")), said), detail=said)
    if state is TaskState.SUCCEEDED:
        result = reading.nested_object(record.get("resultJson"))
        url = reading.file_url(*urls(result.get("resultUrls")))
        if url is None:
            raise ProviderError("KIE says success, but names no file")
        return TaskReport(state=state, video_url=url)
    return TaskReport(state=state, detail=reading.words(word, limit=100))
