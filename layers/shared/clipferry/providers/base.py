"""What Clipferry needs of a provider. A new one is a module beside this, a line in `runtime`, and the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from clipferry.errors import TaskNotFoundError
from clipferry.models import CallbackHint, Order, Submission, TaskReport


class Provider(Protocol):
    """One provider's API in our words."""

    @property
    def name(self) -> str:
        """As in the callback's path and in `videos.provider`."""
        ...

    def submit(self, order: Order, *, callback_url: str, timeout: float) -> Submission:
        """Sends the order once. `timeout` in seconds, for everything.

        Raises ProviderRefusedError (it said no), ProviderUnreachableError (nothing was sent) or ProviderSilentError
        (sent, and nobody knows: it must never be sent again).
        """
        ...

    def ask(self, task_id: str) -> TaskReport:
        """What became of a task. Raises TaskNotFoundError, or another ProviderError when it can't tell."""
        ...

    def authenticate(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """Checks the provider's own signature where it has one; raises InvalidSignatureError."""
        ...

    def read_hint(self, body: bytes) -> CallbackHint:
        """What a callback's body claims. Never raises: a body that can't be read claims nothing."""
        ...

    def read_report(self, body: bytes) -> TaskReport | None:
        """What an authentic body says became of its task, if the provider's signature covers the body; never raises.

        None where it doesn't, or where the body doesn't say: then the provider is asked.
        """
        ...


def find_source(provider_name: str | None, task_id: str | None, *, providers: Mapping[str, Provider]) -> str | None:
    """Where the task's file is now, by the provider's word: addresses expire. None when it has none, or there is nobody
    to ask. Raises ProviderError when it gives no answer."""
    provider = providers.get(provider_name or "")
    if provider is None or task_id is None:
        return None
    try:
        return provider.ask(task_id).video_url
    except TaskNotFoundError:
        return None
