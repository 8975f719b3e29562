"""Each kind of file that a provider may send: whether it is a film, and what is recorded of it."""

from __future__ import annotations

import pytest

from clipferry.media.file_kind import begins_as_iso, other_kind
from clipferry.media.geometry import aspect_ratio_name, resolution_name
from clipferry.media.mp4_scanner import MediaScanner
from tests.boxes import film
from tests.film_corpus import REFUSED, TAKEN, UNKNOWN, WITH_SOUND, WRONG_KINDS

STEPS = (1, 7, 1000, 256 * 1024, 1 << 30)
"""Bytes in a chunk; the last is the whole file."""


def scanned(content: bytes, step: int = 1 << 30) -> MediaScanner:
    scanner = MediaScanner(clip_bytes=1000)
    for start in range(0, len(content), step):
        scanner.feed(content[start : start + step])
    return scanner


@pytest.mark.parametrize("kind", TAKEN)
def test_a_film_is_taken_with_its_facts_whatever_the_size_of_the_chunks(kind: str) -> None:
    expected = TAKEN[kind]
    is_large = len(expected.content) > 1 << 20
    for step in STEPS[2:] if is_large else STEPS:
        scanner = scanned(expected.content, step)
        assert (scanner.no_film(), scanner.result()) == (None, expected.facts), step
    size = expected.facts.width, expected.facts.height
    assert (resolution_name(*size), aspect_ratio_name(*size)) == (expected.resolution, expected.aspect_ratio)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_film_is_told_with_its_reason_whatever_the_size_of_the_chunks(kind: str) -> None:
    content = REFUSED[kind].content
    assert begins_as_iso(content[:16])
    for step in STEPS:
        found = scanned(content, step).no_film()
        assert found is not None
        assert found.reason == REFUSED[kind].reason, (step, str(found))


@pytest.mark.parametrize("kind", WRONG_KINDS)
def test_another_kind_of_file_is_told_by_its_first_bytes(kind: str) -> None:
    content, name = WRONG_KINDS[kind]

    assert (other_kind(content), begins_as_iso(content)) == (name, False)


@pytest.mark.parametrize("content", UNKNOWN.values(), ids=UNKNOWN)
def test_a_page_is_no_known_kind_of_file(content: bytes) -> None:
    assert (other_kind(content), begins_as_iso(content)) == (None, False)


@pytest.mark.parametrize("kind", TAKEN)
def test_a_film_is_no_other_kind_of_file(kind: str) -> None:
    assert (other_kind(TAKEN[kind].content[:16_384]), begins_as_iso(TAKEN[kind].content)) == (None, True)


@pytest.mark.parametrize(
    ("content", "word"),
    [(film()[:-9], "mdat, is 9 bytes longer"), (WITH_SOUND[:-200], "the sound's last 200 bytes"), (film(), None)],
    ids=["a few bytes", "the sound's end", "nothing"],
)
def test_what_is_missing_of_a_film_that_plays_is_a_warning(content: bytes, word: str | None) -> None:
    found = "; ".join(scanned(content).oddities())

    assert found == "" if word is None else word in found


@pytest.mark.parametrize(("missing", "is_film"), [(64, True), (65, False)])
def test_a_film_may_end_a_few_bytes_too_early(missing: int, is_film: bool) -> None:
    assert (scanned(film()[:-missing]).no_film() is None) is is_film


def test_no_film_is_told_in_a_sentence_for_the_operator() -> None:
    sentence = str(scanned(REFUSED["ProRes"].content).no_film())

    assert sentence == "unplayable: no browser plays its codec, apch"
