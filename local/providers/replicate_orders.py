"""The orders that Replicate accepts at `POST /v1/models/{owner}/{name}/predictions`, by its page of each model."""

from __future__ import annotations

from typing import Any

from local.providers import callback_urls, facts
from local.providers.json_bodies import read_object
from local.providers.replicate_wire import ReplicateError
from local.providers.task_queue import FilmOrder, PlacedOrder

EVENTS = {"start", "output", "logs", "completed"}


def parse_order(model: str, body: bytes) -> PlacedOrder:
    """Raises ReplicateError."""
    known = facts.load("replicate").get(model)
    if known is None:
        raise ReplicateError(404, "The requested resource could not be found.")
    fields = read_object(body)
    if fields is None:
        raise ReplicateError(400, "The body must be a JSON object")
    given = fields.get("input")
    if not isinstance(given, dict):
        raise ReplicateError(422, "- input: is required")
    for name, problem in known.problems(given).items():
        raise ReplicateError(422, f"- input.{name}: {problem.removeprefix(name).strip()}")
    if not set(fields.get("webhook_events_filter", [])) <= EVENTS:
        raise ReplicateError(422, "- webhook_events_filter: is not valid")
    ratio, quality = given.get("aspect_ratio", "16:9"), given.get("resolution", "1080p")
    return PlacedOrder(
        model=model,
        film=FilmOrder.shaped(given["prompt"], _seconds(given, known), ratio=ratio, quality=quality),
        callback_url=_webhook(fields),
        body=fields,
    )


def _seconds(given: dict[str, Any], known: facts.ModelFacts) -> int:
    """The order's duration; -1 leaves it to the model."""
    seconds = given.get("duration", -1)
    return known.fields["duration"].default if seconds == -1 else seconds


def _webhook(fields: dict[str, Any]) -> str | None:
    if "webhook" not in fields:
        return None
    problem = callback_urls.problem_with(fields["webhook"])
    if problem is not None:
        raise ReplicateError(422, f"- webhook: {problem}")
    return fields["webhook"]
