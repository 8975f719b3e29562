"""Videos for the tests: made with PyAV, edited in ways that PyAV does not offer, and the local stack's own."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

import av
from PIL import Image

from clipferry.media.leading_clip import CLIP_BYTES
from clipferry.media.mp4_scanner import MediaScanner
from local.film.render import render_film

LAYOUTS: Final = {
    "moov at the end": "",
    "moov in front": "faststart",
    "fragmented": "frag_keyframe+empty_moov+default_base_moof",
    "fragmented after a first part": "frag_keyframe",
    "fragmented by frame": "frag_every_frame+empty_moov",
    "dash": "dash",
    "cmaf": "cmaf",
}
QUICK: Final = {
    "libx264": {"preset": "ultrafast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "12"},
}
CORNERS: Final = ((220, 40, 40), (40, 200, 60), (50, 60, 220), (230, 220, 60))
"""Red, green, blue and yellow: `corners` shows them from the upper left to the lower right."""
PIXEL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c633821a7010002c0010fda4081b90000000049454e44ae426082"
)
"""A PNG of one pixel."""

Picture = Callable[[int, int, int], av.VideoFrame]


def grey(width: int, height: int, number: int) -> av.VideoFrame:
    """A grey that is a little lighter in every frame."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([number % 256]) * plane.buffer_size)
    return frame


def noise(width: int, height: int, number: int) -> av.VideoFrame:
    """Random pixels, which no encoder can compress."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane in frame.planes:
        plane.update(random.Random(number).randbytes(plane.buffer_size))
    return frame


def corners(width: int, height: int, number: int) -> av.VideoFrame:
    """CORNERS in the first frame, black afterwards."""
    image = Image.new("RGB", (2, 2))
    if number == 0:
        image.putdata(CORNERS)
    large = image.resize((width, height), Image.Resampling.NEAREST)
    # Players assume this where a file names no colour space.
    space = "itu709" if height >= 720 else "itu601"
    return av.VideoFrame.from_image(large).reformat(format="yuv420p", dst_colorspace=space, dst_color_range=1)


def film(
    path: Path,
    *,
    flags: str = "",
    codec: str = "libx264",
    width: int = 320,
    height: int = 180,
    frames: int = 61,
    picture: Picture = grey,
    pixel: Fraction | None = None,
    sound: bool = False,
) -> bytes:
    """An MP4 with 24 frames a second and a key frame every half second. `pixel` is the ratio of a pixel's sides."""
    options = {"movflags": flags} if flags else {}
    with _scheduled_as_before(), av.open(path, "w", format="mp4", options=options) as container:
        silence = container.add_stream("aac", rate=48_000, layout="mono") if sound else None
        stream = container.add_stream(codec, rate=24, options=QUICK.get(codec, {}))
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = width, height, "yuv420p", 12
        if pixel is not None:
            stream.codec_context.sample_aspect_ratio = pixel
        for number in range(frames):
            frame = picture(width, height, number)
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if silence is not None:
            container.mux([*silence.encode(_silence()), *silence.encode(None)])
    return path.read_bytes()


@contextmanager
def _scheduled_as_before() -> Iterator[None]:
    """For root SVT-AV1 makes its caller a real-time thread; all that it started later would starve the other tests."""
    if not hasattr(os, "sched_getscheduler"):  # Linux alone has it
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, priority)


@cache
def small_film() -> bytes:
    """A second of the fake providers' own film."""
    return render_film(prompt="a ferry", seconds=1, width=128, height=72, frames_per_second=4)


def recording(path: Path) -> bytes:
    """An MP4 with sound only."""
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        container.mux([*stream.encode(_silence()), *stream.encode(None)])
    return path.read_bytes()


def turned(data: bytes, *, a: int, b: int, c: int, d: int) -> bytes:
    """The video with a display matrix: its first track is shown at x' = a·x + c·y, y' = b·x + d·y."""
    matrix_at = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    matrix = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    return data[:matrix_at] + matrix + data[matrix_at + 36 :]


def leading_clip(data: bytes, *, clip_bytes: int = CLIP_BYTES, step: int = 1 << 18) -> bytes | None:
    """What the scanner keeps of a file that it is given in chunks of `step` bytes."""
    scanner = MediaScanner(clip_bytes=clip_bytes)
    for start in range(0, len(data), step):
        scanner.feed(data[start : start + step])
    return scanner.leading_clip()


def box_starts(data: bytes) -> dict[bytes, int]:
    """The offset of the first top-level box of each kind."""
    starts: dict[bytes, int] = {}
    start = 0
    while start < len(data):
        size, kind = struct.unpack_from(">I4s", data, start)
        starts.setdefault(kind, start)
        start += size
    return starts


def _silence() -> av.AudioFrame:
    frame = av.AudioFrame("fltp", "mono", 1024)
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
    return frame
