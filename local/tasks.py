"""The life of a fake provider's tasks: a film is rendered, time passes, the callback goes out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from local import film
from local.callback_sender import CallbackSender
from local.faults import Failure, Faults
from local.file_server import ServedFile

FRAMES_PER_SECOND = 12
"""Half of a real film's, for half of its rendering time."""

State = Literal["pending", "processing", "completed", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmOrder:
    """What is to be made; width and height in pixels."""

    prompt: str
    seconds: int
    width: int
    height: int


@dataclass(slots=True, kw_only=True)
class Task:
    id: str
    model: str
    order: FilmOrder
    callback_url: str | None
    created: int
    """Unix seconds."""
    takes: float
    """Seconds from submission to the end, or longer if the film isn't rendered by then."""
    faults: Faults = field(default_factory=Faults)
    """May be replaced while the task lives: what is handed out and called back follows."""
    started: float = field(default_factory=time.monotonic)
    file: ServedFile | None = None
    failure: Failure | None = None
    called_back: threading.Event = field(default_factory=threading.Event)
    """Set after the first callback was attempted, or when there is none to come."""

    @property
    def ended(self) -> bool:
        return self.file is not None or self.failure is not None

    @property
    def state(self) -> State:
        if self.ended:
            return "failed" if self.failure else "completed"
        return "pending" if self.elapsed_share < 0.25 else "processing"

    @property
    def elapsed_share(self) -> float:
        """From 0 to 1; 1 as soon as the time is over, even if the film isn't ready."""
        return min(1.0, (time.monotonic() - self.started) / self.takes) if self.takes else 1.0


class TaskRunner:
    """One thread a task. `interrupt`, then `join`, ends them all, whatever they wait for."""

    def __init__(self, *, sender: CallbackSender, report: Callable[[Task], bytes]) -> None:
        """`report` is the callback's body for a task that has ended."""
        self._sender = sender
        self._report = report
        self._threads: list[threading.Thread] = []
        self._interrupted = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._render = lru_cache(maxsize=32)(_render)

    def start(self, task: Task) -> None:
        thread = threading.Thread(target=self._live, args=(task,), name=task.id)
        self._threads = [other for other in self._threads if other.is_alive()] + [thread]
        thread.start()

    def interrupt(self) -> None:
        self._interrupted.set()
        self._sender.interrupt()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _live(self, task: Task) -> None:
        try:
            failure = task.faults.fail
            file = None if failure else self._film(task.order)
            rest = 0 if task.faults.early_callback else task.started + task.takes - time.monotonic()
            if self._interrupted.wait(max(0, rest)):
                return
            task.file, task.failure = file, failure
            self._call_back(task)
        finally:
            task.called_back.set()

    def _film(self, order: FilmOrder) -> ServedFile | None:
        """Rendering is pure CPU: side by side takes longer in the end, and the same film twice is a waste."""
        with self._one_at_a_time:
            return None if self._interrupted.is_set() else self._render(order)

    def _call_back(self, task: Task) -> None:
        if task.callback_url is None:
            return
        for _ in range(task.faults.callbacks):
            self._sender.deliver(task.callback_url, self._report(task), attempted=task.called_back)


def _render(order: FilmOrder) -> ServedFile:
    content = film.render_film(
        prompt=order.prompt,
        seconds=order.seconds,
        width=order.width,
        height=order.height,
        frames_per_second=FRAMES_PER_SECOND,
    )
    return ServedFile.of(content, content_type="video/mp4")
