"""The leading clip that the scanner keeps: a short MP4 with the same first frame, whatever the file's layout."""

from __future__ import annotations

import io
import re
import struct
import tracemalloc
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipferry.media.leading_clip import CLIP_BYTES, MAX_PADDING_BYTES
from clipferry.media.mp4_scanner import MAX_KEPT_BYTES, MediaScanner
from tests import films as made
from tests.films import LAYOUTS, box_starts, film, noise, recording

SMALL = 200_000
"""Bytes: enough for two or three frames of noise."""


def clip_of(data: bytes, *, clip_bytes: int = SMALL, step: int = 1 << 18) -> bytes | None:
    return made.leading_clip(data, clip_bytes=clip_bytes, step=step)


def first_frame(data: bytes) -> list[bytes]:
    with av.open(io.BytesIO(data)) as container:
        return [bytes(plane) for plane in next(container.decode(video=0)).planes]


def moov_bytes(data: bytes) -> int:
    start = box_starts(data)[b"moov"]
    return struct.unpack_from(">I", data, start)[0]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One video of about 2 MB, with sound, in each layout."""
    folder = tmp_path_factory.mktemp("films")
    return {
        name: film(folder / f"{number}.mp4", flags=flags, frames=24, picture=noise, sound=True)
        for number, (name, flags) in enumerate(LAYOUTS.items())
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_clip_begins_with_the_first_frame_of_the_file(films: dict[str, bytes], layout: str) -> None:
    data = films[layout]
    assert len(data) > 5 * SMALL

    clip = clip_of(data)

    assert clip is not None
    assert len(clip) <= SMALL + moov_bytes(data)
    assert first_frame(clip) == first_frame(data)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_small_file_is_kept_whole(films: dict[str, bytes], layout: str) -> None:
    assert clip_of(films[layout], clip_bytes=CLIP_BYTES * 2) == films[layout]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_size_of_the_chunks_makes_no_difference(films: dict[str, bytes], data: st.DataObject) -> None:
    film_bytes = films[data.draw(st.sampled_from(list(LAYOUTS)))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(film_bytes)), max_size=30)))
    room = data.draw(st.integers(0, len(film_bytes)))
    scanner = MediaScanner(clip_bytes=room)
    buffer = bytearray(len(film_bytes))
    for start, end in zip([0, *cuts], [*cuts, len(film_bytes)], strict=True):
        buffer[: end - start] = film_bytes[start:end]
        scanner.feed(memoryview(buffer)[: end - start])  # the same memory every time

    assert scanner.leading_clip() == clip_of(film_bytes, clip_bytes=room)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_clip_consists_of_whole_boxes_wherever_it_is_cut(films: dict[str, bytes], data: st.DataObject) -> None:
    film_bytes = films[data.draw(st.sampled_from(list(LAYOUTS)))]
    clip = clip_of(film_bytes, clip_bytes=data.draw(st.integers(0, len(film_bytes))))

    assert clip is not None
    start = 0
    while start < len(clip):
        start += struct.unpack_from(">I", clip, start)[0]
    assert start == len(clip)
    assert b"moov" in box_starts(clip)


def test_the_clip_of_an_enormous_file_is_no_larger(films: dict[str, bytes]) -> None:
    scanner = MediaScanner()
    scanner.feed(box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"mdat", (1 << 31) + 16))
    nothing = bytes(1 << 20)
    for _ in range(1 << 11):
        scanner.feed(nothing)
    data = films["moov at the end"]
    scanner.feed(data[box_starts(data)[b"moov"] :])

    clip = scanner.leading_clip()

    assert clip is not None
    assert len(clip) == CLIP_BYTES + moov_bytes(data)
    assert struct.unpack_from(">I4sQ", clip, 12) == (1, b"mdat", CLIP_BYTES - 12)


def padded(data: bytes, *boxes: bytes) -> bytes:
    """The film with these boxes behind `ftyp`; the offsets of its chunks are right again."""
    start, more = struct.unpack_from(">I", data)[0], b"".join(boxes)
    moved = bytearray(data)
    for found in re.finditer(b"stco", data):
        (count,) = struct.unpack_from(">I", data, found.end() + 4)
        offsets = struct.unpack_from(f">{count}I", data, found.end() + 8)
        struct.pack_into(f">{count}I", moved, found.end() + 8, *(offset + len(more) for offset in offsets))
    return bytes(moved[:start]) + more + bytes(moved[start:])


@pytest.mark.parametrize("kind", [b"free", b"skip", b"uuid"])
@pytest.mark.parametrize("layout", ["moov at the end", "moov in front", "fragmented"])
@pytest.mark.parametrize("step", [1 << 18, 5000])
def test_a_large_box_without_media_does_not_use_up_the_room(
    films: dict[str, bytes], layout: str, kind: bytes, step: int
) -> None:
    data = padded(films[layout], box(kind, b"\1" * (3 << 20)), box(b"free", b"\1" * 100), box(kind, b"\1" * 5000))

    clip = clip_of(data, step=step)

    assert clip is not None
    assert first_frame(clip) == first_frame(films[layout])
    assert clip.count(b"\1" * 5000) == 0


def test_what_it_may_take_has_a_limit(films: dict[str, bytes]) -> None:
    scanner = MediaScanner()
    data = films["moov at the end"]
    start = struct.unpack_from(">I", data)[0]
    scanner.feed(data[:start] + struct.pack(">I4s", (1 << 30) + 8, b"uuid"))
    for _ in range(1 << 10):
        scanner.feed(bytes(1 << 20))
    scanner.feed(data[start:])

    clip = scanner.leading_clip()

    assert clip is not None
    assert len(clip) == start + 8 + MAX_PADDING_BYTES + moov_bytes(data)
    assert struct.unpack_from(">I4s", clip, start) == (MAX_PADDING_BYTES + 8, b"uuid")


def test_many_small_boxes_cost_no_more_than_their_bytes() -> None:
    scanner = MediaScanner()
    tracemalloc.start()
    scanner.feed(box(b"ftyp", b"isom") + 10_000 * box(b"free", b"1234"))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert used < 600_000


def test_a_first_frame_of_more_than_2_mib_has_room(tmp_path: Path) -> None:
    data = film(tmp_path / "film.mp4", width=1920, height=1080, picture=noise, frames=3)
    with av.open(io.BytesIO(data)) as container:
        assert next(container.demux(video=0)).size > 2 << 20

    clip = clip_of(data, clip_bytes=CLIP_BYTES)

    assert clip is not None
    assert len(clip) < len(data)
    assert first_frame(clip) == first_frame(data)


@pytest.mark.parametrize(("layout", "last_box"), [("moov in front", b"mdat"), ("moov at the end", b"moov")])
def test_a_last_box_of_size_0_which_means_to_the_end_is_kept(
    films: dict[str, bytes], layout: str, last_box: bytes
) -> None:
    data = films[layout]
    start = box_starts(data)[last_box]

    clip = clip_of(data[:start] + bytes(4) + data[start + 4 :])

    assert clip is not None
    assert first_frame(clip) == first_frame(data)


def test_the_clip_can_be_read_twice_and_before_the_result(films: dict[str, bytes]) -> None:
    scanner = MediaScanner(clip_bytes=SMALL)
    scanner.feed(films["moov at the end"])

    assert scanner.leading_clip() == scanner.leading_clip() == clip_of(films["moov at the end"])
    assert scanner.result().width == 320


def test_nothing_after_a_second_moov_is_kept(films: dict[str, bytes]) -> None:
    data = films["moov in front"]
    start, length = box_starts(data)[b"moov"], moov_bytes(data)
    moov = data[start : start + length]

    clip = clip_of(data[: start + length] + moov + data[start + length :])

    assert clip == data[: start + length]


def test_a_file_with_sound_only_has_no_clip(tmp_path: Path) -> None:
    assert clip_of(recording(tmp_path / "sound.mp4")) is None


def test_a_file_whose_moov_is_cut_off_has_no_clip(films: dict[str, bytes]) -> None:
    assert clip_of(films["moov at the end"][:-80]) is None


def test_a_file_with_an_enormous_moov_has_no_clip() -> None:
    scanner = MediaScanner()
    scanner.feed(box(b"ftyp", b"isom") + struct.pack(">I4s", MAX_KEPT_BYTES + 9, b"moov"))
    for _ in range(MAX_KEPT_BYTES // (1 << 20)):
        scanner.feed(bytes(1 << 20))
    scanner.feed(bytes(1))

    assert scanner.leading_clip() is None


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_damaged_file_gives_a_clip_or_none_and_never_an_error(films: dict[str, bytes], data: st.DataObject) -> None:
    damaged = bytearray(films[data.draw(st.sampled_from(list(LAYOUTS)))])
    for kind in data.draw(st.lists(st.sampled_from([b"ftyp", b"moov", b"mdat", b"moof", b"tkhd", b"free"]))):
        start = max(damaged.find(kind) - 4, 0)
        damaged[start : start + 8] = data.draw(st.binary(min_size=8, max_size=8))

    clip = clip_of(bytes(damaged))

    assert clip is None or len(clip) <= len(damaged)


@settings(max_examples=200, deadline=None)
@given(garbage=st.binary(max_size=600), step=st.integers(1, 64))
def test_random_bytes_have_no_clip(garbage: bytes, step: int) -> None:
    assert clip_of(garbage, step=step) is None


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body
