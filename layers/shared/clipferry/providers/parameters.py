"""A model's own parameters, from its offer in the catalogue: `"$duration"` there is the order's duration here.

Markets like KIE and Replicate name the same thing differently model by model (`resolution`, `first_frame_url`, a
duration as text), so those names are the catalogue's, and a new model there needs no code.
"""

from __future__ import annotations

from typing import Any

from clipferry.errors import ProviderRefusedError
from clipferry.models import FailureCode, Order


def filled(order: Order) -> dict[str, Any]:
    """The offer's `input` with the order's values; what the order doesn't have is left out.

    Raises ProviderRefusedError for a `$name` that isn't one of an order: nothing is sent, another offer may do.
    """
    return {key: value for key, given in order.input.items() if not _is_empty(value := _fill(given, _values(order)))}


def _values(order: Order) -> dict[str, Any]:
    return {
        "$prompt": order.prompt,
        "$duration": order.duration,
        "$duration_text": str(order.duration),
        "$aspect_ratio": order.aspect_ratio,
        "$quality": order.quality,
        "$image_url": order.image_url,
    }


def _fill(given: Any, values: dict[str, Any]) -> Any:
    if isinstance(given, list):
        return [item for part in given if not _is_empty(item := _fill(part, values))]
    if not isinstance(given, str) or not given.startswith("$"):
        return given
    if given not in values:
        known = ", ".join(values)
        raise ProviderRefusedError(f"the catalogue says {given}: {known} exist", failure=FailureCode.PROVIDER_FAILED)
    return values[given]


def _is_empty(value: object) -> bool:
    return value is None or value == []
