"""Takes what handlers print and log: into a file that can be read, or line by line to a view of them."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pdb import Pdb
from tempfile import TemporaryFile
from typing import Any, Final, TextIO

_OURS: Final = logging.getLogger("local")


@contextmanager
def quiet_logs() -> Iterator[Callable[[], str]]:
    """Standard output and every log go to a file meanwhile; yields a function that reads what has come so far.

    The file has no name, so that none is left, however the process ends.
    """
    with TemporaryFile("w+") as log, _taken(log):
        yield lambda: _read(log)


@contextmanager
def lines_to(take: Callable[[str], None]) -> Iterator[None]:
    """Hands each line to `take` that handlers print, and that this package logs; `breakpoint()` keeps its terminal."""
    lines, screen, hook = _Lines(take), sys.stdout, sys.breakpointhook

    def stop_in_caller(*_: Any, **__: Any) -> None:
        Pdb(stdout=screen).set_trace(sys._getframe(1))  # noqa: SLF001 - as pdb.set_trace does

    if hook is sys.__breakpointhook__ and "PYTHONBREAKPOINT" not in os.environ:
        sys.breakpointhook = stop_in_caller
    try:
        with _taken(lines):
            yield
    finally:
        sys.breakpointhook = hook


@contextmanager
def _taken(log: Any) -> Iterator[None]:
    before = sys.stdout
    handler = logging.StreamHandler(log)
    _OURS.addHandler(handler)
    _OURS.propagate = False
    try:
        with redirect_stdout(log):
            _move_handlers(before, log)
            yield
    finally:
        _OURS.propagate = True
        _OURS.removeHandler(handler)
        _move_handlers(log, before)


class _Lines(io.TextIOBase):
    """Makes lines of what is written, for each thread: two of them may print at once."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._thread = threading.local()

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        *lines, rest = (getattr(self._thread, "rest", "") + text).split("\n")
        self._thread.rest = rest
        for line in lines:
            self._take(line)
        return len(text)


def _read(log: TextIO) -> str:
    log.flush()
    return os.pread(log.fileno(), os.fstat(log.fileno()).st_size, 0).decode()


def _move_handlers(old: Any, new: Any) -> None:
    """A logger keeps the stream that was standard output when it was made."""
    for logger in list(logging.root.manager.loggerDict.values()):
        for handler in logger.handlers if isinstance(logger, logging.Logger) else ():
            if isinstance(handler, logging.StreamHandler) and handler.stream is old:
                handler.setStream(new)
