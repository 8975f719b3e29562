"""What the fake Evolink takes and what it refuses: the rules of the real one's documentation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.providers.evolink_orders import parse_order
from local.providers.evolink_wire import EvolinkError
from local.providers.task_queue import FilmOrder, PlacedOrder

ORDER: dict[str, Any] = {
    "model": "seedance-2.0-text-to-video",
    "prompt": "A ferry at dusk",
    "aspect_ratio": "16:9",
    "duration": 4,
    "quality": "480p",
}


def parsed(*, local: bool = True, **fields: Any) -> PlacedOrder:
    return parse_order(json.dumps(ORDER | fields).encode(), local=local)


def refused(**fields: Any) -> dict[str, Any]:
    """The error of the envelope."""
    with pytest.raises(EvolinkError) as refusal:
        parsed(**fields)
    assert refusal.value.status == 400
    return refusal.value.envelope["error"]


def test_an_order_says_what_to_film_and_whom_to_call() -> None:
    order = parsed(callback_url="http://127.0.0.1:8787/callback")

    assert order == PlacedOrder(
        model="seedance-2.0-text-to-video",
        film=FilmOrder(prompt="A ferry at dusk", seconds=4, width=854, height=480),
        callback_url="http://127.0.0.1:8787/callback",
        body=ORDER | {"callback_url": "http://127.0.0.1:8787/callback"},
    )


def test_only_model_and_prompt_are_required() -> None:
    order = parse_order(b'{"model": "sora-2", "prompt": "A ferry"}', local=False)

    assert order.film == FilmOrder(prompt="A ferry", seconds=10, width=1280, height=720)
    assert order.callback_url is None


@pytest.mark.parametrize(
    ("model", "fields", "seconds", "size"),
    [
        ("seedance-2.5-text-to-video", {"duration": -1}, 5, (854, 480)),
        ("seedance-2.0-text-to-video", {"aspect_ratio": "adaptive"}, 4, (854, 480)),
        ("seedance-2.0-text-to-video", {"aspect_ratio": "9:16", "quality": "1080p"}, 4, (1080, 1920)),
        ("sora-2-preview", {"aspect_ratio": "720x1280"}, 4, (480, 854)),
    ],
)
def test_what_is_left_to_the_model_is_settled(
    model: str, fields: dict[str, Any], seconds: int, size: tuple[int, int]
) -> None:
    film = parsed(model=model, **fields).film

    assert (film.seconds, film.width, film.height) == (seconds, *size)


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "sora-2", "duration": 15, "remove_watermark": True, "image_urls": ["https://a.example/1.png"]},
        {"model": "sora-2-preview", "duration": 12, "aspect_ratio": "720x1280"},
        {"model": "seedance-1.5-pro", "image_urls": ["https://a.example/1.png", "http://127.0.0.1:9/2.png"]},
        {"model": "seedance-2.0-fast-image-to-video", "image_urls": ["https://a.example/1.png"]},
        {"model": "seedance-2.0-reference-to-video", "video_urls": ["https://a.example/1.mp4"]},
        {"model": "seedance-2.5-text-to-video", "duration": -1, "aspect_ratio": "adaptive"},
        {"model": "veo-3.1-generate-preview", "quality": "1080p", "generate_audio": False, "seed": 1},
        {"model": "wan2.6-text-to-video", "duration": 15, "quality": "720p", "model_params": {}},
        {"model": "kling-v3-text-to-video", "duration": 10, "quality": "1080p", "sound": "on"},
    ],
)
def test_what_the_documentation_allows_is_taken(fields: dict[str, Any]) -> None:
    assert parsed(**fields).body == ORDER | fields


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": ["A ferry"]}, "prompt"),
        ({"prompt": "x" * 5001}, "prompt"),
        ({"model": "seedance-1.5-pro", "prompt": "x" * 2001}, "prompt"),
        ({"duration": True}, "duration"),
        ({"duration": "5"}, "duration"),
        ({"duration": 5.0}, "duration"),
        ({"duration": None}, "duration"),
        ({"duration": 3}, "duration"),
        ({"duration": -1}, "duration"),
        ({"duration": 10**30}, "duration"),
        ({"model": "sora-2", "duration": 8}, "duration"),
        ({"aspect_ratio": "16:10"}, "aspect_ratio"),
        ({"aspect_ratio": 1.78}, "aspect_ratio"),
        ({"model": "sora-2", "duration": 10, "aspect_ratio": "1:1"}, "aspect_ratio"),
        ({"quality": "high"}, "quality"),
        ({"quality": 720}, "quality"),
        ({"model": "veo-3.1-generate-preview", "quality": "480p"}, "quality"),
        ({"model": "veo3.1-fast", "quality": "720p"}, "duration"),
        ({"something_new": 1}, "something_new"),
        ({"image_urls": "https://a.example/1.png"}, "image_urls"),
        ({"image_urls": [7]}, "image_urls"),
        ({"image_urls": ["ftp://a.example/1.png"]}, "image_urls"),
        ({"image_urls": ["https://"]}, "image_urls"),
        ({"image_urls": ["https://[::1"]}, "image_urls"),
        ({"image_urls": ["https://a.example/1.png"]}, "image_urls"),
        ({"model": "seedance-2.0-image-to-video"}, "image_urls"),
        ({"model": "seedance-2.0-image-to-video", "image_urls": ["https://a.example/1.png"] * 3}, "image_urls"),
        ({"model": "seedance-2.0-reference-to-video"}, "image_urls"),
        ({"model": "seedance-1.5-pro", "image_urls": ["https://a.example/1.png"] * 3}, "image_urls"),
        ({"video_urls": {}}, "video_urls"),
        ({"generate_audio": "yes"}, "generate_audio"),
        ({"remove_watermark": 1}, "remove_watermark"),
        ({"model_params": []}, "model_params"),
        ({"callback_url": None}, "callback_url"),
        ({"callback_url": "ftp://a.example/"}, "callback_url"),
        ({"callback_url": "/callback"}, "callback_url"),
        ({"callback_url": "https://a.example:99999/"}, "callback_url"),
        ({"callback_url": "https://a.example/a b"}, "callback_url"),
        ({"callback_url": "https://a.example/é"}, "callback_url"),
        ({"callback_url": "https://a.example/" + "x" * 2048}, "callback_url"),
    ],
)
def test_what_it_does_not_allow_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    error = refused(**fields)

    assert (error["code"], error["type"], error["param"]) == ("invalid_parameters", "invalid_request_error", param)
    assert error["message"]


@pytest.mark.parametrize("duration", [True, "5", 5.0, None])
def test_a_duration_is_an_integer_and_a_bool_is_none(duration: object) -> None:
    assert refused(duration=duration)["message"] == "duration must be an integer"


@pytest.mark.parametrize("model", ["seedance-9", "SORA-2", "sora-2\n", "seedance-2.0-turbo-text-to-video", "kling-"])
def test_an_unknown_model_is_not_found(model: str) -> None:
    with pytest.raises(EvolinkError) as refusal:
        parsed(model=model)

    assert refusal.value.status == 404
    assert refusal.value.envelope["error"]["type"] == "not_found_error"
    assert refusal.value.envelope["error"]["param"] == "model"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b'{"model": NaN}', b"\xff\xfe", b"[" * 100_000, b"1" * 5000]
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(EvolinkError) as refusal:
        parse_order(body, local=True)

    assert refusal.value.status == 400
    assert "param" not in refusal.value.envelope["error"]


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/callback",
        "https://127.0.0.1/callback",
        "https://localhost:8787/callback",
        "https://api.localhost/callback",
        "https://10.1.2.3/callback",
        "https://192.168.0.1/callback",
        "https://169.254.169.254/callback",
        "https://[::1]/callback",
        "https://[::ffff:127.0.0.1]/callback",
        "https://0.0.0.0/callback",
    ],
)
def test_a_callback_must_be_public_unless_everything_is_local(url: str) -> None:
    assert refused(local=False, callback_url=url)["param"] == "callback_url"
    assert parsed(callback_url=url).callback_url == url


@pytest.mark.parametrize("url", ["https://api.example.com/callback?sig=".ljust(2048, "x"), "https://93.184.215.14/"])
def test_a_public_callback_is_taken(url: str) -> None:
    assert parsed(local=False, callback_url=url).callback_url == url
