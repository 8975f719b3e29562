"""What a request for a video means: its mode, its media, its words; and that what can't be honoured is refused."""

from __future__ import annotations

from typing import Any

import pytest

from clipferry.api.media_inputs import MODE_NAMES
from clipferry.models import Mode
from tests.unit.video_requests import faults, read

A, B, C = (f"https://example.com/{name}.png" for name in "abc")
FILM, SOUND = "https://example.com/a.mp4", "https://example.com/a.mp3"
NOTHING = {"imageUrl": None, "imageUrls": [], "videoUrls": [], "audioUrls": None, "outputNumber": 1, "mode": None}


# Modes


@pytest.mark.parametrize(
    ("fields", "mode", "images"),
    [
        ({}, Mode.TEXT, ()),
        (NOTHING, Mode.TEXT, ()),
        ({"mode": "text-to-video"}, Mode.TEXT, ()),
        ({"mode": "t2v"}, Mode.TEXT, ()),
        ({"mode": "text-image-to-video"}, Mode.TEXT, ()),
        ({"imageUrl": A}, Mode.FIRST_FRAME, (A,)),
        ({"imageUrls": [A]}, Mode.FIRST_FRAME, (A,)),
        ({"imageUrl": A, "imageUrls": [A]}, Mode.FIRST_FRAME, (A,)),
        ({"imageUrl": A, "mode": "i2v"}, Mode.FIRST_FRAME, (A,)),
        ({"imageUrl": A, "mode": "image-to-video"}, Mode.FIRST_FRAME, (A,)),
        ({"imageUrl": A, "mode": "Image-To-Video"}, Mode.FIRST_FRAME, (A,)),
        ({"imageUrl": A, "mode": "frames-to-video"}, Mode.FIRST_FRAME, (A,)),
        ({"imageUrl": A, "mode": "text-image-to-video"}, Mode.FIRST_FRAME, (A,)),
        ({"imageUrl": A, "imageUrls": [A], "mode": "text-to-video"}, Mode.FIRST_FRAME, (A,)),
        ({"imageUrls": [A, B], "mode": "frames-to-video"}, Mode.FIRST_LAST_FRAME, (A, B)),
        ({"imageUrls": [A, B], "mode": "image-to-video"}, Mode.FIRST_LAST_FRAME, (A, B)),
        ({"imageUrl": A, "lastImageUrl": B}, Mode.FIRST_LAST_FRAME, (A, B)),
        ({"imageUrls": [A], "lastImageUrl": B}, Mode.FIRST_LAST_FRAME, (A, B)),
        ({"imageUrls": [A, B], "lastImageUrl": B}, Mode.FIRST_LAST_FRAME, (A, B)),
        ({"imageUrl": A, "imageUrls": [A, B], "lastImageUrl": B, "mode": "i2v"}, Mode.FIRST_LAST_FRAME, (A, B)),
        ({"imageUrls": [A, B, C]}, Mode.REFERENCE, (A, B, C)),
        ({"imageUrls": [A], "mode": "reference-to-video"}, Mode.REFERENCE, (A,)),
        ({"imageUrl": A, "mode": "r2v"}, Mode.REFERENCE, (A,)),
        ({"imageUrls": [A, B], "mode": "r2v"}, Mode.REFERENCE, (A, B)),
        ({"videoUrls": [FILM]}, Mode.REFERENCE, ()),
        ({"imageUrl": A, "audioUrls": [SOUND]}, Mode.REFERENCE, (A,)),
        ({"imageUrls": [A, B], "model": "frames-1"}, Mode.FIRST_LAST_FRAME, (A, B)),
        ({"imageUrls": [A, B], "model": "references-1"}, Mode.REFERENCE, (A, B)),
        ({"imageUrl": A, "model": "references-1"}, Mode.REFERENCE, (A,)),
    ],
)
def test_the_mode_is_named_or_told_from_the_media(fields: dict[str, Any], mode: Mode, images: tuple[str, ...]) -> None:
    request = read(**fields)

    assert (request.resolved.options.mode, request.resolved.options.image_urls) == (mode, images)
    assert request.parameters["mode"] == MODE_NAMES[mode]
    assert request.image_url == (images[0] if images else None)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"mode": "video-to-video"}, ("mode", "unsupported")),
        ({"mode": ""}, ("mode", "unsupported")),
        ({"mode": "image-to-video"}, ("imageUrl", "missing")),
        ({"mode": "frames-to-video"}, ("imageUrl", "missing")),
        ({"mode": "reference-to-video"}, ("imageUrls", "missing")),
        ({"imageUrls": [A, B]}, ("mode", "missing")),
        ({"imageUrl": A, "imageUrls": [B]}, ("imageUrl", "contradiction")),
        ({"imageUrl": B, "imageUrls": [A, B], "mode": "r2v"}, ("imageUrl", "contradiction")),
        ({"lastImageUrl": B}, ("lastImageUrl", "contradiction")),
        ({"imageUrls": [A, B], "lastImageUrl": C}, ("lastImageUrl", "contradiction")),
        ({"imageUrls": [A, B, C], "mode": "frames-to-video"}, ("imageUrls", "unsupported")),
        ({"imageUrl": A, "lastImageUrl": B, "mode": "r2v"}, ("lastImageUrl", "contradiction")),
        ({"imageUrl": A, "lastImageUrl": B, "videoUrls": [FILM]}, ("lastImageUrl", "contradiction")),
        ({"imageUrl": A, "videoUrls": [FILM], "mode": "i2v"}, ("videoUrls", "unsupported")),
        ({"audioUrls": [SOUND], "mode": "t2v"}, ("audioUrls", "unsupported")),
        ({"audioUrls": [SOUND]}, ("audioUrls", "unsupported")),
        ({"imageUrls": [A] * 10}, ("imageUrls", "unsupported")),
        ({"videoUrls": [FILM] * 4}, ("videoUrls", "unsupported")),
        ({"imageUrls": [A] * 51}, ("imageUrls", "too_long")),
        ({"imageUrl": A, "model": "text-1"}, ("imageUrl", "unsupported")),
        ({"imageUrl": A, "model": "text-1", "mode": "t2v"}, ("imageUrl", "unsupported")),
        ({"imageUrls": [A], "model": "text-1"}, ("imageUrls", "unsupported")),
        ({"imageUrls": [A, B], "model": "text-1", "mode": "frames-to-video"}, ("imageUrls", "unsupported")),
        ({"videoUrls": [FILM], "model": "frames-1"}, ("videoUrls", "unsupported")),
        ({"imageUrls": [A], "mode": "r2v", "model": "frames-1"}, ("imageUrls", "unsupported")),
        ({"imageUrl": A, "lastImageUrl": B, "model": "references-1"}, ("lastImageUrl", "unsupported")),
        ({"model": "references-1"}, ("mode", "unsupported")),
    ],
)
def test_what_does_not_fit_together_is_refused(fields: dict[str, Any], wrong: tuple[str, str]) -> None:
    assert wrong in faults(**fields)


# Words and numbers


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("720p", "720p"),
        ("1080P", "1080p"),
        ("480P", "480p"),
        ("standard", "720p"),
        ("high", "1080p"),
        ("HIGH", "1080p"),
    ],
)
def test_quality_has_any_letter_case_and_the_originals_two_words(said: str, meant: str) -> None:
    assert read(quality=said).resolved.options.quality == meant


@pytest.mark.parametrize("said", ["standard", "High"])
def test_a_model_that_has_the_originals_two_words_keeps_them(said: str) -> None:
    request = read(quality=said, model="references-1", imageUrl=A)

    assert request.resolved.options.quality == said.lower()


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"quality": "2160p"}, "quality"),
        ({"quality": "high", "model": "text-1"}, "quality"),
        ({"outputNumber": 2}, "outputNumber"),
        ({"outputNumber": 0}, "outputNumber"),
        ({"outputNumber": "1"}, "outputNumber"),
        ({"generateAudio": "false"}, "generateAudio"),
        ({"generateAudio": 0}, "generateAudio"),
        ({"generateAudio": False, "model": "text-1"}, "generateAudio"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 2**31}, "seed"),
        ({"seed": 10**30}, "seed"),
        ({"seed": 7, "model": "text-1"}, "seed"),
        ({"negativePrompt": ""}, "negativePrompt"),
        ({"negativePrompt": "x" * 501}, "negativePrompt"),
        ({"negativePrompt": "rain", "model": "text-1"}, "negativePrompt"),
        ({"prompt": "x" * 5001}, "prompt"),
        ({"prompt": "x" * 40_000}, "prompt"),
    ],
)
def test_what_the_model_does_not_take_is_refused_by_its_name(fields: dict[str, Any], path: str) -> None:
    assert [name for name, _ in faults(**fields)] == [path]


def test_the_row_keeps_what_the_film_was_made_from() -> None:
    new = {"seed": 7, "negativePrompt": "rain", "generateAudio": False}
    media = {"imageUrls": [A, B], "videoUrls": [FILM], "audioUrls": [SOUND]}

    assert read(mode="r2v", **new, **media).parameters == {
        "duration": 5,
        "aspectRatio": "16:9",
        "quality": "720p",
        "mode": "reference-to-video",
        **new,
        **media,
    }


@pytest.mark.parametrize(("one", "other"), [({"seed": 1}, {"seed": 2}), ({"imageUrls": [A]}, {"imageUrls": [B]})])
def test_requests_for_different_films_are_different(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert read(**one).sha256 != read(**other).sha256
    assert read(**one).sha256 == read(**one).sha256


# Hosts


@pytest.mark.parametrize("path", ["imageUrl", "lastImageUrl", "imageUrls", "videoUrls", "audioUrls"])
@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "10.0.0.1",
        "192.168.1.1.",
        "1.2.3.4.5",
        "256.1.1.1",
        "localhost",
        "LOCALHOST.",
        "app.localhost",
        "metadata",
        "metadata.google.internal",
        "Metadata.Google.Internal.",
        "printer.local",
        "router.home.arpa",
    ],
)
def test_a_host_that_cannot_be_public_is_refused(path: str, host: str) -> None:
    url = f"https://{host}/latest/meta-data"
    value = [url] if path.endswith("s") else url
    beside = {"imageUrl": A} if path == "lastImageUrl" else {}

    assert (path, "invalid_url") in faults(**beside, **{path: value})


@pytest.mark.parametrize(
    "host",
    ["8.8.8.8", "1.1", "134744072", "cdn.example.com", "localhost.example.com", "internal.example", "x.local.io"],
)
def test_a_host_that_may_be_public_is_taken(host: str) -> None:
    assert read(imageUrl=f"https://{host}/a.png").image_url == f"https://{host}/a.png"
