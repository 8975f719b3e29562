"""Fills in a model's own parameters from its offer in the catalogue: `"$duration"` becomes the order's duration.

Models name their parameters differently (`resolution`, `first_frame_url`, a duration as text). The catalogue has these
names, so that a new model needs no code.
"""

from __future__ import annotations

import re
from typing import Any

from clipferry.errors import ProviderRefusedError
from clipferry.models import Order
from clipferry.verdicts import FailureCode


def fill_parameters(order: Order, *, callback_url: str | None = None) -> dict[str, Any]:
    """Returns the offer's `input` with the order's values; a parameter without a value is left out.

    `callback_url` is for those providers that take it among the parameters.

    Raises ProviderRefusedError for an unknown `$name`: nothing is sent, and the model's next offer is tried.
    """
    filled = _fill(order.input, _values(order) | {"$callback_url": callback_url})
    return filled if isinstance(filled, dict) else {}


def _values(order: Order) -> dict[str, Any]:
    """Returns a value for each of the catalogue's `templates.NAMES`; None where the order has none."""
    return {
        "$prompt": order.prompt,
        "$negative_prompt": order.negative_prompt,
        "$duration": order.duration,
        "$duration_text": str(order.duration),
        "$aspect_ratio": order.aspect_ratio,
        "$quality": order.quality,
        "$size": _size(order),
        "$image_url": order.image_url,
        "$last_image_url": order.last_image_url,
        "$image_urls": list(order.image_urls) or None,
        "$image_references": [{"type": "image_url", "image_url": {"url": url}} for url in order.image_urls] or None,
        "$video_url": next(iter(order.video_urls), None),
        "$video_urls": list(order.video_urls) or None,
        "$audio_url": next(iter(order.audio_urls), None),
        "$audio_urls": list(order.audio_urls) or None,
        "$generate_audio": order.generate_audio,
        "$seed": order.seed,
    }


def _size(order: Order) -> str | None:
    """The pixels as `1280x720`, whose shorter side the quality names; None for a ratio or a quality without numbers."""
    ratio = re.fullmatch(r"(\d+):(\d+)", order.aspect_ratio or "")
    short = re.fullmatch(r"(\d+)p", order.quality or "")
    if ratio is None or short is None:
        return None
    across, down = int(ratio[1]), int(ratio[2])
    width, height = (round(int(short[1]) * side / min(across, down) / 2) * 2 for side in (across, down))
    return f"{width}x{height}"


def _fill(template: Any, values: dict[str, Any]) -> Any:
    """Returns the template with its values. A list or a table that loses everything is left out, too."""
    if isinstance(template, list):
        items = [item for part in template if (item := _fill(part, values)) is not None]
        return items if items or not template else None
    if isinstance(template, dict):
        fields = {name: item for name, part in template.items() if (item := _fill(part, values)) is not None}
        return fields if fields or not template else None
    if not isinstance(template, str) or not template.startswith("$"):
        return template
    if template not in values:
        known = ", ".join(values)
        raise ProviderRefusedError(
            f"the catalogue has the unknown parameter {template}; the known ones are {known}",
            failure=FailureCode.PROVIDER_FAILED,
        )
    return values[template]
