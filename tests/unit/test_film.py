"""The fake providers' film: a real MP4 that plays, in every size that a user can order."""

from __future__ import annotations

import io
from itertools import pairwise

import av
import pytest
from PIL import Image, ImageFont

from local.film import text
from local.film.render import frame_size, render_film
from local.film.scene import wrap
from local.film.text import font_for, legible


def small_film(prompt: str = "A ferry at dusk", *, seconds: int = 2, faststart: bool = True) -> bytes:
    return render_film(prompt=prompt, seconds=seconds, width=160, height=90, frames_per_second=6, faststart=faststart)


def pictures(content: bytes) -> list[Image.Image]:
    with av.open(io.BytesIO(content), "r") as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def box_names(content: bytes) -> list[bytes]:
    names, position = [], 0
    while position < len(content):
        names.append(content[position + 4 : position + 8])
        position += int.from_bytes(content[position : position + 4], "big")
    assert position == len(content)
    return names


@pytest.mark.parametrize(
    ("aspect_ratio", "quality", "size"),
    [
        ("16:9", "720p", (1280, 720)),
        ("9:16", "720p", (720, 1280)),
        ("16:9", "1080p", (1920, 1080)),
        ("16:9", "480p", (854, 480)),
        ("1:1", "480p", (480, 480)),
        ("4:3", "720p", (960, 720)),
        ("21:9", "1080p", (2520, 1080)),
        ("720x1280", "480p", (480, 854)),
    ],
)
def test_the_quality_names_the_short_side(aspect_ratio: str, quality: str, size: tuple[int, int]) -> None:
    assert frame_size(aspect_ratio, quality) == size


@pytest.mark.parametrize(
    ("aspect_ratio", "quality"),
    [(ratio, "720p") for ratio in ("", "16", "16:", "0:9", "adaptive", "16:9 ", "-1:2", "1.5:1")]
    + [("16:9", quality) for quality in ("", "720", "p", "high", "0p", "4k")],
)
def test_an_unknown_ratio_or_quality_is_refused(aspect_ratio: str, quality: str) -> None:
    with pytest.raises(ValueError, match="aspect ratio and a quality"):
        frame_size(aspect_ratio, quality)


@pytest.mark.parametrize(("aspect_ratio", "seconds"), [("16:9", 5), ("9:16", 4), ("1:1", 1)])
def test_a_film_has_the_size_and_the_length_that_were_ordered(aspect_ratio: str, seconds: int) -> None:
    width, height = frame_size(aspect_ratio, "480p")

    content = render_film(prompt="A ferry", seconds=seconds, width=width, height=height, frames_per_second=12)

    with av.open(io.BytesIO(content), "r") as container:
        assert [stream.type for stream in container.streams] == ["video"]
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.pix_fmt) == (width, height, "yuv420p")
        assert stream.codec_context.name == ("h264" if "libx264" in av.codecs_available else "mpeg4")
        assert container.duration == seconds * 1_000_000
        assert sum(1 for _ in container.decode(stream)) == seconds * 12


@pytest.mark.parametrize(
    ("seconds", "faststart"), [(2, True), (30, True), (2, False)], ids=["in front", "a long one in front", "last"]
)
def test_the_index_comes_where_it_was_wanted(seconds: int, faststart: bool) -> None:
    names = box_names(small_film(seconds=seconds, faststart=faststart))

    assert names[0] == b"ftyp"
    assert (names.index(b"moov") < names.index(b"mdat")) is faststart


def test_the_pictures_move_and_are_the_prompts_own_and_always_the_same() -> None:
    film = pictures(small_film("A ferry"))

    assert all(one.tobytes() != next_one.tobytes() for one, next_one in pairwise(film))
    assert film[0].tobytes() != pictures(small_film("A gull"))[0].tobytes()
    assert small_film("A ferry") == small_film("A ferry")


@pytest.mark.parametrize("prompt", ["", " ", "a\x00b\ud800c\n\td", "渡轮" * 500, "w" * 5000, "word " * 1000, "🚢"])
def test_any_prompt_can_be_filmed(prompt: str) -> None:
    assert len(pictures(small_film(prompt, seconds=1))) == 6


@pytest.mark.parametrize("text", ["one two three four five six", "abcdefghijklmnopqrstuvwxyz", "a bcdefghijklmnopq r"])
def test_a_prompt_is_broken_into_lines_that_fit_and_loses_nothing(text: str) -> None:
    font = ImageFont.load_default(size=20)

    lines = list(wrap(text, font=font, width=80))

    assert len(lines) > 1
    assert all(0 < font.getlength(line) <= 80 * 1.05 for line in lines)  # kerning is not counted
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert list(wrap("quiet  harbour\nlights", font=font, width=90)) == ["quiet", "harbour", "lights"]


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("A ship at dawn, 5 s: really?", "A ship at dawn, 5 s: really?"),
        ("a 渡轮 b", "a  b"),
        ("渡轮🚢", "a prompt of 3 characters"),
        ("", ""),
        ("\n ", "\n "),
    ],
)
def test_what_no_font_has_is_left_out_and_never_a_box(prompt: str, left: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "SYSTEM_FONTS", ())
    text.find_system_font.cache_clear()
    try:
        assert legible(prompt, font_for(prompt, size=20)) == left
    finally:
        text.find_system_font.cache_clear()


def test_a_systems_font_writes_chinese_where_there_is_one() -> None:
    if text.find_system_font() is None:
        pytest.skip("no font with Chinese is installed here (apt-get install fonts-noto-cjk)")

    assert legible("渡轮 at dawn", font_for("渡轮 at dawn", size=20)) == "渡轮 at dawn"
