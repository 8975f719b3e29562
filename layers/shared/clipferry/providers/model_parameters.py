"""Fills in a model's own parameters from its offer in the catalogue: `"$duration"` becomes the order's duration.

Models name their parameters differently (`resolution`, `first_frame_url`, a duration as text). The catalogue has these
names, so that a new model needs no code.
"""

from __future__ import annotations

from typing import Any

from clipferry.errors import ProviderRefusedError
from clipferry.models import FailureCode, Order


def fill_parameters(order: Order) -> dict[str, Any]:
    """Returns the offer's `input` with the order's values; a parameter without a value is left out.

    Raises ProviderRefusedError for an unknown `$name`: nothing is sent, and the model's next offer is tried.
    """
    filled = _fill(order.input, _values(order))
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
        "$image_url": order.image_url,
        "$last_image_url": order.last_image_url,
        "$image_urls": list(order.image_urls) or None,
        "$video_url": next(iter(order.video_urls), None),
        "$video_urls": list(order.video_urls) or None,
        "$audio_url": next(iter(order.audio_urls), None),
        "$audio_urls": list(order.audio_urls) or None,
        "$generate_audio": order.generate_audio,
        "$seed": order.seed,
    }


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
