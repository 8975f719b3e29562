"""The orders that fal's queue accepts at `POST /{endpoint}?fal_webhook=…`, by its page of each endpoint."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs

from local.providers import callback_urls, facts
from local.providers.fal_wire import FalError
from local.providers.json_bodies import read_object
from local.providers.task_queue import FilmOrder, PlacedOrder

SECONDS = 5
"""The length of a film whose endpoint takes no duration, or chooses it."""


def parse_order(endpoint: str, body: bytes, query: str) -> PlacedOrder:
    """Raises FalError.

    The real queue takes any body, and its endpoint refuses a wrong one afterwards; here that is a 422 at once.
    """
    known = facts.load("fal").get(endpoint)
    if known is None:
        raise FalError(404, f"Application '{endpoint}' not found")
    given = read_object(body)
    if given is None:
        raise FalError(422, "The body must be a JSON object")
    for name, problem in known.problems(given).items():
        raise FalError(422, f"body.{name}: {problem.removeprefix(name).strip()}")
    ratio, quality = given.get("aspect_ratio", "16:9"), given.get("resolution", "720p")
    return PlacedOrder(
        model=endpoint,
        film=FilmOrder.shaped(given["prompt"], _seconds(given), ratio=ratio, quality=quality),
        callback_url=_webhook(query),
        body=given,
    )


def _seconds(given: dict[str, Any]) -> int:
    """Reads 8, "8" and "8s"."""
    found = re.fullmatch(r"(\d+)s?", str(given.get("duration", SECONDS)))
    return int(found[1]) if found else SECONDS


def _webhook(query: str) -> str | None:
    given = parse_qs(query).get("fal_webhook")
    if given is None:
        return None
    problem = callback_urls.problem_with(given[0])
    if problem is not None:
        raise FalError(422, f"fal_webhook {problem}")
    return given[0]
