"""A short film that shows its own prompt: what a fake provider hands out as the generated video."""

from __future__ import annotations

import io
import re
from fractions import Fraction

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from local.film.scene import Scene


def frame_size(aspect_ratio: str, quality: str) -> tuple[int, int]:
    """Width and height in even pixels, of "16:9" or "1280x720" with the short side that "720p" names.

    Raises ValueError for any other spelling.
    """
    ratio = re.fullmatch(r"([1-9]\d{0,3})[:x]([1-9]\d{0,3})", aspect_ratio)
    if ratio is None or re.fullmatch(r"[1-9]\d{1,3}p", quality) is None:
        raise ValueError(f"not an aspect ratio and a quality: {aspect_ratio!r}, {quality!r}")
    across, down = int(ratio[1]), int(ratio[2])
    scale = Fraction(int(quality[:-1]), min(across, down))
    return _even(across * scale), _even(down * scale)


def render_film(
    *, prompt: str, seconds: int, width: int, height: int, frames_per_second: int = 24, faststart: bool = True
) -> bytes:
    """An MP4 of exactly `seconds`: one silent H.264 track (MPEG-4 where PyAV has no x264), always the same.

    `width` and `height` are even pixels. `faststart` puts the index (`moov`) in front of the pictures, as
    providers do; without it, it comes last, and a reader has to look there.
    """
    scene = Scene(prompt=prompt, width=width, height=height, seconds=seconds)
    frames = seconds * frames_per_second
    file = io.BytesIO()
    # The muxer's own `faststart` opens the file a second time, which no buffer allows: keep room in front.
    options = {"moov_size": str(4096 + 32 * frames)} if faststart else {}
    with av.open(file, "w", format="mp4", options=options) as container:
        stream = _add_stream(container, width, height, frames_per_second)
        for number in range(frames):
            frame = av.VideoFrame.from_image(scene.picture(at=number / frames_per_second))
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def _add_stream(container: OutputContainer, width: int, height: int, rate: int) -> VideoStream:
    has_x264 = "libx264" in av.codecs_available
    options = {"preset": "ultrafast", "crf": "24"} if has_x264 else {"b": "2M"}
    stream = container.add_stream("libx264" if has_x264 else "mpeg4", rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.gop_size = rate * 2
    stream.codec_context.thread_count = 1  # x264 writes the number of threads into the file
    return stream


def _even(length: Fraction) -> int:
    return round(length / 2) * 2
