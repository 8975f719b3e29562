"""The interface of a provider's adapter.

A new provider is a module beside this one, an entry in `registry`, its settings, and its offers in the catalogue.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from clipferry.errors import InvalidSignatureError, TaskNotFoundError
from clipferry.models import Order, Submission, TaskReport

_LONGEST_TIMESTAMP: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackHint:
    """What a callback's body claims. Nothing of it is believed until the provider itself has been asked."""

    task_id: str | None
    echoed_url: str | None = None
    """Our own callback URL, if the provider sends it back (KIE's `param`)."""

    def is_about_another(self, task_id: str) -> bool:
        """Whether it names another task. fal's name a request without its app, which our task id begins with."""
        return self.task_id is not None and self.task_id != task_id and not task_id.endswith(f"/{self.task_id}")


class Provider(ABC):
    """One provider's API, translated into our models and errors."""

    name: str
    """The name in the callback's path and in `videos.provider`."""

    @abstractmethod
    def submit(self, order: Order, *, callback_url: str, timeout: float) -> Submission:
        """Sends the order once, within `timeout` seconds in all.

        Raises ProviderRefusedError (the provider refused it), ProviderUnreachableError (nothing was sent) or
        ProviderSilentError (it was sent, and the outcome is unknown: it must never be sent again).
        """

    @abstractmethod
    def ask(self, task_id: str) -> TaskReport:
        """Asks for a task's state. Raises TaskNotFoundError, or another ProviderError when there is no clear answer."""

    @abstractmethod
    def read_hint(self, body: bytes) -> CallbackHint:
        """Reads what a callback's body claims, unverified. Never raises: an unreadable body claims nothing."""

    def cancel(self, task_id: str) -> bool:  # noqa: ARG002 - for those who have a way to
        """Tells the provider to stop the task, which ends as the provider then says.

        False: this provider stops none, or this one has ended. Raises ProviderError when there is no clear answer.
        """
        return False

    def authenticate(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:  # noqa: B027 - optional
        """Checks the provider's own signature, if it has one: else the signed callback URL is enough for a doorbell.

        Raises InvalidSignatureError.
        """

    def read_report(self, body: bytes) -> TaskReport | None:  # noqa: ARG002 - for those whose bodies are signed
        """Reads the task's state from an authentic body, if the provider's signature covers the body. Never raises.

        Returns None if it doesn't, or if the body doesn't say: then the provider is asked.
        """
        return None


def find_source(provider_name: str | None, task_id: str | None, *, providers: Mapping[str, Provider]) -> str | None:
    """Asks the provider for the current URL of a task's file, because these URLs expire.

    Returns None when there is no file, no such task, or nobody to ask. Raises ProviderError without an answer.
    """
    provider = providers.get(provider_name or "")
    if provider is None or task_id is None:
        return None
    try:
        return provider.ask(task_id).video_url
    except TaskNotFoundError:
        return None


def check_signing_time(timestamp: str, *, now: datetime, tolerance: timedelta, provider: str) -> None:
    """Raises InvalidSignatureError unless a signature's time, in Unix seconds, is within `tolerance` of `now`."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < _LONGEST_TIMESTAMP):
        raise InvalidSignatureError(f"{provider}'s timestamp is not a number of seconds")
    if abs(datetime.fromtimestamp(int(timestamp), UTC) - now) > tolerance:
        raise InvalidSignatureError(f"{provider}'s signature is too old, or not valid yet", has_expired=True)
