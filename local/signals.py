"""Turns Ctrl-C, SIGTERM and a closed terminal into an event: no start and no end is ever interrupted half-way."""

from __future__ import annotations

import os
import select
import signal
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Event, Thread, main_thread
from typing import Any, Final

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_requested() -> Iterator[Event]:
    """Yields an event that the first signal sets; a second one raises KeyboardInterrupt.

    SIGHUP says that the terminal has gone: what is written afterwards goes nowhere, and a second one changes nothing.
    A process that was told to ignore it, by `nohup`, goes on ignoring it.
    """
    stop, is_asked = Event(), False

    def request(number: int, _frame: Any) -> None:
        nonlocal is_asked
        if number == signal.SIGHUP:
            _silence()
        elif is_asked:
            raise KeyboardInterrupt
        is_asked = True

    is_nohup = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN  # a shell ignores SIGINT in the background, too
    wanted = [number for number in ENDING if not (is_nohup and number == signal.SIGHUP)]
    before = {number: signal.signal(number, request) for number in wanted}
    try:
        with _set_by_signals(stop, wanted), _terminal_watched(is_nohup=is_nohup):
            yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _set_by_signals(stop: Event, wanted: Collection[int]) -> Iterator[None]:
    """Sets the event from a thread that learns of signals by a pipe.

    A handler runs in the main thread alone, between two of its steps: never, if the signal came just before the main
    thread began to wait for the event; and it could wait for the event's lock, which the main thread holds by then.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def watch() -> None:
        while number := os.read(reader, 1):
            if number[0] in wanted:
                stop.set()

    watcher = Thread(target=watch, name="signals", daemon=True)
    watcher.start()
    before = signal.set_wakeup_fd(writer)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        watcher.join()
        os.close(reader)


@contextmanager
def _terminal_watched(*, is_nohup: bool) -> Iterator[None]:
    """Sends this process SIGHUP when its terminal has gone.

    The kernel sends one to the first process of the terminal alone: a shell passes it on, but make doesn't, and
    `ssh -t HOST make dev` has no shell.
    """
    terminal = next((descriptor for descriptor in (0, 1, 2) if os.isatty(descriptor)), None)
    if terminal is None or is_nohup:
        yield
        return
    reader, writer = os.pipe()
    watcher = Thread(target=_wait_for_hangup, args=(terminal, reader), name="terminal", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        os.close(writer)
        watcher.join()
        os.close(reader)


def _wait_for_hangup(terminal: int, end: int) -> None:
    """Waits until the terminal has gone, or `end` is closed at its other side."""
    poll = select.poll()
    poll.register(terminal, 0)  # POLLHUP comes without being asked for
    poll.register(end, 0)
    if any(descriptor == terminal and seen & select.POLLHUP for descriptor, seen in poll.poll()):
        signal.pthread_kill(main_thread().ident or 0, signal.SIGHUP)


def _silence() -> None:
    """Writing to a terminal that has gone, or to a pipe whose reader went with it, is an error; to a file it is not."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.dup2(nowhere, descriptor)
    os.close(nowhere)
