"""The orders that Replicate accepts at `POST /v1/models/{owner}/{name}/predictions`, for a few models."""

from __future__ import annotations

import json
from typing import Any

from local.film import render
from local.providers import callback_urls
from local.providers.replicate_wire import ReplicateError
from local.providers.task_queue import FilmOrder, PlacedOrder

EVENTS = {"start", "output", "logs", "completed"}
MODELS: dict[str, dict[str, tuple[Any, ...] | type]] = {
    "google/veo-3.1-fast": {
        "prompt": str,
        "image": str,
        "aspect_ratio": ("16:9", "9:16"),
        "duration": (8, 4, 6),
        "resolution": ("1080p", "720p"),
        "generate_audio": bool,
    },
}


def parse_order(model: str, body: bytes, *, local: bool) -> PlacedOrder:
    """Raises ReplicateError. `local` lets webhooks go to this machine."""
    parameters = MODELS.get(model)
    if parameters is None:
        raise ReplicateError(404, "The requested resource could not be found.")
    fields = _json_object(body)
    given = fields.get("input")
    if not isinstance(given, dict) or not str(given.get("prompt", "")).strip():
        raise ReplicateError(422, "- input: prompt is required")
    for name, value in given.items():
        if not _fits(value, parameters.get(name)):
            raise ReplicateError(422, f"- input.{name}: is not valid")
    if not set(fields.get("webhook_events_filter", [])) <= EVENTS:
        raise ReplicateError(422, "- webhook_events_filter: is not valid")
    width, height = render.frame_size(given.get("aspect_ratio", "16:9"), given.get("resolution", "1080p"))
    return PlacedOrder(
        model=model,
        film=FilmOrder(prompt=given["prompt"], seconds=given.get("duration", 8), width=width, height=height),
        callback_url=_webhook(fields, local=local),
        body=fields,
    )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise ReplicateError(400, "The body must be a JSON object")
    return fields


def _fits(value: object, allowed: tuple[Any, ...] | type | None) -> bool:
    if isinstance(allowed, tuple):
        return type(value) in (int, str) and value in allowed
    return allowed is not None and isinstance(value, allowed)


def _webhook(fields: dict[str, Any], *, local: bool) -> str | None:
    if "webhook" not in fields:
        return None
    problem = callback_urls.problem_with(fields["webhook"], local=local)
    if problem is not None:
        raise ReplicateError(422, f"- webhook: {problem}")
    return fields["webhook"]
