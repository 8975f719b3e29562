"""Runs a fake provider's tasks: a film is rendered, time passes, the callback goes out."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from local.file_server import ServedFile
from local.film import render
from local.providers.callback_sender import Callback, CallbackSender
from local.providers.faults import Failure, Faults, Question

FRAMES_PER_SECOND = 12
"""Half of a real film's, for half of its rendering time."""
OVERTAKING_SECONDS = 1.0
_SHORT_SIDES = {"2k": "1440p", "4k": "2160p"}

CANCELLED = Failure(code="client_cancelled", message="Cancelled by the client")

State = Literal["pending", "processing", "completed", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmOrder:
    """The film to make; width and height in pixels."""

    prompt: str
    seconds: int
    width: int
    height: int

    @classmethod
    def shaped(cls, prompt: str, seconds: int, *, ratio: str, quality: str) -> FilmOrder:
        """`ratio` and `quality` are a provider's words: "auto" and "adaptive" leave the ratio to the model."""
        shape, short_side = "16:9" if ratio.lower() in ("auto", "adaptive") else ratio, quality.lower()
        width, height = render.frame_size(shape, _SHORT_SIDES.get(short_side, short_side))
        return cls(prompt=prompt, seconds=seconds, width=width, height=height)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder:
    """A submit that the provider's rules allow."""

    model: str
    film: FilmOrder
    callback_url: str | None
    body: dict[str, Any]
    """The submit's, as it was sent."""


@dataclass(slots=True, kw_only=True)
class Task:
    id: str
    model: str
    order: FilmOrder
    body: dict[str, Any] = field(default_factory=dict)
    """The submit's, as it was sent."""
    callback_url: str | None
    created: int
    """Unix seconds."""
    takes: float
    """Seconds from submission to the end, or longer if the film isn't rendered by then."""
    faults: Faults = field(default_factory=Faults)
    """May be replaced while the task runs: its result and its callbacks follow."""
    started: float = field(default_factory=time.monotonic)
    file: ServedFile | None = None
    failure: Failure | None = None
    called_back: threading.Event = field(default_factory=threading.Event)
    """Set after the first callback was attempted, or when there is none to come."""
    _questions: Iterator[int] = field(default_factory=itertools.count)

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
        """0 to 1; 1 as soon as the time is over, even if the film isn't ready."""
        return min(1.0, (time.monotonic() - self.started) / self.takes) if self.takes else 1.0

    def cancel(self) -> bool:
        """Whether that ends it: one that is over stays as it is."""
        if self.ended:
            return False
        self.failure = CANCELLED
        return True

    def next_question(self) -> Question | None:
        """The fault of the next query about it; None when it is to be answered."""
        number = next(self._questions)
        return self.faults.questions[number] if number < len(self.faults.questions) else None


class TaskRunner:
    """One thread a task. `interrupt`, then `join`, ends them all, whatever they wait for."""

    def __init__(
        self,
        *,
        sender: CallbackSender,
        callback: Callable[[Task], Callback],
        forgeries: Callable[[Task], Iterable[Callback]],
        film: bytes | None = None,
    ) -> None:
        """`callback` makes the callback for a task that has ended, `forgeries` those that others send for it.

        `film` is every task's result: rendering each takes longer than a test has.
        """
        self._sender = sender
        self._forger = CallbackSender(timeout=OVERTAKING_SECONDS, retry_delays=())
        self._callback = callback
        self._forgeries = forgeries
        self.on_end: Callable[[Task], None] = lambda _: None
        """Called when a task has ended and called back, unless the runner was interrupted."""
        self._threads: list[threading.Thread] = []
        self._interrupted = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._render = lru_cache(maxsize=32)(_render)
        self._ready_film = None if film is None else ServedFile.of(film, content_type="video/mp4")

    def start(self, task: Task) -> None:
        thread = threading.Thread(target=self._live, args=(task,), name=task.id)
        self._threads = [other for other in self._threads if other.is_alive()] + [thread]
        thread.start()

    def wait(self, seconds: float) -> bool:
        """Sleeps, unless the runner is interrupted; returns whether it was."""
        return self._interrupted.wait(seconds)

    def interrupt(self) -> None:
        self._interrupted.set()
        self._sender.interrupt()
        self._forger.interrupt()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _live(self, task: Task) -> None:
        try:
            failure = task.faults.fail
            file = None if failure else self._film(task.order)
            rest = 0 if task.faults.early_callback else task.started + task.takes - time.monotonic()
            if self.wait(max(0, rest)):
                return
            if not task.ended:
                task.file, task.failure = file, failure
            if not task.faults.lost:
                self._call_back(task)
            if not self._interrupted.is_set():
                self.on_end(task)
        finally:
            task.called_back.set()

    def _film(self, order: FilmOrder) -> ServedFile | None:
        """Renders one film at a time: it is pure CPU, and two at once take longer in the end."""
        if self._ready_film is not None:
            return self._ready_film
        with self._one_at_a_time:
            return None if self._interrupted.is_set() else self._render(order)

    def _call_back(self, task: Task) -> None:
        if self.wait(task.faults.late):
            return
        if task.faults.overtaken:
            self._wait_to_be_overtaken()
        if task.faults.forged and task.callback_url is not None:
            for forged in self._forgeries(task):
                self._forger.deliver(forged)
        for _ in range(task.faults.callbacks):
            self._deliver(task)
        if task.faults.fail_later is not None:
            task.failure = task.faults.fail_later
            if task.faults.callbacks:
                self._deliver(task)

    def _deliver(self, task: Task) -> None:
        if task.callback_url is not None:
            self._sender.deliver(self._callback(task), attempted=task.called_back)

    def _wait_to_be_overtaken(self) -> None:
        sent, give_up = len(self._sender.attempts), time.monotonic() + OVERTAKING_SECONDS
        while len(self._sender.attempts) == sent and time.monotonic() < give_up:
            if self.wait(0.02):
                return


def _render(order: FilmOrder) -> ServedFile:
    content = render.render_film(
        prompt=order.prompt,
        seconds=order.seconds,
        width=order.width,
        height=order.height,
        frames_per_second=FRAMES_PER_SECOND,
    )
    return ServedFile.of(content, content_type="video/mp4")
