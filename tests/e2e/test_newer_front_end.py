"""The calls of the original's newer front end, with only the fields that it sends, reading only those that it reads.

examples/models-videofly.toml is its catalogue; its pages are zengdong521/videofly-template's at 16f0037.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.front_end import PROMPT, SITE, FrontEnd, RefusedError
from tests.http_api import AUTH_SECRET, COOKIE, signed
from tests.stack_world import evolink_stack

MODELS_FILE = Path(__file__).parents[2] / "examples" / "models-videofly.toml"
PICTURE = "https://pictures.example.com/1.png"
SOUND = "https://pictures.example.com/1.mp3"
ORDERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"model": "seedance-2.0", "mode": "text-to-video", "quality": "720P", "generateAudio": True},
        {"model": "seedance-2.0-text-to-video", "quality": "720p", "generate_audio": True},
    ),
    (
        {
            "model": "seedance-2.0-fast",
            "mode": "image-to-video",
            "quality": "480P",
            "aspectRatio": "adaptive",
            "imageUrls": [PICTURE],
            "imageUrl": PICTURE,
        },
        {"model": "seedance-2.0-fast-image-to-video", "quality": "480p", "image_urls": [PICTURE]},
    ),
    (
        {
            "model": "seedance-2.0",
            "mode": "reference-to-video",
            "quality": "720P",
            "imageUrls": [PICTURE],
            "imageUrl": PICTURE,
            "audioUrls": [SOUND],
        },
        {"model": "seedance-2.0-reference-to-video", "image_urls": [PICTURE], "audio_urls": [SOUND]},
    ),
]
"""What its pages send in each mode, beside the fields of every order, and what the provider is told."""


@pytest.fixture
def newer(migrated_url: str) -> Iterator[FrontEnd]:
    own = {"MODELS_FILE": str(MODELS_FILE), "BETTER_AUTH_SECRET": AUTH_SECRET, "ALLOWED_ORIGINS": SITE}
    with evolink_stack(migrated_url, **own) as (stack, evolink):
        assert stack.token is not None
        yield FrontEnd(stack, evolink, {"Cookie": f"{COOKIE}={signed(stack.token)}", "Origin": SITE})


def ordered(newer: FrontEnd, order: dict[str, Any], told: dict[str, Any]) -> str:
    body = {"prompt": PROMPT, "duration": 5, "aspectRatio": "16:9", "outputNumber": 1} | order
    created = newer.fetch("/video/generate", "POST", body)
    sent = newer.evolink.submissions[-1]
    assert {name: sent[name] for name in told} == told
    return created["videoUuid"]


def test_it_orders_in_each_of_its_modes_and_reads_what_became_of_it(newer: FrontEnd) -> None:
    uuids = [ordered(newer, order, told) for order, told in ORDERS]

    assert {newer.poll(uuid)["status"] for uuid in uuids} == {"COMPLETED"}
    page = newer.fetch("/video/list?limit=2")
    assert (len(page["videos"]), page["hasMore"]) == (2, True)
    rest = newer.fetch(f"/video/list?limit=2&cursor={page['nextCursor']}")
    assert (len(rest["videos"]), rest["hasMore"]) == (1, False)

    history = newer.fetch("/credit/history?limit=2")
    older = newer.fetch(f"/credit/history?limit=2&cursor={history['nextCursor']}")
    shown = [*history["transactions"], *older["transactions"]]
    assert history["hasMore"] is True
    assert {row["videoUuid"] for row in shown if row["transType"] == "video_generate"} == set(uuids)

    with pytest.raises(RefusedError) as refused:
        newer.fetch("/video/generate", "POST", {"prompt": PROMPT, "model": "seedance-2.0", "duration": 99})
    assert "duration" in refused.value.error["message"]
    assert newer.fetch(f"/video/{uuids[0]}", "DELETE") == {"deleted": True}
    events = urllib.request.Request(f"{newer.stack.url}/api/v1/video/events", headers={"Accept": "text/event-stream"})
    with urllib.request.urlopen(events, timeout=30) as stream:
        assert (stream.status, stream.read()) == (204, b"")
