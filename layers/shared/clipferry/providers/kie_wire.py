"""KIE's envelope, `{code, msg | message, data}`, and what its codes mean: the same for the market's jobs and for Veo.

Source: KIE's "Get task details" and the response codes on every model's page (docs/providers.md names them). The code
counts as well as the HTTP status, which is 200 for many errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from clipferry.models import FailureCode
from clipferry.providers import reading
from clipferry.providers.transport import Answer

SUCCESS: Final = 200
NOT_FOUND: Final = frozenset({404, 422})
"""In answer to a question: 404 "Task not found", 422 "recordInfo is null"."""
DOWN: Final = frozenset({455, 500})
"""Maintenance, and a server error: not this order's fault."""
GENERATION_FAILED: Final = frozenset({451, 501})
"""In answer to a question too: the image couldn't be fetched, the generation failed."""

_FAILURES: Final = {
    400: FailureCode.INVALID_INPUT,
    402: FailureCode.PROVIDER_OUT_OF_FUNDS,
    413: FailureCode.INVALID_INPUT,
    422: FailureCode.INVALID_INPUT,
    429: FailureCode.PROVIDER_BUSY,
    433: FailureCode.PROVIDER_OUT_OF_FUNDS,
    451: FailureCode.INVALID_INPUT,
    455: FailureCode.PROVIDER_BUSY,
    # 401 (key), 404 (endpoint), 500 (server), 501 (generation) and 505 (switched off) are the provider's own failures.
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an answer of KIE's says; `code` is None when it isn't one of KIE's."""

    code: int | None
    words: str
    data: dict[str, Any]

    @property
    def is_error(self) -> bool:
        return self.code is not None and self.code != SUCCESS


def read_envelope(answer: Answer) -> Envelope:
    """Never raises. An integer code and a message make an envelope: what a gateway says of its own has neither."""
    message = answer.data.get("msg", answer.data.get("message"))
    code = integer(answer.data.get("code"))
    return Envelope(
        code=code if isinstance(message, str) else None,
        words=reading.words(f"HTTP {answer.status}", code, message),
        data=reading.nested_object(answer.data.get("data")),
    )


def failure_of(code: int | None, said: str) -> FailureCode:
    """KIE has no code for content rules; its words tell."""
    return reading.content_refusal(said) or _FAILURES.get(code or 0, FailureCode.PROVIDER_FAILED)


def generation_failure(envelope: Envelope) -> FailureCode | None:
    """Why a task failed, from a question's answer that is an error itself; None when it says nothing of the task.

    Veo answers like this: 400 or 422 with words about content rules, 451, 501.
    """
    if envelope.code in GENERATION_FAILED:
        return failure_of(envelope.code, envelope.words)
    return reading.content_refusal(envelope.words) if envelope.code in (400, 422) else None


def integer(value: object) -> int | None:
    """Codes and flags come as numbers and as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def urls(value: object) -> list[Any]:
    """A list, or one as text: as JSON, or as `[http://…,http://…]` without quotes, which some examples have."""
    if isinstance(value, str):
        inside = value.strip().removeprefix("[").removesuffix("]")
        return [part.strip().strip("\"'") for part in inside.split(",")]
    return value if isinstance(value, list) else []
