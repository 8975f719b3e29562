"""Fills in a model's own parameters from its offer in the catalogue: `"$duration"` becomes the order's duration.

KIE and Replicate offer models whose parameters have different names (`resolution`, `first_frame_url`, a duration as
text). The catalogue has these names, so that a new model needs no code.
"""

from __future__ import annotations

from typing import Any

from clipferry.errors import ProviderRefusedError
from clipferry.models import FailureCode, Order


def fill_parameters(order: Order) -> dict[str, Any]:
    """Returns the offer's `input` with the order's values; a parameter without a value is left out.

    Raises ProviderRefusedError for an unknown `$name`: nothing is sent, and the model's next offer is tried.
    """
    return {
        key: value for key, template in order.input.items() if not _is_empty(value := _fill(template, _values(order)))
    }


def _values(order: Order) -> dict[str, Any]:
    return {
        "$prompt": order.prompt,
        "$duration": order.duration,
        "$duration_text": str(order.duration),
        "$aspect_ratio": order.aspect_ratio,
        "$quality": order.quality,
        "$image_url": order.image_url,
    }


def _fill(template: Any, values: dict[str, Any]) -> Any:
    if isinstance(template, list):
        return [item for part in template if not _is_empty(item := _fill(part, values))]
    if not isinstance(template, str) or not template.startswith("$"):
        return template
    if template not in values:
        known = ", ".join(values)
        raise ProviderRefusedError(
            f"the catalogue has the unknown parameter {template}; the known ones are {known}",
            failure=FailureCode.PROVIDER_FAILED,
        )
    return values[template]


def _is_empty(value: object) -> bool:
    return value is None or value == []
