"""The orders that KIE accepts at `POST /api/v1/jobs/createTask`, by its documentation of each model."""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

from local.providers import callback_urls, facts
from local.providers.json_bodies import read_object
from local.providers.kie_wire import KieError
from local.providers.task_queue import FilmOrder, PlacedOrder

PAUSED: Final = ("sora-2",)
"""KIE has paused this family: code 500, "This interface is temporarily paused"."""
_SIZE: Final = re.compile(r"[1-9]\d{1,3}p|[24]k", re.IGNORECASE)
"""A quality that names a size; the others, such as "pro", are 720p here."""


def parse_order(body: bytes) -> PlacedOrder:
    """Raises KieError."""
    fields = json_object(body)
    model, given = fields.get("model"), fields.get("input")
    if isinstance(model, str) and model.startswith(PAUSED):
        raise KieError(500, "This interface is temporarily paused")
    known = facts.load("kie").get(model) if isinstance(model, str) and not model.startswith("veo3") else None
    if not isinstance(model, str) or known is None:
        refuse("The model name you specified is not supported. Please verify it using our platform documentation.")
    if not isinstance(given, dict):
        refuse("input is required")
    check(known, given)
    return PlacedOrder(model=model, film=_film(given), callback_url=callback_url(fields), body=fields)


def json_object(body: bytes) -> dict[str, Any]:
    return read_object(body) or refuse("The body must be a JSON object")


def check(known: facts.ModelFacts, given: dict[str, Any]) -> None:
    """Raises KieError with the first thing that the model's page doesn't allow."""
    for problem in known.problems(given).values():
        refuse(problem)


def callback_url(fields: dict[str, Any]) -> str | None:
    if "callBackUrl" not in fields:
        return None
    problem = callback_urls.problem_with(fields["callBackUrl"])
    return fields["callBackUrl"] if problem is None else refuse(f"callBackUrl {problem}")


def refuse(message: str) -> NoReturn:
    raise KieError(422, message)


def _film(given: dict[str, Any]) -> FilmOrder:
    ratio = given.get("aspect_ratio", given.get("ratio", "16:9"))
    quality = given.get("resolution", given.get("quality", given.get("mode", "")))
    size = quality if _SIZE.fullmatch(quality) else "720p"
    return FilmOrder.shaped(given.get("prompt", ""), int(given.get("duration", 5)), ratio=ratio, quality=size)
