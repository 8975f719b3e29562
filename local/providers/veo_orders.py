"""The orders that KIE accepts at `POST /api/v1/veo/generate`: every field at the top level, and no duration."""

from __future__ import annotations

from typing import Any

from local.film import render
from local.providers import callback_urls
from local.providers.kie_orders import callback_url, json_object, refuse
from local.providers.task_queue import FilmOrder, PlacedOrder

SECONDS = 8
MODELS = ("veo3", "veo3_fast", "veo3_lite")
KINDS = ("TEXT_2_VIDEO", "FIRST_AND_LAST_FRAMES_2_VIDEO", "REFERENCE_2_VIDEO")
FIELDS = (
    *("prompt", "model", "imageUrls", "generationType", "aspect_ratio", "seeds", "callBackUrl"),
    *("enableTranslation", "enableFallback", "watermark"),
)


def parse_order(body: bytes, *, local: bool) -> PlacedOrder:
    """Raises KieError. `local` lets callbacks go to this machine."""
    fields = json_object(body)
    for name in fields.keys() - set(FIELDS):
        refuse(f"{name} is not a parameter of Veo")
    model = fields.get("model", "veo3_fast")
    prompt, ratio = fields.get("prompt"), fields.get("aspect_ratio", "16:9")
    if not isinstance(prompt, str) or not prompt.strip():
        refuse("prompt is required")
    if model not in MODELS:
        refuse("Invalid model")
    if ratio not in ("16:9", "9:16", "Auto"):
        refuse("Invalid aspect ratio")
    if not isinstance(fields.get("enableTranslation", True), bool):
        refuse("enableTranslation must be true or false")
    _check_images(fields)
    width, height = render.frame_size("16:9" if ratio == "Auto" else ratio, "720p")
    return PlacedOrder(
        model=model,
        film=FilmOrder(prompt=prompt, seconds=SECONDS, width=width, height=height),
        callback_url=callback_url(fields, local=local),
        body=fields,
    )


def _check_images(fields: dict[str, Any]) -> None:
    images, kind = fields.get("imageUrls", []), fields.get("generationType")
    if not isinstance(images, list) or len(images) > 3 or not all(map(callback_urls.is_url, images)):
        refuse("imageUrls must be one to three URLs")
    if kind not in (None, *KINDS):
        refuse("Invalid generationType")
    if kind is not None and (kind == "TEXT_2_VIDEO") == bool(images):
        refuse(f"imageUrls do not fit {kind}")
