"""Sends what handlers print and log to a temporary file, which can be read."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TextIO

_OURS: Final = logging.getLogger("local")


@contextmanager
def quiet_logs() -> Iterator[Callable[[], str]]:
    """Standard output and every log go to a file meanwhile; yields a function that reads what has come so far."""
    with TemporaryDirectory(prefix="clipferry-log-") as folder, (Path(folder) / "log").open("w") as log:
        before = sys.stdout
        handler = logging.StreamHandler(log)
        _OURS.addHandler(handler)
        _OURS.propagate = False
        try:
            with redirect_stdout(log):
                _move_handlers(before, log)
                yield lambda: _read(log)
        finally:
            _OURS.propagate = True
            _OURS.removeHandler(handler)
            _move_handlers(log, before)


def _read(log: TextIO) -> str:
    log.flush()
    return Path(log.name).read_text()


def _move_handlers(old: TextIO, new: TextIO) -> None:
    """A logger keeps the stream that was standard output when it was made."""
    for logger in list(logging.root.manager.loggerDict.values()):
        for handler in logger.handlers if isinstance(logger, logging.Logger) else ():
            if isinstance(handler, logging.StreamHandler) and handler.stream is old:
                handler.setStream(new)
