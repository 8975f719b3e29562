"""A video's thumbnail, made by a worker process: a crash there costs the thumbnail, never the video.

This process never imports PyAV, and the worker inherits no environment variable but those that Python needs.
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
from enum import StrEnum
from pathlib import Path
from typing import Final

from clipferry.media import thumbnail_worker
from clipferry.observability import count, logger

WIDTH: Final = 640
MAX_HEIGHT_RATIO: Final = 4
"""A thumbnail's height is at most this many times its greatest width."""
MAX_JPEG_BYTES: Final = 2 * 1024 * 1024
WORKER_COMMAND: Final = (sys.executable, "-S", "-P", "-B", "-m", thumbnail_worker.__name__)
"""Runs without `site`, without the current directory on the path, and without writing bytecode; PYTHONPATH is ours."""
_INHERITED: Final = ("PATH", "LANG", "LD_LIBRARY_PATH")


class MissReason(StrEnum):
    """Why a video has no thumbnail; the dimension `reason` of the metric ThumbnailsMissed."""

    NO_PICTURE = "no_picture"
    NO_DECODER = "no_decoder"
    NOT_SANDBOXED = "not_sandboxed"
    UNDECODABLE = "undecodable"
    TOO_SLOW = "too_slow"
    CRASHED = "crashed"
    BAD_ANSWER = "bad_answer"
    NOT_STARTED = "not_started"
    NOT_STORED = "not_stored"


_REASONS: Final = {
    thumbnail_worker.NO_DECODER: MissReason.NO_DECODER,
    thumbnail_worker.UNDECODABLE: MissReason.UNDECODABLE,
    thumbnail_worker.NOT_SANDBOXED: MissReason.NOT_SANDBOXED,
    -signal.SIGXCPU: MissReason.TOO_SLOW,
}
"""The reason for each exit status of the worker."""


class _NoThumbnailError(Exception):
    """There will be no thumbnail, and why."""

    def __init__(self, reason: MissReason) -> None:
        super().__init__(reason)
        self.reason = reason


def make_thumbnail(
    clip: bytes | None, *, width: int = WIDTH, timeout_seconds: float = 10, command: Sequence[str] = WORKER_COMMAND
) -> bytes | None:
    """Returns the first frame of the MP4 `clip` (`MediaScanner.leading_clip`) as a JPEG, at most `width` pixels wide.

    It is never enlarged. No video makes this raise: without a thumbnail it returns None, writes a line to the log and
    counts in the metric ThumbnailsMissed, by MissReason. `command` is called with the largest width and height; it
    reads an MP4 from stdin and writes a JPEG to stdout.
    """
    try:
        return _thumbnail(clip, width, [*command, str(width), str(MAX_HEIGHT_RATIO * width)], timeout_seconds)
    except _NoThumbnailError as missed:
        logger.warning("no thumbnail", reason=missed.reason)
        count("ThumbnailsMissed", reason=missed.reason)
        return None


def _thumbnail(clip: bytes | None, width: int, command: Sequence[str], seconds: float) -> bytes:
    if clip is None:
        raise _NoThumbnailError(MissReason.NO_PICTURE)
    jpeg = _run_worker(command, clip, seconds)
    across, down = jpeg_size(jpeg)
    if not (0 < across <= width and 0 < down <= MAX_HEIGHT_RATIO * width):
        raise _NoThumbnailError(MissReason.BAD_ANSWER)
    return jpeg


def _run_worker(command: Sequence[str], clip: bytes, seconds: float) -> bytes:
    """Returns what the worker printed, which isn't validated yet. The worker is killed after `seconds`."""
    try:
        worker = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
        )
    except OSError:
        raise _NoThumbnailError(MissReason.NOT_STARTED) from None
    too_slow = threading.Event()
    timer = threading.Timer(seconds, lambda: (too_slow.set(), worker.kill()))
    timer.start()
    try:
        answer = _exchange(worker, clip)
    finally:
        timer.cancel()
    if too_slow.is_set():
        raise _NoThumbnailError(MissReason.TOO_SLOW)
    if len(answer) > MAX_JPEG_BYTES:
        raise _NoThumbnailError(MissReason.BAD_ANSWER)
    if worker.returncode != 0:
        raise _NoThumbnailError(_REASONS.get(worker.returncode, MissReason.CRASHED))
    return answer


def _exchange(worker: subprocess.Popen[bytes], clip: bytes) -> bytes:
    """Sends the clip and reads the answer, at most one byte more than allowed; ends when the worker does."""
    with worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        with suppress(BrokenPipeError), worker.stdin as pipe:  # it may have ended already; its exit status says why
            pipe.write(clip)
        answer = worker.stdout.read(MAX_JPEG_BYTES + 1)
        if len(answer) > MAX_JPEG_BYTES:
            worker.kill()
    return answer


def _environment() -> dict[str, str]:
    """The variables that Python needs to find itself and its packages; no secret is among them."""
    path = os.pathsep.join(folder for folder in sys.path if Path(folder).is_absolute())
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | {"PYTHONPATH": path}


def jpeg_size(jpeg: bytes) -> tuple[int, int]:
    """Width and height in pixels, from the frame header of a baseline JPEG (SOF0; ITU-T T.81, B.2.2)."""
    if not (jpeg.startswith(b"\xff\xd8\xff") and jpeg.endswith(b"\xff\xd9")):
        raise _NoThumbnailError(MissReason.BAD_ANSWER)
    start = 2
    while start + 9 <= len(jpeg):
        marker, length = struct.unpack_from(">HH", jpeg, start)
        if marker == 0xFFC0:
            height, width = struct.unpack_from(">HH", jpeg, start + 5)
            return width, height
        start += 2 + length
    raise _NoThumbnailError(MissReason.BAD_ANSWER)
