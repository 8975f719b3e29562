"""What an adapter is given is all that a provider can learn; docs/providers.md has it as a table."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from clipferry.models import Order

GUIDE = (Path(__file__).parents[2] / "docs/providers.md").read_text(encoding="utf-8")
TOLD = {
    "the prompt and the negative prompt": {"prompt", "negative_prompt"},
    "the pictures, films and sounds": {"image_url", "last_image_url", "image_urls", "video_urls", "audio_urls"},
    "model, length, shape, quality, sound, seed": {
        *("model", "duration", "aspect_ratio", "quality", "generate_audio", "seed", "input"),
    },
    "our callback URL": {"video_uuid", "provider"},
}
"""The fields of an order by the table's rows. `input` is the catalogue's: it has the others, and constants."""


def test_an_order_has_what_the_table_says_and_nothing_of_its_user() -> None:
    assert {field.name for field in fields(Order)} == set().union(*TOLD.values())
    for row in TOLD:
        assert f"\n| {row}" in GUIDE
