"""The aspect of a pixel, read from parameter sets that real encoders wrote in every way that they know."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import pytest
from av.codec.context import Flags
from hypothesis import given
from hypothesis import strategies as st

from clipferry.media.parameter_sets import h264_pixel_aspect, hevc_pixel_aspect

READERS = {"libx264": h264_pixel_aspect, "libx265": hevc_pixel_aspect}


def parameter_set(codec: str, parameters: str, aspect: Fraction, pixels: str) -> memoryview:
    """The body of `avcC` or `hvcC` with what the encoder wrote, as ISO/IEC 14496-15 wraps it."""
    name = "x264-params" if codec == "libx264" else "x265-params"
    quiet = "" if codec == "libx264" else "log-level=none:"
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = 128, 96, pixels
    encoder.time_base, encoder.sample_aspect_ratio = Fraction(1, 24), aspect
    encoder.options = {"preset": "ultrafast", name: quiet + parameters}
    encoder.flags |= Flags.global_header
    encoder.open()
    units = [unit.rstrip(b"\0") for unit in bytes(encoder.extradata or b"").split(b"\0\0\1")]
    if codec == "libx264":
        (unit,) = [unit for unit in units if unit and unit[0] & 31 == 7]
        return memoryview(b"\1" + unit[1:4] + b"\xff\xe1" + struct.pack(">H", len(unit)) + unit)
    (unit,) = [unit for unit in units if unit and unit[0] >> 1 == 33]
    return memoryview(bytes(22) + b"\1\xa1\0\1" + struct.pack(">H", len(unit)) + unit)


@pytest.mark.parametrize("aspect", [(4, 3), (10, 11), (64, 45)], ids=["listed", "listed too", "its own"])
@pytest.mark.parametrize(
    ("codec", "parameters", "pixels"),
    [
        ("libx264", "", "yuv420p"),
        ("libx264", "cqm=jvt:8x8dct=1", "yuv420p"),
        ("libx264", "interlaced=1", "yuv420p"),
        ("libx264", "bframes=0:ref=4", "yuv444p"),
        ("libx265", "", "yuv420p"),
        ("libx265", "scaling-list=default:bframes=4", "yuv420p"),
        ("libx265", "temporal-layers=2", "yuv420p10le"),
        ("libx265", "interlace=1", "yuv444p"),
    ],
)
def test_the_aspect_is_found_whatever_stands_before_it(
    codec: str, parameters: str, pixels: str, aspect: tuple[int, int]
) -> None:
    found = parameter_set(codec, parameters, Fraction(*aspect), pixels)

    assert READERS[codec](found) == aspect


@given(garbage=st.binary(max_size=300))
def test_garbage_says_nothing_and_is_no_error(garbage: bytes) -> None:
    for header in (b"\1\x64\0\x1f\xff\xe1\0\xff\x67", b""):
        h264_pixel_aspect(memoryview(header + garbage))
        hevc_pixel_aspect(memoryview(bytes(22) + b"\1\x21\0\1\1\0" + garbage))
