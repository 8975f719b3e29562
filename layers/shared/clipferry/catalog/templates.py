"""The names in an offer's `input` that stand for what a request says, such as `"$duration"`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

NAMES: Final = frozenset(
    {
        "$prompt",
        "$negative_prompt",
        "$duration",
        "$duration_text",
        "$aspect_ratio",
        "$quality",
        "$size",
        "$image_url",
        "$last_image_url",
        "$image_urls",
        "$image_references",
        "$video_url",
        "$video_urls",
        "$audio_url",
        "$audio_urls",
        "$generate_audio",
        "$seed",
        "$callback_url",
    }
)
USUAL_INPUT: Final[dict[str, dict[str, Any]]] = {
    "evolink": {
        "duration": "$duration",
        "aspect_ratio": "$aspect_ratio",
        "quality": "$quality",
        "image_urls": "$image_urls",
    }
}
"""What an offer without `input` sends, beside the prompt: the names that this provider has for most of its models."""


def names_in(template: Any) -> set[str]:
    return {text for text in _texts(template) if text.startswith("$")}


def _texts(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, list | dict):
        for part in template.values() if isinstance(template, dict) else template:
            yield from _texts(part)
