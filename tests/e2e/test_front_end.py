"""The original front end's calls, with only the fields that it sends, reading only the fields that it reads.

It knows two models, `sora-2` and `sora-2-pro`; examples/models-sora.toml maps them to a live one, as a product would
that moves here with its front end unchanged.
"""

from __future__ import annotations

import math
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clipferry import catalog
from local.providers.evolink import FakeEvolink
from local.stack import Stack
from tests.films import PIXEL
from tests.front_end import PROMPT, SITE, FrontEnd, RefusedError
from tests.http_api import AUTH_SECRET, COOKIE, signed
from tests.stack_world import evolink_stack

MODELS_FILE = Path(__file__).parents[2] / "examples" / "models-sora.toml"

READ_FROM_A_MODEL = {"id", "name", "durations", "aspectRatios", "supportImageToVideo", "maxDuration", "creditCost"}
READ_FROM_A_VIDEO = {
    "uuid",
    "prompt",
    "model",
    "status",
    "videoUrl",
    "thumbnailUrl",
    "duration",
    "aspectRatio",
    "creditsUsed",
    "errorMessage",
    "createdAt",
    "completedAt",
}
READ_FROM_A_TRANSACTION = {"transNo", "transType", "credits", "balanceAfter", "videoUuid", "remark", "createdAt"}


@pytest.fixture(scope="module")
def running(migrated_url: str) -> Iterator[tuple[Stack, FakeEvolink]]:
    own = {"MODELS_FILE": str(MODELS_FILE), "BETTER_AUTH_SECRET": AUTH_SECRET, "ALLOWED_ORIGINS": SITE}
    with evolink_stack(migrated_url, **own) as running:
        yield running


@pytest.fixture
def same_site(running: tuple[Stack, FakeEvolink]) -> FrontEnd:
    """The API is behind a rewrite or the site's own domain: the browser adds the cookie, and Origin to a write."""
    stack, evolink = running
    assert stack.token is not None
    return FrontEnd(stack, evolink, {"Cookie": f"theme=dark; {COOKIE}={signed(stack.token)}", "Origin": SITE})


@pytest.fixture
def elsewhere(running: tuple[Stack, FakeEvolink]) -> FrontEnd:
    """On another site, where no cookie comes along: the session's token in a header."""
    stack, evolink = running
    return FrontEnd(stack, evolink, {"Authorization": f"Bearer {stack.token}", "Origin": SITE})


def shown_price(model: dict[str, Any], duration: int, quality: str | None) -> int:
    """The original's `calculateModelCredits`, in JavaScript's rounding."""
    cost = model["creditCost"]
    price = cost["base"] + max(0, duration - 10) * cost.get("perExtraSecond", 0)
    if quality == "high" and cost.get("highQualityMultiplier", 1) > 1:
        price *= cost["highQualityMultiplier"]
    return math.floor(price + 0.5)


def test_an_image_becomes_a_video_on_the_users_own_site(same_site: FrontEnd) -> None:
    user = same_site.fetch("/user/me")
    before = same_site.fetch("/credit/balance")
    model = next(model for model in same_site.fetch("/config/models") if model["id"] == "sora-2")
    assert model.keys() >= READ_FROM_A_MODEL
    image_url = same_site.upload(PIXEL)
    order = {"prompt": PROMPT, "model": "sora-2", "duration": 10, "aspectRatio": "16:9", "imageUrl": image_url}

    created = same_site.fetch("/video/generate", "POST", order)

    assert created.keys() == {"videoUuid", "taskId", "provider", "status", "estimatedTime", "creditsUsed"}
    assert (created["status"], created["creditsUsed"]) == ("GENERATING", shown_price(model, 10, None))
    uuid = created["videoUuid"]
    held = same_site.fetch("/credit/balance")
    assert held["frozenCredits"] == before["frozenCredits"] + created["creditsUsed"]
    assert held["availableCredits"] == before["availableCredits"] - created["creditsUsed"]

    finished = same_site.poll(uuid)
    assert (finished["status"], finished.get("error")) == ("COMPLETED", None)
    with urllib.request.urlopen(finished["videoUrl"], timeout=30) as film:
        assert (film.headers["Content-Type"], film.read(8)[4:]) == ("video/mp4", b"ftyp")
    assert same_site.evolink.submissions[-1]["image_urls"] == [image_url]
    with urllib.request.urlopen(image_url, timeout=30) as first_frame:
        assert first_frame.read() == PIXEL

    listed = same_site.fetch("/video/list?limit=20")
    assert [video["uuid"] for video in listed["videos"]] == [uuid]
    assert not listed["nextCursor"]
    assert listed["videos"][0].keys() >= READ_FROM_A_VIDEO
    assert listed["videos"][0]["videoUrl"] == finished["videoUrl"]
    detail = same_site.fetch(f"/video/{uuid}")
    assert listed["videos"][0] == {name: detail[name] for name in listed["videos"][0]}

    assert same_site.fetch(f"/video/{uuid}", "DELETE") == {"deleted": True}
    assert same_site.fetch("/video/list")["videos"] == []
    after = same_site.fetch("/credit/balance")
    assert after["usedCredits"] == before["usedCredits"] + created["creditsUsed"]
    assert after["frozenCredits"] == before["frozenCredits"]
    consumed = same_site.fetch("/credit/history?limit=20&offset=0")["records"][0]
    assert consumed.keys() >= READ_FROM_A_TRANSACTION
    assert (consumed["transType"], consumed["credits"], consumed["videoUuid"], consumed["balanceAfter"]) == (
        "VIDEO_CONSUME",
        -created["creditsUsed"],
        uuid,
        after["availableCredits"],
    )
    assert user["id"] == consumed["userId"]


def test_a_video_of_the_other_model_is_made_from_another_site(elsewhere: FrontEnd) -> None:
    model = next(model for model in elsewhere.fetch("/config/models") if model["id"] == "sora-2-pro")
    order = {"prompt": PROMPT, "model": "sora-2-pro", "duration": 10, "aspectRatio": "9:16", "quality": "high"}

    created = elsewhere.fetch("/video/generate", "POST", order)

    assert created["creditsUsed"] == shown_price(model, 10, "high") == 25
    assert elsewhere.poll(created["videoUuid"])["status"] == "COMPLETED"
    video = elsewhere.fetch(f"/video/{created['videoUuid']}")
    assert (video["duration"], video["aspectRatio"], video["parameters"]["quality"]) == (10, "9:16", "high")
    assert [found["uuid"] for found in elsewhere.fetch("/video/list?status=COMPLETED")["videos"]] == [video["uuid"]]


def test_every_price_that_is_shown_for_the_originals_models_is_the_one_that_is_paid(elsewhere: FrontEnd) -> None:
    listed = {model["id"]: model for model in elsewhere.fetch("/config/models")}
    own = catalog.load(MODELS_FILE).models

    for model_id in ("sora-2", "sora-2-pro"):
        assert own[model_id].cost == catalog.load().models[model_id].cost
        for duration in listed[model_id]["durations"]:
            for quality in listed[model_id].get("qualities", [None]):
                paid = own[model_id].cost.credits(duration=duration, quality=quality)
                assert shown_price(listed[model_id], duration, quality) == paid


@pytest.mark.parametrize(
    ("path", "method"),
    [("/video/generate", "POST"), ("/video/list?limit=20", "GET"), ("/video/vid_1", "DELETE"), ("/user/me", "GET")],
)
def test_a_browser_on_another_site_may_ask(elsewhere: FrontEnd, path: str, method: str) -> None:
    """The preflight: a 2xx, and what it is allowed, or it sends nothing."""
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type"}
    request = urllib.request.Request(
        f"{elsewhere.stack.url}/api/v1{path}", method="OPTIONS", headers={"Origin": SITE, **asked}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        headers = response.headers

    assert (response.status, headers["Access-Control-Allow-Origin"]) == (204, SITE)
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert method in headers["Access-Control-Allow-Methods"].split(",")
    assert {"authorization", "content-type"} <= set(headers["Access-Control-Allow-Headers"].split(","))


def test_a_refusal_has_a_sentence_to_show(elsewhere: FrontEnd) -> None:
    for order in (
        {"prompt": "", "model": "sora-2", "duration": 10},
        {"prompt": PROMPT, "model": "sora-2", "duration": 12},
        {"prompt": PROMPT, "model": "sora-1", "duration": 10},
        {"prompt": PROMPT, "model": "sora-2-pro", "duration": 10, "imageUrl": "https://example.com/a.png"},
    ):
        with pytest.raises(RefusedError) as refused:
            elsewhere.fetch("/video/generate", "POST", order)
        assert refused.value.status == 400
        assert refused.value.error["message"].endswith(".")
