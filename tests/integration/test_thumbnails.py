"""Thumbnails of real videos, made by the real worker process and checked with Pillow."""

from __future__ import annotations

import io
import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from clipferry.media import tone_mapping
from clipferry.media.mp4_scanner import MediaScanner
from clipferry.media.thumbnail import jpeg_size, make_thumbnail
from tests.films import CORNERS, LAYOUTS, corners, film, leading_clip, noise, turned

CODECS = ("libx264", "libx265", "libvpx-vp9", "libsvtav1", "mpeg4")
MATRICES = {
    "not rotated": ((1, 0, 0, 1), None),
    "90 degrees clockwise": ((0, 1, -1, 0), Image.Transpose.ROTATE_270),
    "180 degrees": ((-1, 0, 0, -1), Image.Transpose.ROTATE_180),
    "90 degrees counter-clockwise": ((0, -1, 1, 0), Image.Transpose.ROTATE_90),
    "flipped left to right": ((-1, 0, 0, 1), Image.Transpose.FLIP_LEFT_RIGHT),
    "flipped top to bottom": ((1, 0, 0, -1), Image.Transpose.FLIP_TOP_BOTTOM),
    "transposed": ((0, 1, 1, 0), Image.Transpose.TRANSPOSE),
    "transposed about the other diagonal": ((0, -1, -1, 0), Image.Transpose.TRANSVERSE),
    "a matrix of zeros": ((0, 0, 0, 0), None),
}


def as_image(thumbnail: bytes | None) -> Image.Image:
    """The JPEG as Pillow reads it; its size has to be the one that was checked."""
    assert thumbnail is not None
    image = Image.open(io.BytesIO(thumbnail), formats=["JPEG"])
    image.load()
    assert image.size == jpeg_size(thumbnail)
    return image.convert("RGB")


def is_near(found: object, wanted: object, *, tolerance: int = 12) -> bool:
    assert isinstance(found, tuple)
    assert isinstance(wanted, tuple)
    return max(abs(one - other) for one, other in zip(found, wanted, strict=True)) <= tolerance


def shows_corners(image: Image.Image, expected: Image.Image) -> bool:
    spots = [(x, y) for y in (0, 1) for x in (0, 1)]
    return all(
        is_near(
            image.getpixel((image.width * (2 * x + 1) // 4, image.height * (2 * y + 1) // 4)), expected.getpixel((x, y))
        )  # type: ignore[arg-type]
        for x, y in spots
    )


def the_corners() -> Image.Image:
    image = Image.new("RGB", (2, 2))
    image.putdata(CORNERS)
    return image


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(tmp_path_factory.mktemp("film") / "film.mp4", picture=corners, frames=24)


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_gives_a_thumbnail_of_the_first_frame(tmp_path: Path, codec: str) -> None:
    data = film(tmp_path / "film.mp4", codec=codec, picture=corners, width=1280, height=720, frames=24)

    image = as_image(make_thumbnail(leading_clip(data)))

    assert image.size == (640, 360)
    assert shows_corners(image, the_corners())


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="Linux alone tells how a process is scheduled")
def test_making_a_film_leaves_the_tests_no_real_time_process(tmp_path: Path) -> None:
    """For root SVT-AV1 would; then a browser that is started later keeps the other tests from running."""
    before = os.sched_getscheduler(0)
    film(tmp_path / "film.mp4", codec="libsvtav1", frames=2)
    assert os.sched_getscheduler(0) == before


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_a_thumbnail_from_a_part_of_the_file(tmp_path: Path, layout: str) -> None:
    data = film(tmp_path / "film.mp4", flags=LAYOUTS[layout], picture=noise, frames=24, sound=True)

    assert as_image(make_thumbnail(leading_clip(data, clip_bytes=len(data) // 5))).size == (320, 180)


@pytest.mark.parametrize("direction", MATRICES)
def test_a_rotated_video_gives_an_upright_thumbnail(plain: bytes, direction: str) -> None:
    (a, b, c, d), turn = MATRICES[direction]
    data = turned(plain, a=a, b=b, c=c, d=d)
    scanner = MediaScanner()
    scanner.feed(data)
    expected = the_corners().transpose(turn) if turn is not None else the_corners()

    image = as_image(make_thumbnail(scanner.leading_clip()))

    assert shows_corners(image, expected)
    assert image.size == (scanner.result().width, scanner.result().height)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (16, 16, (16, 16)),
        (2, 2, (2, 2)),
        (334, 182, (100, 54)),
        (180, 320, (100, 178)),
        (1920, 16, (100, 1)),
        (16, 1024, (6, 400)),
        (128, 1024, (50, 400)),
    ],
)
def test_a_thumbnail_keeps_the_aspect_ratio_and_is_never_enlarged(
    tmp_path: Path, width: int, height: int, size: tuple[int, int]
) -> None:
    data = film(tmp_path / "film.mp4", width=width, height=height, frames=2)

    assert as_image(make_thumbnail(leading_clip(data), width=100)).size == size


def test_a_video_rotated_by_90_degrees_is_scaled_by_its_displayed_width(tmp_path: Path) -> None:
    data = turned(film(tmp_path / "film.mp4", width=1280, height=720, frames=2), a=0, b=1, c=-1, d=0)

    assert as_image(make_thumbnail(leading_clip(data))).size == (640, 1138)


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path) -> None:
    data = film(tmp_path / "film.mp4", width=320, height=240, pixel=Fraction(4, 3), frames=2)

    assert as_image(make_thumbnail(leading_clip(data))).size == (427, 240)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_an_aspect_that_only_the_codec_knows_is_applied(tmp_path: Path, codec: str) -> None:
    data = film(tmp_path / "film.mp4", codec=codec, width=320, height=240, pixel=Fraction(4, 3), frames=12)
    assert data.count(b"pasp") == 1
    width_at = data.index(b"tkhd") + 80
    without = data.replace(b"pasp", b"free")
    without = without[:width_at] + struct.pack(">I", 320 << 16) + without[width_at + 4 :]

    assert as_image(make_thumbnail(leading_clip(without))).size == (427, 240)


@pytest.mark.parametrize(
    "direction", ["not rotated", "90 degrees clockwise", "180 degrees", "90 degrees counter-clockwise"]
)
def test_side_data_that_pyav_does_not_know_does_no_harm(tmp_path: Path, direction: str) -> None:
    data = with_lcevc(tmp_path / "film.mp4")
    with av.open(io.BytesIO(data)) as container, pytest.raises(ValueError, match="is not a valid Type"):
        _ = next(container.decode(video=0)).side_data
    (a, b, c, d), turn = MATRICES[direction]
    expected = the_corners().transpose(turn) if turn is not None else the_corners()

    assert shows_corners(as_image(make_thumbnail(leading_clip(turned(data, a=a, b=b, c=c, d=d)))), expected)


def with_lcevc(path: Path) -> bytes:
    """A film whose only frame has an SEI message of MPEG-5 LCEVC: ITU-T T.35, United Kingdom, V-Nova."""
    message = bytes([0xB4, 0, 0x50, 0, *range(1, 9)])
    enhancement = b"\0\0\0\1" + bytes([6, 4, len(message)]) + message + b"\x80"
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        frame = corners(320, 180, 0)
        frame.pts, frame.time_base = 0, Fraction(1, 24)
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            more = av.Packet(enhancement + bytes(packet))
            more.pts, more.dts, more.time_base = packet.pts, packet.dts, packet.time_base
            more.stream, more.is_keyframe = stream, True
            container.mux(more)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("transfer", "signal", "expected"),
    [
        (tone_mapping.PQ, 0.0, 0),
        (tone_mapping.PQ, 0.2997, 63),  # 10 cd/m², a dark grey: as bright as on a screen whose white has 203
        (tone_mapping.PQ, 0.5081, 179),  # 100 cd/m²
        (tone_mapping.PQ, 0.5807, 215),  # 203 cd/m², the white of a page
        (tone_mapping.PQ, 0.6526, 238),  # 400 cd/m²
        (tone_mapping.PQ, 0.7518, 255),  # 1,000 cd/m²
        (tone_mapping.PQ, 1.0, 255),
        (tone_mapping.HLG, 0.0, 0),
        (tone_mapping.HLG, 0.75, 215),  # the white of a page
        (tone_mapping.HLG, 1.0, 255),
    ],
)
@pytest.mark.parametrize("is_named", [True, False])
def test_hdr_is_tone_mapped(tmp_path: Path, transfer: int, signal: float, expected: int, is_named: bool) -> None:
    data = hdr(tmp_path / "film.mp4", (signal, signal, signal), transfer=transfer, is_named=is_named)

    image = as_image(make_thumbnail(leading_clip(data)))

    assert is_near(image.getpixel((100, 60)), (expected, expected, expected), tolerance=5)


def test_hdr_colours_keep_their_hue(tmp_path: Path) -> None:
    """BT.709's red at 100 cd/m² is this in BT.2020; read as BT.709 it would be a brownish grey."""
    data = hdr(tmp_path / "film.mp4", (0.4621, 0.2713, 0.1767), transfer=tone_mapping.PQ)

    red, green, blue = as_image(make_thumbnail(leading_clip(data))).getpixel((100, 60))  # type: ignore[misc]

    assert (red > 150, green < 40, blue < 40) == (True, True, True), (red, green, blue)


def hdr(path: Path, colour: tuple[float, float, float], *, transfer: int, is_named: bool = True) -> bytes:
    """A film of one colour in BT.2020 with 10 bits, as signals from 0 to 1; `is_named` is the matrix's name."""
    red, green, blue = colour
    luma = 0.2627 * red + 0.678 * green + 0.0593 * blue
    values = (64 + 876 * luma, 512 + 896 * (blue - luma) / 1.8814, 512 + 896 * (red - luma) / 1.4746)
    space = 9 if is_named else 2
    options = {"preset": "ultrafast", "x265-params": "log-level=none:bframes=0"}  # one frame with B frames has no time
    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("libx265", rate=24, options=options)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p10le"
        context = stream.codec_context
        context.color_range, context.colorspace, context.color_trc, context.color_primaries = 1, space, transfer, 9
        frame = av.VideoFrame(640, 360, "yuv420p10le")
        for plane, value in zip(frame.planes, values, strict=True):
            plane.update(struct.pack("<H", round(value)) * (plane.buffer_size // 2))
        frame.pts, frame.time_base = 0, Fraction(1, 24)
        frame.color_range, frame.colorspace, frame.color_trc, frame.color_primaries = 1, space, transfer, 9
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path.read_bytes()


@pytest.mark.parametrize(
    ("height", "full_range", "named"),
    [(360, False, True), (720, False, True), (360, True, True), (720, True, True), (720, False, False)],
)
def test_bt709_colours_are_right_where_the_file_names_them_and_from_720_lines_on_where_it_does_not(
    tmp_path: Path, height: int, full_range: bool, named: bool
) -> None:
    data = coloured(tmp_path / "film.mp4", (200, 60, 90), height=height, full_range=full_range, named=named)

    assert is_near(as_image(make_thumbnail(leading_clip(data))).getpixel((100, 100)), (200, 60, 90), tolerance=6)


def coloured(path: Path, colour: tuple[int, int, int], *, height: int, full_range: bool, named: bool) -> bytes:
    """A video in BT.709; `named` says whether the file declares it."""
    range_, space = (2 if full_range else 1), (1 if named else 2)

    def picture(width: int, height: int, number: int) -> av.VideoFrame:
        frame = av.VideoFrame.from_image(Image.new("RGB", (width, height), colour))
        frame = frame.reformat(format="yuv420p", dst_colorspace="itu709", dst_color_range=range_)
        frame.colorspace = space
        return frame

    with av.open(path, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = height * 16 // 9, height, "yuv420p"
        stream.codec_context.color_range, stream.codec_context.colorspace = range_, space
        frame = picture(stream.width, height, 0)
        frame.pts, frame.time_base = 0, Fraction(1, 24)
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path.read_bytes()


def test_titles_that_are_not_utf_8_do_no_harm(plain: bytes) -> None:
    assert plain.count(b"Lavf") == 1

    assert as_image(make_thumbnail(leading_clip(plain.replace(b"Lavf", b"\xe9\xe9\xe9\xe9")))).size == (320, 180)


@pytest.mark.parametrize("handler", [b"sbtl", b"text", b"tmcd", b"meta", b"hint", b"????"])
def test_other_kinds_of_tracks_do_no_harm(tmp_path: Path, handler: bytes) -> None:
    data = film(tmp_path / "film.mp4", frames=12, sound=True)
    assert data.count(b"soun") == 1

    assert as_image(make_thumbnail(leading_clip(data.replace(b"soun", handler)))).size == (320, 180)
