"""Parses a provider's answer into ids, URLs and texts that a database, a URL and a log can hold."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import quote

from clipferry.db.rows import LONGEST_TEXT, storable
from clipferry.errors import ProviderError
from clipferry.models import TaskReport
from clipferry.provider_cost import ProviderCost
from clipferry.verdicts import TaskState

LONGEST_TASK_ID: Final = 400
"""LiteLLM's hold the provider, the model and the provider's own id, in Base64."""
LONGEST_URL: Final = 8192
_TASK_ID: Final = re.compile(rf"[!-~]{{1,{LONGEST_TASK_ID}}}")
_DAY: Final = 86_400


def json_object(body: bytes | str) -> dict[str, Any]:
    """The JSON object in `body`; {} for anything else."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def nested_object(value: object) -> dict[str, Any]:
    """A JSON object that is nested as such, or as JSON in a string; {} for anything else."""
    if isinstance(value, str):
        return json_object(value)
    return value if isinstance(value, dict) else {}


def task_id(*candidates: object) -> str | None:
    """The first candidate that is a valid task id: visible ASCII, at most LONGEST_TASK_ID characters."""
    return next((text for text in candidates if isinstance(text, str) and _TASK_ID.fullmatch(text)), None)


def file_url(*candidates: object) -> str | None:
    """The first candidate that is an HTTP URL; characters beyond ASCII are percent-encoded."""
    return next((url for url in map(_url, candidates) if url is not None), None)


def _url(value: object) -> str | None:
    if not isinstance(value, str) or not re.match(r"https?://", value) or not value.isprintable():
        return None
    address = value if value.isascii() else quote(value, safe="%/:?#[]@!$&'()*+,;=~")
    return address if len(address) <= LONGEST_URL and " " not in address else None


def join_text(*values: object, limit: int = LONGEST_TEXT) -> str:
    """Joins a provider's values with spaces, None left out, into text that PostgreSQL can store."""
    return storable(" ".join(str(value) for value in values if value is not None).strip(), limit=limit)


def seconds(value: object) -> int | None:
    """A number of seconds between 0 and a day, rounded down; None for anything else."""
    return int(value) if isinstance(value, int | float) and 0 < value < _DAY else None


def percent(value: object) -> int | None:
    """A whole number of 0 to 100, rounded down; None for anything else, such as a share of 1 or a text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value <= 100 else None


def unfailed_report(
    state: TaskState,
    url: str | None,
    word: object,
    *,
    provider: str,
    progress: object = None,
    cost: ProviderCost | None = None,
) -> TaskReport:
    """The report on a task that hasn't failed. A running one has no file: what it names may be a preview.

    Raises ProviderError for one that has succeeded and names no file.
    """
    if state is TaskState.SUCCEEDED and url is None:
        raise ProviderError(f"{provider} reports success, but names no file")
    detail = "" if state is TaskState.SUCCEEDED else join_text(word, limit=100)
    file = None if state is TaskState.RUNNING else url
    return TaskReport(state=state, video_url=file, detail=detail, progress=percent(progress), cost=cost)
