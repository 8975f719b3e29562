"""The worked example of docs/providers-models.md is a catalogue: it loads, and takes what it says it takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clipferry import catalog
from clipferry.catalog import Model, VideoOptions
from clipferry.errors import InvalidRequestError
from clipferry.models import Mode

GUIDE = Path(__file__).parents[2] / "docs" / "providers-models.md"


@pytest.fixture
def model(tmp_path: Path) -> Model:
    [example] = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "models.toml"
    path.write_text(example)
    return catalog.load(path).get("Ferry_2")


def test_it_has_a_model_in_three_modes(model: Model) -> None:
    assert list(model.modes) == [Mode.TEXT, Mode.FIRST_FRAME, Mode.REFERENCE]
    assert model.modes[Mode.TEXT].durations == (5, 4, 6, 7, 8, 9, 10, 11, 12)
    assert [model.offers[0].modes[mode].model for mode in model.modes] == [
        "ferry/2-text",
        "ferry/2-image",
        "ferry/2-refs",
    ]


@pytest.mark.parametrize(("audio", "price"), [(True, 60), (False, 20)])
def test_its_price_depends_on_the_mode_and_on_the_sound(model: Model, audio: bool, price: int) -> None:
    image = ("https://example.com/a.png",)
    text = model.resolve(VideoOptions(prompt="A ferry", generate_audio=audio))
    references = VideoOptions(mode=Mode.REFERENCE, prompt="A ferry", image_urls=image, generate_audio=audio)

    assert (text.credits, model.resolve(references).credits) == (20, price)


def test_a_prompt_that_no_offer_takes_is_refused(model: Model) -> None:
    with pytest.raises(InvalidRequestError):
        model.resolve(VideoOptions(prompt="x" * 1501))
