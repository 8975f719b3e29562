"""JSON over HTTPS to a provider. Its errors tell a refusal (another may be asked) from an unknown outcome."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clipferry.errors import (
    ConfigurationError,
    NoAnswerError,
    ProviderError,
    ProviderSilentError,
    ProviderUnreachableError,
    RequestNotSentError,
)
from clipferry.net.http_client import HttpClient
from clipferry.net.retry_after import retry_after
from clipferry.providers.parsing import json_object

CONNECT_SECONDS: Final = 3.0
ASK_SECONDS: Final = 6.0
"""For a question, its repeat included: a callback's sender waits 10 s (Evolink) or 15 s (KIE) until we have asked."""
LONGEST_PAUSE: Final = 2.0
"""Seconds between a question and its repeat: a provider that wants more time is asked by a later schedule."""
LARGEST_ANSWER: Final = 1024 * 1024
OUTCOME_UNKNOWN: Final = frozenset({408, 504})
"""HTTP statuses of a gateway that gave up waiting: the provider behind it may have taken the order all the same."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer; `data` is {} when it wasn't a JSON object."""

    status: int
    data: dict[str, Any]
    headers: Mapping[str, str]
    """By their names in lower case."""

    @property
    def retry_after(self) -> float | None:
        """Seconds that the provider wants us to wait, if it says."""
        return retry_after(self.headers.get("retry-after", ""))


class JsonApi:
    """A provider's API: one base URL and one key. No error quotes the key."""

    def __init__(
        self,
        client: HttpClient,
        api_key: str,
        *,
        scheme: str = "Bearer",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`scheme` stands before the key. Raises ConfigurationError for one that no header carries, not showing it."""
        if not re.fullmatch(r"[!-~]+", api_key):
            raise ConfigurationError(
                "a provider's API key has a space, a line end or something else that no header carries"
            )
        self._client = client
        self._authorization = f"{scheme} {api_key}"
        self._sleep = sleep

    def post(self, path: str, payload: dict[str, Any], *, timeout: float) -> Answer:
        """Sends once. Raises ProviderUnreachableError when nothing was sent, else ProviderSilentError."""
        return self._request("POST", path, json.dumps(payload).encode(), timeout)

    def put(self, path: str, *, timeout: float) -> Answer:
        """Sends once, without a body. Raises what `post` does."""
        return self._request("PUT", path, None, timeout)

    def get(self, path: str) -> Answer:
        """Asks, and once more after a failure that may pass: a question can be repeated, an order can't.

        The repeat comes after 0.1 to 0.4 s, or when the provider's Retry-After says. Raises what `post` does.
        """
        pause = random.uniform(0.1, 0.4)  # noqa: S311 - jitter, not a secret
        try:
            answer = self._request("GET", path, None, ASK_SECONDS / 2)
        except (ProviderUnreachableError, ProviderSilentError):
            pass
        else:
            pause = max(pause, answer.retry_after or 0)
            if not _is_transient(answer) or pause > LONGEST_PAUSE:
                return answer
        self._sleep(pause)
        return self._request("GET", path, None, ASK_SECONDS / 2)

    def _request(self, method: str, path: str, body: bytes | None, timeout: float) -> Answer:
        headers = {"Authorization": self._authorization, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = self._client.request(
                method,
                path,
                headers=headers,
                body=body,
                connect_timeout=min(CONNECT_SECONDS, timeout),
                timeout=timeout,
                max_bytes=LARGEST_ANSWER,
            )
        except RequestNotSentError as error:
            raise ProviderUnreachableError(str(error)) from error
        except NoAnswerError as error:
            raise ProviderSilentError(str(error)) from error
        return Answer(response.status, json_object(response.body), response.headers)


def raise_if_unknown(answer: Answer, *, is_own_error: bool) -> None:
    """Raises ProviderSilentError when a submit's answer doesn't tell whether the order was taken (DESIGN §1)."""
    if answer.status in OUTCOME_UNKNOWN or (answer.status >= 500 and not is_own_error):
        raise ProviderSilentError(f"HTTP {answer.status} to a submit")


def raise_if_not_answered(answer: Answer) -> None:
    """Raises ProviderError when a question wasn't answered."""
    if answer.status != 200 or not answer.data:
        raise ProviderError(f"HTTP {answer.status} to a question")


def _is_transient(answer: Answer) -> bool:
    """Whether asking again soon makes sense; after a bare 429 it doesn't."""
    return answer.status >= 500 or (answer.status == 429 and answer.retry_after is not None)
