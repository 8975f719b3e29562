"""The scanner on videos that PyAV makes and reads: every layout, chunks of every size, damaged files and garbage."""

from __future__ import annotations

import io
import struct
import tracemalloc
from pathlib import Path
from typing import NamedTuple

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipferry.media.geometry import aspect_ratio_name, resolution_name
from clipferry.media.mp4_scanner import MAX_BOXES, MAX_KEPT_BYTES, MediaScanner
from tests import boxes
from tests.films import LAYOUTS, box_starts, film, turned


class Seen(NamedTuple):
    """Seconds, and pixels as displayed."""

    duration: int | None = None
    width: int | None = None
    height: int | None = None


def seen(scanner: MediaScanner) -> Seen:
    info = scanner.result()
    return Seen(info.duration, info.width, info.height)


def scan(data: bytes, *, step: int = 1 << 18) -> Seen:
    scanner = MediaScanner()
    for start in range(0, len(data), step):
        scanner.feed(data[start : start + step])
    return seen(scanner)


def as_pyav_reads(data: bytes) -> Seen:
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        assert container.duration is not None
        seconds = max(int(container.duration / 1_000_000 + 0.5), 1)
        width, height = stream.width, stream.height
        turned = next(container.decode(stream)).rotation % 180 != 0
    return Seen(duration=seconds, width=height if turned else width, height=width if turned else height)


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def mvhd(*, ticks: int, scale: int) -> bytes:
    return box(b"mvhd", struct.pack(">IIIII", 0, 0, 0, scale, ticks), bytes(80))


def trex(track: int) -> bytes:
    return box(b"trex", struct.pack(">6I", 0, track, 1, 1, 0, 0))


def trak(track: int) -> bytes:
    shown = struct.pack(">9i2I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30, 320 << 16, 180 << 16)
    timescale, handler = struct.pack(">6I", 0, 0, 0, 1, 0, 0), bytes(8) + b"vide" + bytes(12)
    return box(
        b"trak",
        box(b"tkhd", struct.pack(">4I", 0, 0, 0, track), bytes(24), shown),
        box(b"mdia", box(b"mdhd", timescale), box(b"hdlr", handler)),
    )


def traf(*, seconds: int, more: bytes = b"") -> bytes:
    return box(b"traf", box(b"tfhd", struct.pack(">II", 0, 1)), box(b"trun", struct.pack(">II", 0, seconds)), more)


FRAGMENTED = box(b"moov", mvhd(ticks=0, scale=1), trak(1), box(b"mvex", trex(1)))
SHOWN = Seen(width=320, height=180)
"""What is known of FRAGMENTED when its duration can't be."""


@pytest.fixture(scope="module", params=["libx264", "mpeg4"])
def films(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("films")
    return {
        name: film(folder / f"{number}.mp4", flags=flags, codec=request.param)
        for number, (name, flags) in enumerate(LAYOUTS.items())
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(tmp_path_factory.mktemp("film") / "film.mp4")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_reads_as_pyav_reads_it(films: dict[str, bytes], layout: str) -> None:
    assert scan(films[layout]) == as_pyav_reads(films[layout]) == Seen(duration=3, width=320, height=180)


def test_the_video_track_is_measured_when_the_sound_track_comes_first(tmp_path: Path) -> None:
    assert scan(film(tmp_path / "film.mp4", sound=True)) == Seen(duration=3, width=320, height=180)


@pytest.mark.parametrize(("frames", "seconds"), [(1, 1), (11, 1), (35, 1), (36, 2), (59, 2), (60, 3)], ids=str)
def test_the_duration_is_rounded_half_up_and_at_least_1(tmp_path: Path, frames: int, seconds: int) -> None:
    assert scan(film(tmp_path / "film.mp4", frames=frames)).duration == seconds


@pytest.mark.parametrize(
    ("matrix", "width", "height"),
    [({"a": 0, "b": 1, "c": -1, "d": 0}, 180, 320), ({"a": -1, "b": 0, "c": 0, "d": -1}, 320, 180)],
    ids=["a quarter", "a half"],
)
def test_a_rotated_video_is_measured_as_it_is_displayed(
    plain: bytes, matrix: dict[str, int], width: int, height: int
) -> None:
    rotated = turned(plain, **matrix)

    assert scan(rotated) == as_pyav_reads(rotated) == Seen(duration=3, width=width, height=height)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_size_of_the_chunks_makes_no_difference(films: dict[str, bytes], data: st.DataObject) -> None:
    film_bytes = films[data.draw(st.sampled_from(list(LAYOUTS)))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(film_bytes)), max_size=30)))
    scanner = MediaScanner()
    for start, end in zip([0, *cuts], [*cuts, len(film_bytes)], strict=True):
        scanner.feed(film_bytes[start:end])
    assert seen(scanner) == Seen(duration=3, width=320, height=180)


def test_a_file_can_be_fed_one_byte_at_a_time(plain: bytes) -> None:
    assert scan(plain, step=1) == Seen(duration=3, width=320, height=180)


def test_boxes_with_64_bit_sizes_are_read(plain: bytes) -> None:
    kinds = box_starts(plain)
    body = plain[kinds[b"mdat"] + 8 : kinds[b"moov"]]
    wide = struct.pack(">I4sQ", 1, b"mdat", len(body) + 16) + body
    moov = plain[kinds[b"moov"] + 8 :]
    wide_moov = struct.pack(">I4sQ", 1, b"moov", len(moov) + 16) + moov

    assert scan(plain[: kinds[b"mdat"]] + wide + wide_moov, step=7) == scan(plain)


def test_a_moov_of_size_0_which_means_to_the_end_is_read(plain: bytes) -> None:
    start = plain.index(b"moov") - 4
    open_ended = plain[:start] + bytes(4) + plain[start + 4 :]

    assert scan(open_ended, step=100) == scan(plain)


def test_an_mdat_of_size_0_hides_nothing_that_came_before(films: dict[str, bytes]) -> None:
    data = films["moov in front"]
    start = data.index(b"mdat") - 4

    assert scan(data[:start] + bytes(4) + data[start + 4 :]) == scan(data)


def test_mdat_is_never_kept_in_memory() -> None:
    scanner = MediaScanner()
    scanner.feed(struct.pack(">I4sQ", 1, b"mdat", 1 << 40))
    scanner.feed(bytes(1 << 20))

    assert scanner._kept is None


def test_a_moov_that_is_too_large_is_skipped(plain: bytes) -> None:
    scanner = MediaScanner()
    scanner.feed(struct.pack(">I4s", MAX_KEPT_BYTES + 9, b"moov"))
    assert scanner._kept is None

    for _ in range(MAX_KEPT_BYTES // (1 << 20)):
        scanner.feed(bytes(1 << 20))
    scanner.feed(bytes(1) + plain)
    assert seen(scanner) == Seen(duration=3, width=320, height=180)


def test_a_moov_of_size_0_is_dropped_when_it_grows_too_large() -> None:
    scanner = MediaScanner()
    scanner.feed(bytes(4) + b"moov" + mvhd(ticks=5, scale=1))
    for _ in range(MAX_KEPT_BYTES // (1 << 20)):
        scanner.feed(bytes(1 << 20))

    assert seen(scanner) == Seen()


def test_a_file_whose_moov_is_cut_off_has_no_media_info(plain: bytes) -> None:
    assert scan(plain[: len(plain) - 80]) == Seen()


@pytest.mark.parametrize(
    "header",
    [
        mvhd(ticks=0, scale=1000),
        mvhd(ticks=5000, scale=0),
        mvhd(ticks=2**32 - 1, scale=1),
        box(b"mvhd", struct.pack(">IQQIQ", 1 << 24, 0, 0, 1, 2**63), bytes(80)),
        box(b"mvhd"),
        box(b"mvhd", bytes(13)),
    ],
    ids=["no ticks", "no scale", "unknown", "longer than an int4", "empty", "cut short"],
)
def test_an_invalid_duration_is_none(header: bytes) -> None:
    assert scan(box(b"moov", header)) == Seen()


def test_a_64_bit_movie_header_is_read() -> None:
    header = box(b"mvhd", struct.pack(">IQQIQ", 1 << 24, 0, 0, 90_000, 90_000 * 7), bytes(80))

    assert scan(box(b"moov", header)).duration == 7


def test_the_total_duration_that_a_fragmented_file_declares_is_used() -> None:
    extends = box(b"mvex", box(b"mehd", struct.pack(">II", 0, 8000)), trex(1))

    assert scan(box(b"moov", mvhd(ticks=0, scale=1000), extends)).duration == 8


def test_the_durations_of_fragments_are_added_up() -> None:
    assert scan(FRAGMENTED + box(b"moof", traf(seconds=2)) * 3) == Seen(duration=6, width=320, height=180)


MANY = 1 << 15
EMPTY = box(b"free")


@pytest.mark.parametrize(
    "hostile",
    [
        FRAGMENTED + box(b"moof", traf(seconds=1, more=EMPTY * 2 * MANY)),
        FRAGMENTED + box(b"moof", traf(seconds=1, more=b"".join(box(b"%04x" % n) for n in range(MANY)))),
        box(b"moov", mvhd(ticks=0, scale=1), box(b"mvex", b"".join(map(trex, range(MANY))))),
        box(b"moov", mvhd(ticks=0, scale=1), b"".join(map(trak, range(MANY // 4)))),
        boxes.film(boxes.Track(entry=boxes.box(b"avc1") * 2 * MANY)),
        boxes.film(boxes.Track(samples=16 * MANY, sample_bytes=0)),
    ],
    ids=["empty boxes", "kinds", "defaults", "tracks", "sample entries", "samples"],
)
def test_a_hostile_box_takes_hardly_more_memory_than_its_size(hostile: bytes) -> None:
    scanner = MediaScanner(clip_bytes=0)
    tracemalloc.start()
    try:
        scanner.feed(hostile)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1.5 * len(hostile)


def test_boxes_beyond_the_limit_are_ignored() -> None:
    plain = box(b"moov", mvhd(ticks=5, scale=1), trak(1))
    fragment = box(b"moof", traf(seconds=1))

    assert scan(EMPTY * MAX_BOXES + plain) == Seen()
    assert scan(plain + EMPTY * MAX_BOXES) == Seen(duration=5, width=320, height=180)
    assert scan(FRAGMENTED + fragment * (MAX_BOXES - 1)).duration == MAX_BOXES - 1
    assert scan(FRAGMENTED + fragment * MAX_BOXES) == SHOWN


def test_fragments_that_are_too_large_together_are_skipped() -> None:
    fragment = box(b"moof", traf(seconds=1), box(b"free", bytes(MAX_KEPT_BYTES // 8)))

    assert scan(FRAGMENTED + fragment * 7).duration == 7
    assert scan(FRAGMENTED + fragment * 8) == SHOWN


@settings(max_examples=300, deadline=None)
@given(garbage=st.binary(max_size=600), step=st.integers(1, 64))
def test_random_bytes_give_an_empty_result_and_never_an_error(garbage: bytes, step: int) -> None:
    assert scan(garbage, step=step) == Seen()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_file_never_gives_an_error(films: dict[str, bytes], data: st.DataObject) -> None:
    damaged = bytearray(films[data.draw(st.sampled_from(list(LAYOUTS)))])
    for position, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(damaged) - 1), st.integers(0, 255)), max_size=40)
    ):
        damaged[position] = value
    for kind in data.draw(st.lists(st.sampled_from([b"moov", b"mvhd", b"tkhd", b"trun", b"tfhd", b"mdhd", b"trex"]))):
        at = damaged.find(kind) + 4
        damaged[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))

    info = scan(bytes(damaged))

    assert info.duration is None or 1 <= info.duration < 2**31


def test_a_size_below_every_rung_is_named_by_what_it_is() -> None:
    assert resolution_name(128, 72) == "72p"
    assert (resolution_name(1, 1), aspect_ratio_name(1, 60_000)) == ("1p", "9:16")


@pytest.mark.parametrize("size", [(None, None), (640, None), (0, 0)])
def test_an_unknown_size_has_no_name(size: tuple[int | None, int | None]) -> None:
    assert (resolution_name(*size), aspect_ratio_name(*size)) == (None, None)
