"""An offer's `body` is a kind of server's request: it stands for an `input`, and promises what it has fields for."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipferry import catalog
from clipferry.catalog.bodies import BODIES
from clipferry.catalog.templates import NAMES, names_in
from clipferry.errors import ConfigurationError
from clipferry.models import Mode
from local.providers.gateway_wire import Kind

MODEL = """
[[model]]
id = "m"
name = "M"
durations = [4, 8]
aspect_ratios = ["16:9", "9:16"]
qualities = ["720p", "1080p"]
{model}
cost = {{ base = 1 }}
[[model.offer]]
provider = "gateway"
model = "m-1"
{offer}
"""


def load(folder: Path, offer: str, model: str = "") -> catalog.Offer:
    path = folder / "models.toml"
    path.write_text(MODEL.format(model=model, offer=offer))
    return catalog.load(path).get("m").offers[0]


def test_each_kind_of_server_has_a_body_with_names_that_are_known() -> None:
    assert set(BODIES) == set(Kind)
    assert {name for modes in BODIES.values() for fields in modes.values() for name in names_in(fields)} <= NAMES


@pytest.mark.parametrize("body", BODIES)
def test_a_body_sends_what_the_request_may_choose(tmp_path: Path, body: str) -> None:
    offer = load(tmp_path, f'body = "{body}"')

    assert offer.body == body
    assert offer.modes[Mode.TEXT].limits.durations == (4, 8)
    assert offer.modes[Mode.TEXT].input == BODIES[body][Mode.TEXT]


def test_what_an_offer_has_in_input_is_added_or_replaces(tmp_path: Path) -> None:
    offer = load(tmp_path, 'body = "openai"\ninput = { seconds = "$duration", quality = "standard" }')

    assert offer.modes[Mode.TEXT].input == {"seconds": "$duration", "size": "$size", "quality": "standard"}


@pytest.mark.parametrize(
    ("offer", "model", "said"),
    [
        ('body = "soap"', "", "the body 'soap' is none of openai, new-api, openrouter"),
        ('body = "openai"', 'modes = ["first_last_frame"]', "has no field for what the mode first_last_frame is made"),
        ('body = "openai"', 'audio = "optional"', "doesn't send $generate_audio"),
        ('body = "openai"', "seed = true", "a seed in text, which no offer takes"),
        (
            'body = "openrouter"',
            "[model.modes]\nreference = { images = 2, videos = 1 }",
            "doesn't send $video_urls",
        ),
    ],
)
def test_a_body_that_does_not_keep_the_models_promise_is_refused(
    tmp_path: Path, offer: str, model: str, said: str
) -> None:
    # TOML wants a table of the model's after its cost.
    text = MODEL.format(model="" if model.startswith("[") else model, offer=offer)
    if model.startswith("["):
        text = text.replace("[[model.offer]]", f"{model}\n[[model.offer]]")
    path = tmp_path / "models.toml"
    path.write_text(text)

    with pytest.raises(ConfigurationError) as refused:
        catalog.load(path)
    assert said in str(refused.value)
