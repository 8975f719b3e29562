"""What is taken over from a provider's answer: ids, addresses and words that a database, a URL and a log can hold."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from urllib.parse import quote

from clipferry.db.rows import LONGEST_TEXT, storable
from clipferry.models import FailureCode

LONGEST_TASK_ID: Final = 200
LONGEST_URL: Final = 8192
_TASK_ID: Final = re.compile(rf"[!-~]{{1,{LONGEST_TASK_ID}}}")
_CONTENT_RULES: Final = re.compile(r"polic(y|ies)|sensitive|nsfw|flagged|moderation|prohibited", re.IGNORECASE)
_DAY: Final = 86_400


def json_object(body: bytes | str) -> dict[str, Any]:
    """The JSON object in `body`, or {}: whatever else it is tells us nothing."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def nested_object(value: object) -> dict[str, Any]:
    """An object that stands there as it is, or as a string of JSON; {} for anything else."""
    if isinstance(value, str):
        return json_object(value)
    return value if isinstance(value, dict) else {}


def task_id(*candidates: object) -> str | None:
    """The first that can be an id: visible ASCII, not too long."""
    return next((text for text in candidates if isinstance(text, str) and _TASK_ID.fullmatch(text)), None)


def file_url(*candidates: object) -> str | None:
    """The first that can be a file's address; what isn't ASCII in it is percent-encoded."""
    return next((url for url in map(_url, candidates) if url is not None), None)


def _url(value: object) -> str | None:
    if not isinstance(value, str) or not re.match(r"https?://", value) or not value.isprintable():
        return None
    address = value if value.isascii() else quote(value, safe="%/:?#[]@!$&'()*+,;=~")
    return address if len(address) <= LONGEST_URL and " " not in address else None


def words(*values: object, limit: int = LONGEST_TEXT) -> str:
    """What a provider said, as text that PostgreSQL takes."""
    return storable(" ".join(str(value) for value in values if value is not None).strip(), limit=limit)


def seconds(value: object) -> int | None:
    """An estimate of less than a day, or None."""
    return int(value) if isinstance(value, int | float) and 0 < value < _DAY else None


def content_refusal(text: str) -> FailureCode | None:
    """CONTENT_POLICY when the words say so: not every provider has a code for it."""
    return FailureCode.CONTENT_POLICY if _CONTENT_RULES.search(text) else None
