"""The head that the scanner keeps: a small film that begins as the whole one, whatever its layout."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipferry.media.mp4_scanner import HEAD_BYTES, MAX_KEPT_BYTES, MediaScanner
from tests.films import LAYOUTS, box_starts, film, noise, recording

SMALL = 200_000
"""Enough for two or three pictures of noise."""


def head(data: bytes, *, head_bytes: int = SMALL, step: int = 1 << 18) -> bytes | None:
    scanner = MediaScanner(head_bytes=head_bytes)
    for start in range(0, len(data), step):
        scanner.feed(data[start : start + step])
    return scanner.head()


def first_picture(data: bytes) -> list[bytes]:
    with av.open(io.BytesIO(data)) as container:
        return [bytes(plane) for plane in next(container.decode(video=0)).planes]


def moov_bytes(data: bytes) -> int:
    start = box_starts(data)[b"moov"]
    return struct.unpack_from(">I", data, start)[0]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Each of some 2 MB, with sound."""
    folder = tmp_path_factory.mktemp("films")
    return {
        name: film(folder / f"{number}.mp4", flags=flags, frames=24, picture=noise, sound=True)
        for number, (name, flags) in enumerate(LAYOUTS.items())
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_head_begins_with_the_first_picture_of_the_film(films: dict[str, bytes], layout: str) -> None:
    data = films[layout]
    assert len(data) > 5 * SMALL

    beginning = head(data)

    assert beginning is not None
    assert len(beginning) <= SMALL + moov_bytes(data)
    assert first_picture(beginning) == first_picture(data)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_film_that_fits_is_kept_as_it_is(films: dict[str, bytes], layout: str) -> None:
    assert head(films[layout], head_bytes=HEAD_BYTES * 2) == films[layout]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_how_the_file_is_cut_up_makes_no_difference(films: dict[str, bytes], data: st.DataObject) -> None:
    film_bytes = films[data.draw(st.sampled_from(list(LAYOUTS)))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(film_bytes)), max_size=30)))
    room = data.draw(st.integers(0, len(film_bytes)))
    scanner = MediaScanner(head_bytes=room)
    buffer = bytearray(len(film_bytes))
    for start, end in zip([0, *cuts], [*cuts, len(film_bytes)], strict=True):
        buffer[: end - start] = film_bytes[start:end]
        scanner.feed(memoryview(buffer)[: end - start])  # the same piece of memory every time

    assert scanner.head() == head(film_bytes, head_bytes=room)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_head_is_a_row_of_whole_boxes_wherever_it_is_cut(films: dict[str, bytes], data: st.DataObject) -> None:
    film_bytes = films[data.draw(st.sampled_from(list(LAYOUTS)))]
    beginning = head(film_bytes, head_bytes=data.draw(st.integers(0, len(film_bytes))))

    assert beginning is not None
    start = 0
    while start < len(beginning):
        start += struct.unpack_from(">I", beginning, start)[0]
    assert start == len(beginning)
    assert b"moov" in box_starts(beginning)


def test_head_of_an_enormous_film_is_no_larger(films: dict[str, bytes]) -> None:
    scanner = MediaScanner()
    scanner.feed(box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"mdat", (1 << 31) + 16))
    nothing = bytes(1 << 20)
    for _ in range(1 << 11):
        scanner.feed(nothing)
    data = films["moov at the end"]
    scanner.feed(data[box_starts(data)[b"moov"] :])

    beginning = scanner.head()

    assert beginning is not None
    assert len(beginning) == HEAD_BYTES + moov_bytes(data)
    assert struct.unpack_from(">I4sQ", beginning, 12) == (1, b"mdat", HEAD_BYTES - 12)


def test_mdat_that_lasts_to_the_end_is_kept_as_far_as_it_goes(films: dict[str, bytes]) -> None:
    data = films["moov in front"]
    start = box_starts(data)[b"mdat"]

    beginning = head(data[:start] + bytes(4) + data[start + 4 :])

    assert beginning is not None
    assert first_picture(beginning) == first_picture(data)


def test_moov_that_lasts_to_the_end_is_kept(films: dict[str, bytes]) -> None:
    data = films["moov at the end"]
    start = box_starts(data)[b"moov"]

    beginning = head(data[:start] + bytes(4) + data[start + 4 :])

    assert beginning is not None
    assert first_picture(beginning) == first_picture(data)


def test_head_may_be_asked_for_again_and_with_the_result(films: dict[str, bytes]) -> None:
    scanner = MediaScanner(head_bytes=SMALL)
    scanner.feed(films["moov at the end"])

    assert scanner.head() == scanner.head() == head(films["moov at the end"])
    assert scanner.result().width == 320


def test_nothing_behind_a_second_moov_is_kept(films: dict[str, bytes]) -> None:
    data = films["moov in front"]
    start, length = box_starts(data)[b"moov"], moov_bytes(data)
    moov = data[start : start + length]

    beginning = head(data[: start + length] + moov + data[start + length :])

    assert beginning == data[: start + length]


def test_what_is_only_heard_has_no_head(tmp_path: Path) -> None:
    assert head(recording(tmp_path / "sound.mp4")) is None


def test_film_without_its_moov_has_no_head(films: dict[str, bytes]) -> None:
    assert head(films["moov at the end"][:-40]) is None


def test_film_with_an_enormous_moov_has_no_head() -> None:
    scanner = MediaScanner()
    scanner.feed(box(b"ftyp", b"isom") + struct.pack(">I4s", MAX_KEPT_BYTES + 9, b"moov"))
    for _ in range(MAX_KEPT_BYTES // (1 << 20)):
        scanner.feed(bytes(1 << 20))
    scanner.feed(bytes(1))

    assert scanner.head() is None


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_film_gives_some_head_or_none(films: dict[str, bytes], data: st.DataObject) -> None:
    damaged = bytearray(films[data.draw(st.sampled_from(list(LAYOUTS)))])
    for kind in data.draw(st.lists(st.sampled_from([b"ftyp", b"moov", b"mdat", b"moof", b"tkhd", b"free"]))):
        start = max(damaged.find(kind) - 4, 0)
        damaged[start : start + 8] = data.draw(st.binary(min_size=8, max_size=8))

    beginning = head(bytes(damaged))

    assert beginning is None or len(beginning) <= len(damaged)


@settings(max_examples=200, deadline=None)
@given(garbage=st.binary(max_size=600), step=st.integers(1, 64))
def test_garbage_has_no_head(garbage: bytes, step: int) -> None:
    assert head(garbage, step=step) is None


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body
