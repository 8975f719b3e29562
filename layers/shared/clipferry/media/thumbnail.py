"""A film's thumbnail, made by a process of its own: whatever happens in there costs the thumbnail, never the film.

This process never imports PyAV, and the other one gets nothing of its environment but where Python's packages are.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clipferry.media import thumbnail_worker
from clipferry.observability import count, logger

WIDTH: Final = 640
TALLEST: Final = 4
"""A thumbnail is at most so many times as high as it may be wide."""
MAX_JPEG_BYTES: Final = 2 * 1024 * 1024
CHILD: Final = (sys.executable, "-S", "-P", "-B", "-m", thumbnail_worker.__name__)
"""Without `site`, the directory it starts in, and bytecode to write: its path is ours, as PYTHONPATH."""
_INHERITED: Final = ("PATH", "LANG", "LD_LIBRARY_PATH")
_REASONS: Final = {
    thumbnail_worker.NO_DECODER: "no_decoder",
    thumbnail_worker.NO_PICTURE: "undecodable",
    thumbnail_worker.UNCONFINED: "unconfined",
    -signal.SIGXCPU: "too_slow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    jpeg: bytes
    width: int
    height: int
    """Pixels."""


class _Missed(Exception):  # noqa: N818
    """There will be no thumbnail; the message is a word for the metric."""


def make_thumbnail(
    head: bytes | None, *, width: int = WIDTH, timeout_seconds: float = 10, command: Sequence[str] = CHILD
) -> Thumbnail | None:
    """The first picture of the MP4 `head` (`MediaScanner.head`), at most `width` pixels wide and never enlarged.

    Never raises for what a film can do: then it is None, a line in the log, and one more in `ThumbnailsMissed`, whose
    `reason` is no_picture, no_decoder, unconfined, undecodable, too_slow, crashed, bad_answer or not_started.
    `command`, given a greatest width and height, reads an MP4 and writes a JPEG.
    """
    try:
        return _thumbnail(head, width, [*command, str(width), str(TALLEST * width)], timeout_seconds)
    except _Missed as missed:
        logger.warning("no thumbnail", reason=str(missed))
        count("ThumbnailsMissed", reason=str(missed))
        return None


def _thumbnail(head: bytes | None, width: int, command: Sequence[str], seconds: float) -> Thumbnail:
    if head is None:
        raise _Missed("no_picture")
    jpeg = _ask(command, head, seconds)
    across, down = _jpeg_size(jpeg)
    if not (0 < across <= width and 0 < down <= TALLEST * width):
        raise _Missed("bad_answer")
    return Thumbnail(jpeg=jpeg, width=across, height=down)


def _ask(command: Sequence[str], head: bytes, seconds: float) -> bytes:
    """What `command` answers; it is over after `seconds`, and none of its output is believed."""
    try:
        child = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
        )
    except OSError:
        raise _Missed("not_started") from None
    too_slow = threading.Event()
    watch = threading.Timer(seconds, lambda: (too_slow.set(), child.kill()))
    watch.start()
    try:
        answer = _converse(child, head)
    finally:
        watch.cancel()
    if too_slow.is_set():
        raise _Missed("too_slow")
    if len(answer) > MAX_JPEG_BYTES:
        raise _Missed("bad_answer")
    if child.returncode != 0:
        raise _Missed(_REASONS.get(child.returncode, "crashed"))
    return answer


def _converse(child: subprocess.Popen[bytes], head: bytes) -> bytes:
    """At most one byte too many. No step of this outlasts the child."""
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        with suppress(BrokenPipeError), child.stdin as pipe:  # it may have ended already, with its reason
            pipe.write(head)
        answer = child.stdout.read(MAX_JPEG_BYTES + 1)
        if len(answer) > MAX_JPEG_BYTES:
            child.kill()
    return answer


def _environment() -> dict[str, str]:
    """What Python needs to find itself and its packages: not a secret among it."""
    path = os.pathsep.join(place for place in sys.path if Path(place).is_absolute())
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | {"PYTHONPATH": path}


def _jpeg_size(jpeg: bytes) -> tuple[int, int]:
    """Width and height, by the frame header of ITU-T T.81 §B.2.2 (baseline: SOF0)."""
    if not (jpeg.startswith(b"\xff\xd8\xff") and jpeg.endswith(b"\xff\xd9")):
        raise _Missed("bad_answer")
    start = 2
    while start + 9 <= len(jpeg):
        marker, length = struct.unpack_from(">HH", jpeg, start)
        if marker == 0xFFC0:
            height, width = struct.unpack_from(">HH", jpeg, start + 5)
            return width, height
        start += 2 + length
    raise _Missed("bad_answer")
