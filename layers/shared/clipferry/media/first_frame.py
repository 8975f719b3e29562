"""A film's first picture as a JPEG, by PyAV: upright, in its right shape and colours.

Only `thumbnail_child` imports this, in a process that may be lost.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from io import BytesIO
from typing import Any, Final

import av
import av.subtitles.codeccontext
import av.subtitles.stream  # these two PyAV imports on first use, when no file can be opened any more
from av.codec.context import Flags
from av.container import InputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

DECODERS: Final = frozenset({"h264", "hevc", "vp9", "libdav1d", "av1", "mpeg4"})
MAX_PIXELS: Final = 8192 * 4320
_QUALITY: Final = 4  # the encoder's scale goes from 2, the best, to 31
_UNSPECIFIED: Final = 2  # AVCOL_SPC_UNSPECIFIED
_FULL_RANGE: Final = 2  # AVCOL_RANGE_JPEG
_LENIENT: Final[dict[str, Any]] = {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
"""Titles that aren't UTF-8 stop PyAV 18; 19, for Python from 3.12 on, has no such option, and no need of it."""
_ANY_TIME_BASE: Final = Fraction(1, 25)
_UPRIGHT: Final = (1, 0, 0, 0, 1, 0, 0, 0, 1)


def first_picture(film: bytes, *, width: int, height: int) -> bytes | None:
    """A JPEG of at most `width` by `height` pixels, never enlarged; None when there is no picture to decode.

    Raises av.FFmpegError for what isn't an MP4 or doesn't decode.
    """
    # Probing decodes the first picture too, with any codec the film names; it has nothing to tell us.
    with av.open(BytesIO(film), "r", format="mp4", options={"codec_whitelist": "none"}, **_LENIENT) as container:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream) or not _has_decoder(stream):
            return None
        picture = _decode_first(container, stream)
        if picture is None:
            return None
        ratio = stream.sample_aspect_ratio
        pixel = Fraction(ratio.numerator, ratio.denominator) if ratio else Fraction(1)
        return _encode(_displayed(picture, pixel, width=width, height=height))


def _has_decoder(stream: VideoStream) -> bool:
    return stream.codec_context is not None and stream.codec_context.name in DECODERS  # None: PyAV knows no such codec


def _decode_first(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    decoder = stream.codec_context
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    for packet in container.demux(stream):
        cut_off = packet.is_corrupt  # half a picture is worse than none
        for picture in decoder.decode(None if cut_off else packet):
            return picture
        if cut_off:
            return None
    return None


def _displayed(picture: VideoFrame, pixel: Fraction, *, width: int, height: int) -> VideoFrame:
    """Fitted into `width` by `height`, its pixels made square, then turned as the film wants it."""
    turns = _turns(picture)
    limits = (height, width) if "transpose" in turns else (width, height)
    across, down = picture.width * pixel, Fraction(picture.height)
    scale = min(Fraction(1), limits[0] / across, limits[1] / down)
    # A JPEG is BT.601 at full range. Players take a film that doesn't say for BT.709 from 720 lines on.
    is_709_unsaid = picture.colorspace == _UNSPECIFIED and picture.height >= 720
    fitted = picture.reformat(
        width=max(round(across * scale), 1),
        height=max(round(down * scale), 1),
        format="yuvj420p",
        src_colorspace="itu709" if is_709_unsaid else None,
        dst_colorspace="itu601",
        dst_color_range=_FULL_RANGE,
        interpolation="AREA",
        threads=1,
    )
    return _turn(fitted, turns) if turns else fitted


def _turns(picture: VideoFrame) -> list[str]:
    """The filters that do what the display matrix says: x' = a·x + c·y, y' = b·x + d·y, all of them 1, 0 or -1."""
    matrix = picture.side_data.get("DISPLAYMATRIX")
    a, b, _, c, d, *_ = struct.unpack("9i", bytes(matrix)) if matrix else _UPRIGHT
    if abs(b) > abs(a):
        return ["transpose"] + ["hflip"] * (c < 0) + ["vflip"] * (b < 0)
    return ["hflip"] * (a < 0) + ["vflip"] * (d < 0)


def _turn(picture: VideoFrame, filters: list[str]) -> VideoFrame:
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=picture.width, height=picture.height, format=picture.format, time_base=_ANY_TIME_BASE
    )
    graph.link_nodes(source, *map(graph.add, filters), graph.add("buffersink")).configure()
    graph.vpush(picture)
    return graph.vpull()


def _encode(picture: VideoFrame) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuvj420p"
    encoder.time_base = _ANY_TIME_BASE
    encoder.sample_aspect_ratio = Fraction(1)
    encoder.thread_count = 1
    encoder.qmin = encoder.qmax = _QUALITY
    encoder.flags |= Flags.bitexact  # without the encoder's name in it
    return b"".join(map(bytes, encoder.encode(picture) + encoder.encode(None)))
