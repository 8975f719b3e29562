"""Google's Veo at KIE: endpoints, parameters and answers of its own, beside the market's jobs.

Source: KIE's Veo 3.1 pages (generate, details, callbacks). Every film lasts 8 seconds; the parameters stand at the
top, not under `input`; a task has a `successFlag` and no `state`.
"""

from __future__ import annotations

from typing import Any, Final

from clipferry.errors import ProviderError
from clipferry.models import Order, TaskReport, TaskState
from clipferry.observability import logger
from clipferry.providers import reading
from clipferry.providers.kie_wire import failure_of, integer, urls
from clipferry.providers.parameters import filled

CREATE: Final = "/api/v1/veo/generate"
QUESTION: Final = "/api/v1/veo/record-info"
TASK_PREFIX: Final = "veo_"
"""Of the task ids in the documentation; it doesn't promise it."""
_MODEL_PREFIX: Final = "veo3"

_STATES: Final = {0: TaskState.RUNNING, 1: TaskState.SUCCEEDED, 2: TaskState.FAILED, 3: TaskState.FAILED}


def makes(model: str) -> bool:
    """veo3, veo3_fast, …: the market's names for models look different."""
    return model.startswith(_MODEL_PREFIX)


def payload(order: Order, callback_url: str) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "model": order.model,
        "prompt": order.prompt,
        "generationType": "FIRST_AND_LAST_FRAMES_2_VIDEO" if order.image_url else "TEXT_2_VIDEO",
        "callBackUrl": callback_url,
    }
    if order.aspect_ratio:
        payload["aspect_ratio"] = order.aspect_ratio
    if order.image_url:
        payload["imageUrls"] = [order.image_url]
    return payload | filled(order)


def is_record(data: dict[str, Any]) -> bool:
    return "successFlag" in data


def report(record: dict[str, Any]) -> TaskReport:
    """What a task's record says. Raises ProviderError when it says success and names no file."""
    flag = integer(record.get("successFlag"))
    state = _STATES.get(-1 if flag is None else flag, TaskState.UNKNOWN)
    if state is TaskState.UNKNOWN:
        logger.warning("unknown task status", provider="kie", task_status=reading.words(flag, limit=100))
    if state is TaskState.FAILED:
        said = reading.words(record.get("errorCode"), record.get("errorMessage"))
        return TaskReport(state=state, failure=failure_of(integer(record.get("errorCode")), said), detail=said)
    if state is TaskState.SUCCEEDED:
        response = reading.nested_object(record.get("response"))
        url = reading.file_url(*urls(response.get("resultUrls")))
        if url is None:
            raise ProviderError("KIE says success, but names no file")
        return TaskReport(state=state, video_url=url)
    return TaskReport(state=state, detail=reading.words(flag, limit=100))
