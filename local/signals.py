"""Turns Ctrl-C, SIGTERM and a closed terminal into an event: no start and no end is ever interrupted half-way."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any, Final

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_requested() -> Iterator[Event]:
    """Yields an event that the first signal sets; a second one raises KeyboardInterrupt.

    SIGHUP says that the terminal has gone: what is written afterwards goes nowhere, and a second one changes nothing
    (make and the terminal each send one). A process that was told to ignore it, by `nohup`, goes on ignoring it.
    """
    stop = Event()

    def request(number: int, _frame: Any) -> None:
        if number == signal.SIGHUP:
            _silence()
        elif stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    is_nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN  # a shell ignores SIGINT in the background, too
    wanted = [number for number in ENDING if not (is_nohup and number == signal.SIGHUP)]
    before = {number: signal.signal(number, request) for number in wanted}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _silence() -> None:
    """Writing to a terminal that has gone, or to a pipe whose reader went with it, is an error; to a file it is not."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.dup2(nowhere, descriptor)
    os.close(nowhere)
