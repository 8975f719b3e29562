"""The first frame of a video as a JPEG, made with PyAV: turned upright, with square pixels and the right colours.

Only `thumbnail_worker` imports this module, in a process that may crash.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from io import BytesIO
from typing import Any, Final

import av
import av.subtitles.codeccontext
import av.subtitles.stream  # PyAV imports these two on first use, and by then the sandbox lets no file be opened
from av.codec.context import Flags
from av.container import InputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clipferry.media import tone_mapping

DECODERS: Final = frozenset({"h264", "hevc", "vp9", "libdav1d", "av1", "mpeg4"})
MAX_PIXELS: Final = 8192 * 4320
_QUALITY: Final = 4  # the encoder's scale goes from 2, the best, to 31
_UNSPECIFIED: Final = 2  # AVCOL_SPC_UNSPECIFIED
_FULL_RANGE: Final = 2  # AVCOL_RANGE_JPEG
_SRGB: Final = 13  # AVCOL_TRC_IEC61966_2_1
_BT709: Final = 1  # AVCOL_PRI_BT709
_LENIENT: Final[dict[str, Any]] = {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
"""PyAV 18 fails on titles that aren't UTF-8; PyAV 19, for Python 3.12 and later, neither needs nor has the option."""
_ANY_TIME_BASE: Final = Fraction(1, 25)
_UPRIGHT: Final = (1, 0, 0, 0, 1, 0, 0, 0, 1)
_ROTATED: Final = {
    90: (0, -1, 0, 1, 0, 0, 0, 0, 1),
    180: (-1, 0, 0, 0, -1, 0, 0, 0, 1),
    270: (0, 1, 0, -1, 0, 0, 0, 0, 1),
}
"""Display matrices by degrees counter-clockwise."""


def first_frame(film: bytes, *, width: int, height: int) -> bytes | None:
    """Returns a JPEG of at most `width` by `height` pixels, never enlarged; None when there is no frame to decode.

    Raises av.FFmpegError for what isn't an MP4 or doesn't decode.
    """
    # Without this, probing would decode the first frame, too, with any codec that the file names.
    with av.open(BytesIO(film), "r", format="mp4", options={"codec_whitelist": "none"}, **_LENIENT) as container:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream) or not _has_decoder(stream):
            return None
        frame = _decode_first(container, stream)
        if frame is None:
            return None
        # The file's own word first; the codec's parameter sets are known once a frame is decoded.
        ratio = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
        pixel = Fraction(ratio.numerator, ratio.denominator) if ratio else Fraction(1)
        return _encode(_as_displayed(frame, pixel, width=width, height=height))


def _has_decoder(stream: VideoStream) -> bool:
    return stream.codec_context is not None and stream.codec_context.name in DECODERS  # None: PyAV knows no such codec


def _decode_first(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    decoder = stream.codec_context
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    for packet in container.demux(stream):
        cut_off = packet.is_corrupt  # half a frame is worse than none
        for frame in decoder.decode(None if cut_off else packet):
            return frame
        if cut_off:
            return None
    return None


def _as_displayed(frame: VideoFrame, pixel: Fraction, *, width: int, height: int) -> VideoFrame:
    """Scales the frame to fit `width` by `height`, makes its pixels square, and rotates it as a player does."""
    filters = _rotation_filters(frame)
    limits = (height, width) if "transpose" in filters else (width, height)
    across, down = frame.width * pixel, Fraction(frame.height)
    scale = min(Fraction(1), limits[0] / across, limits[1] / down)
    size = max(round(across * scale), 1), max(round(down * scale), 1)
    fitted = _fit_hdr(frame, size) if frame.color_trc in (tone_mapping.PQ, tone_mapping.HLG) else _fit(frame, size)
    return _apply(filters, fitted) if filters else fitted


def _fit(frame: VideoFrame, size: tuple[int, int]) -> VideoFrame:
    # A JPEG is BT.601 at full range. Players assume BT.709 from 720 lines on where a file names no colour space.
    is_unnamed_709 = frame.colorspace == _UNSPECIFIED and frame.height >= 720
    return frame.reformat(
        width=size[0],
        height=size[1],
        format="yuvj420p",
        src_colorspace="itu709" if is_unnamed_709 else None,
        dst_colorspace="itu601",
        dst_color_range=_FULL_RANGE,
        interpolation="AREA",
        threads=1,
    )


def _fit_hdr(frame: VideoFrame, size: tuple[int, int]) -> VideoFrame:
    """Scales a frame whose colours a JPEG doesn't have, then looks each of them up."""
    small = frame.reformat(
        width=size[0],
        height=size[1],
        format="rgb48le",
        src_colorspace="bt2020" if frame.colorspace == _UNSPECIFIED else None,
        interpolation="AREA",
        threads=1,
    )
    mapped = _look_up(small, tone_mapping.colour_table(frame.color_trc))
    mapped.color_trc, mapped.color_primaries = _SRGB, _BT709
    return mapped.reformat(format="yuvj420p", dst_colorspace="itu601", dst_color_range=_FULL_RANGE, threads=1)


def _look_up(frame: VideoFrame, colours: bytes) -> VideoFrame:
    side = tone_mapping.LEVEL**3
    table = VideoFrame(side, side, frame.format.name)
    line, pitch = len(colours) // side, table.planes[0].line_size
    rows = (colours[start : start + line].ljust(pitch, b"\0") for start in range(0, len(colours), line))
    table.planes[0].update(b"".join(rows))
    return _apply(["haldclut"], frame, table)


def _rotation_filters(frame: VideoFrame) -> list[str]:
    """Returns the filters that do what the display matrix says: x' = a·x + c·y, y' = b·x + d·y.

    a, b, c and d are 1, 0 or -1.
    """
    a, b, _, c, d, *_ = _display_matrix(frame)
    if abs(b) > abs(a):
        return ["transpose"] + ["hflip"] * (c < 0) + ["vflip"] * (b < 0)
    return ["hflip"] * (a < 0) + ["vflip"] * (d < 0)


def _display_matrix(frame: VideoFrame) -> tuple[int, ...]:
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV lists no side data at all where it doesn't know one, such as those of MV-HEVC and LCEVC
        return _ROTATED.get(frame.rotation % 360, _UPRIGHT)
    return struct.unpack("9i", bytes(matrix)) if matrix else _UPRIGHT


def _apply(filters: list[str], *frames: VideoFrame) -> VideoFrame:
    """Passes the frames through a chain of filters, the first of which takes all of them."""
    graph = Graph()
    graph.threads = 1
    first, *others = [graph.add(name) for name in (*filters, "buffersink")]
    sources = [
        graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=_ANY_TIME_BASE)
        for frame in frames
    ]
    for number, source in enumerate(sources):
        source.link_to(first, 0, number)
    graph.link_nodes(first, *others).configure()
    for source, frame in zip(sources, frames, strict=True):
        frame.pts, frame.time_base = 0, _ANY_TIME_BASE
        source.push(frame)
        source.push(None)
    return graph.vpull()


def _encode(frame: VideoFrame) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = _ANY_TIME_BASE
    encoder.sample_aspect_ratio = Fraction(1)
    encoder.thread_count = 1
    encoder.qmin = encoder.qmax = _QUALITY
    encoder.flags |= Flags.bitexact  # leaves out the encoder's name
    return b"".join(map(bytes, encoder.encode(frame) + encoder.encode(None)))
