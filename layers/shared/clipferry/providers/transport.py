"""JSON over HTTPS to a provider, and the line between refused and unknown, which decides who may be asked next."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from clipferry.errors import ProviderError, ProviderSilentError, ProviderUnreachableError
from clipferry.https import HttpClient

CONNECT_SECONDS: Final = 3.0
ASK_SECONDS: Final = 6.0
"""A callback's sender waits 10 s (Evolink) or 15 s (KIE) for our answer, and we ask before we give it."""
LARGEST_ANSWER: Final = 1024 * 1024
OUTCOME_UNKNOWN: Final = frozenset({408, 504})
"""A gateway gave up waiting: what is behind it may have taken the order all the same."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer; `data` is {} when it wasn't a JSON object."""

    status: int
    data: dict[str, Any]


class JsonApi:
    """A provider's API behind one base URL and one key. The key is in no message that this raises."""

    def __init__(self, client: HttpClient, api_key: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._api_key = api_key
        self._sleep = sleep

    def post(self, path: str, payload: dict[str, Any], *, timeout: float) -> Answer:
        """Sends once. Raises ProviderUnreachableError when nothing was sent, else ProviderSilentError."""
        return self._exchange("POST", path, json.dumps(payload).encode(), timeout)

    def get(self, path: str) -> Answer:
        """Asks, and once more if the first try came to nothing: a question can be repeated, an order can't."""
        try:
            answer = self._exchange("GET", path, None, ASK_SECONDS / 2)
            if answer.status < 500:
                return answer
        except (ProviderUnreachableError, ProviderSilentError):
            pass
        self._sleep(random.uniform(0.1, 0.4))  # noqa: S311 - jitter, not a secret
        return self._exchange("GET", path, None, ASK_SECONDS / 2)

    def _exchange(self, method: str, path: str, body: bytes | None, timeout: float) -> Answer:
        headers = {"Authorization": f"Bearer {self._api_key}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        response = self._client.request(
            method,
            path,
            headers=headers,
            body=body,
            connect_timeout=min(CONNECT_SECONDS, timeout),
            timeout=timeout,
            max_bytes=LARGEST_ANSWER,
        )
        return Answer(response.status, json_object(response.body))


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`, or {}: whatever else it is tells us nothing."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def raise_if_unknown(answer: Answer, *, is_own_error: bool) -> None:
    """Raises ProviderSilentError when a submit's answer doesn't tell whether the order was taken (DESIGN §1)."""
    if answer.status in OUTCOME_UNKNOWN or (answer.status >= 500 and not is_own_error):
        raise ProviderSilentError(f"HTTP {answer.status} to a submit")


def raise_if_not_answered(answer: Answer) -> None:
    """Raises ProviderError when a question wasn't answered."""
    if answer.status != 200 or not answer.data:
        raise ProviderError(f"HTTP {answer.status} to a question")
