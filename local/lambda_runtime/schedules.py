"""EventBridge's schedules: a function every so many seconds, never twice at once."""

from __future__ import annotations

import logging
from threading import Event, Thread

from local.lambda_runtime.events import schedule_event
from local.lambda_runtime.lambda_context import Invoke

logger = logging.getLogger(__name__)


class ScheduleRunner:
    """Calls one function, for the first time after one period, as a rate() does."""

    def __init__(self, *, name: str, seconds: float, invoke: Invoke) -> None:
        self._name = name
        self._seconds = seconds
        self._invoke = invoke
        self._stopping = Event()
        self._thread = Thread(target=self._run, name=f"schedule {name}")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Waits for the call at work."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds):
            try:
                self._invoke(schedule_event(rule=self._name))
            except Exception:
                logger.exception("%s failed on its schedule", self._name)
