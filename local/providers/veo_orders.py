"""The orders that KIE accepts at `POST /api/v1/veo/generate`: every field at the top level, and no duration."""

from __future__ import annotations

from typing import Any

from local.providers import facts
from local.providers.kie_orders import callback_url, check, json_object, refuse
from local.providers.task_queue import FilmOrder, PlacedOrder

SECONDS = 8
MODELS = ("veo3", "veo3_fast", "veo3_lite")


def parse_order(body: bytes) -> PlacedOrder:
    """Raises KieError."""
    fields = json_object(body)
    model = fields.get("model", "veo3_fast")
    if model not in MODELS:
        refuse("Invalid model")
    check(
        facts.load("kie")[model],
        {name: value for name, value in fields.items() if name not in ("model", "callBackUrl")},
    )
    _check_images(fields)
    ratio, quality = fields.get("aspect_ratio", "16:9"), fields.get("resolution", "720p")
    return PlacedOrder(
        model=model,
        film=FilmOrder.shaped(fields["prompt"], SECONDS, ratio=ratio, quality=quality),
        callback_url=callback_url(fields),
        body=fields,
    )


def _check_images(fields: dict[str, Any]) -> None:
    images, kind = fields.get("imageUrls", []), fields.get("generationType")
    if kind is not None and (kind == "TEXT_2_VIDEO") == bool(images):
        refuse(f"imageUrls do not fit {kind}")
    if kind == "FIRST_AND_LAST_FRAMES_2_VIDEO" and len(images) > 2:
        refuse("imageUrls must be one or two URLs for FIRST_AND_LAST_FRAMES_2_VIDEO")
