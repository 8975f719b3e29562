"""Turns Ctrl-C and SIGTERM into an event, so that a start or an end is never interrupted half-way."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any


@contextmanager
def stop_requested() -> Iterator[Event]:
    """Yields an event that the first signal sets; a second one raises KeyboardInterrupt."""
    stop = Event()

    def request(_number: int, _frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
