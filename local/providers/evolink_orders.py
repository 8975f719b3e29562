"""The orders that Evolink accepts at `POST /v1/videos/generations`, by its documentation of each model."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from local.providers import facts
from local.providers.evolink_wire import EvolinkError
from local.providers.facts.field import Field
from local.providers.json_bodies import read_object
from local.providers.task_queue import FilmOrder, PlacedOrder

SECONDS: Final = 8
"""The length, in seconds, of films whose model takes no duration."""


def parse_order(body: bytes) -> PlacedOrder:
    """Raises EvolinkError: 404 for an unknown model, else 400."""
    fields = read_object(body)
    if fields is None:
        _refuse(None, "The body must be a JSON object")
    name = fields.get("model")
    if not isinstance(name, str) or not name.strip():
        _refuse("model", "model is required, as a string")
    known = facts.load("evolink").get(name)
    if known is None:
        raise EvolinkError(404, "model_not_found", f"There is no model {name!r}", param="model")
    for param, problem in known.problems({key: value for key, value in fields.items() if key != "model"}).items():
        _refuse(param, problem)
    return PlacedOrder(
        model=name, film=_film(known.fields, fields), callback_url=fields.get("callback_url"), body=fields
    )


def _film(known: dict[str, Field], given: dict[str, Any]) -> FilmOrder:
    """Fills in the model's own duration where the order leaves it open, by -1."""
    seconds = given.get("duration", -1)
    if seconds == -1:
        seconds = known["duration"].default if "duration" in known else SECONDS
    ratio, quality = given.get("aspect_ratio") or "16:9", given.get("quality", "720p")
    return FilmOrder.shaped(given.get("prompt", ""), seconds, ratio=ratio, quality=quality)


def _refuse(param: str | None, message: str) -> NoReturn:
    raise EvolinkError(400, "invalid_parameters", message, param=param)
