"""KIE's envelope, `{code, msg | message, data}`, and the meaning of its codes, for the market's jobs and for Veo.

Source: KIE's "Get task details" and the response codes on every model's page (docs/providers.md names them). The code
matters as well as the HTTP status, which is 200 for many errors.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from clipferry.providers import parsing
from clipferry.providers.failures import classify_failure, is_about_content
from clipferry.providers.transport import Answer
from clipferry.verdicts import FailureCode

SUCCESS: Final = 200
NOT_FOUND: Final = frozenset({404, 422})
"""Codes of a task query: 404 "Task not found", 422 "recordInfo is null"."""
DOWN: Final = frozenset({455, 500})
"""Maintenance, and a server error: the order isn't the reason."""
GENERATION_FAILED: Final = frozenset({451, 501})
"""Codes of a task query, too: the image couldn't be fetched, the generation failed."""

NO_RESULT: Final = 408
"""To a query: "Upstream is currently experiencing service issues. No result has been returned within 10 minutes"."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An answer of KIE's API; `code` is None when the answer isn't KIE's own, but a gateway's, for instance."""

    code: int | None
    message: str
    data: dict[str, Any]

    @property
    def is_error(self) -> bool:
        return self.code is not None and self.code != SUCCESS


def read_envelope(answer: Answer) -> Envelope:
    """Reads an answer; never raises. KIE's own answers have an integer code and a message, a gateway's have not."""
    message = answer.data.get("msg", answer.data.get("message"))
    code = parse_integer(answer.data.get("code"))
    return Envelope(
        code=code if isinstance(message, str) else None,
        message=parsing.join_text(f"HTTP {answer.status}", code, message),
        data=parsing.nested_object(answer.data.get("data")),
    )


def generation_failure_code(envelope: Envelope) -> FailureCode | None:
    """Why a task failed, when the answer to a query is itself an error; None when the error isn't about the task.

    Veo answers like this: 400 or 422 with a message about content rules, 451, 501.
    """
    if envelope.code in GENERATION_FAILED:
        return classify_failure(envelope.code, message=envelope.message)
    about_content = envelope.code in (400, 422) and is_about_content(envelope.message)
    return FailureCode.CONTENT_POLICY if about_content else None


def parse_integer(value: object) -> int | None:
    """An integer that KIE sent as a number or as text; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def parse_urls(value: object) -> list[Any]:
    """A list of URLs, or one as text: JSON, or `[http://…,http://…]` without quotes, as in some examples of KIE's."""
    if not isinstance(value, str):
        return value if isinstance(value, list) else []
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        inside = value.strip().removeprefix("[").removesuffix("]")
        parts = re.split(r",(?=\s*[\"']?https?://)", inside)  # a URL may have commas of its own
        return [part.strip().strip("\"'") for part in parts]
    return found if isinstance(found, list) else [found]
