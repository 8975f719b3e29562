"""A provider whose answers a test decides, for use cases that are given one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from clipferry.errors import ProviderSilentError
from clipferry.models import Order, Submission, TaskReport
from clipferry.providers.base import CallbackHint
from clipferry.verdicts import TaskState


def does_not_answer(_order: Order) -> Submission:
    """Nobody knows what became of the submit: the video stays PENDING."""
    raise ProviderSilentError("time-out")


def still_runs(_task_id: str) -> TaskReport:
    return TaskReport(state=TaskState.RUNNING)


def stops_nothing(_task_id: str) -> bool:
    return False


class ScriptedProvider:
    """`submit`, `ask` and `cancel` are what the provider does; they may raise. Its callbacks claim nothing."""

    def __init__(
        self,
        name: str = "evolink",
        *,
        submit: Callable[[Order], Submission] = does_not_answer,
        ask: Callable[[str], TaskReport] = still_runs,
        cancel: Callable[[str], bool] = stops_nothing,
    ) -> None:
        self.name = name
        self._submit = submit
        self._ask = ask
        self._cancel = cancel

    def submit(self, order: Order, *, callback_url: str, timeout: float) -> Submission:
        return self._submit(order)

    def ask(self, task_id: str) -> TaskReport:
        return self._ask(task_id)

    def cancel(self, task_id: str) -> bool:
        return self._cancel(task_id)

    def authenticate(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
        """It has no signature of its own."""

    def read_hint(self, body: bytes) -> CallbackHint:
        return CallbackHint(task_id=None)

    def read_report(self, body: bytes) -> TaskReport | None:
        return None


def sign_callback(provider: str, video_uuid: str) -> str:
    return f"https://us/{provider}?videoUuid={video_uuid}"
