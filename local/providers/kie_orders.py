"""The orders that KIE accepts at `POST /api/v1/jobs/createTask`, by its documentation of each model."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from local.film import render
from local.providers import callback_urls
from local.providers.kie_models import MODELS, PAUSED, Parameter
from local.providers.kie_wire import KieError
from local.providers.task_queue import FilmOrder, PlacedOrder


def parse_order(body: bytes, *, local: bool) -> PlacedOrder:
    """Raises KieError. `local` lets callbacks go to this machine."""
    fields = json_object(body)
    model, given = fields.get("model"), fields.get("input")
    if isinstance(model, str) and model.startswith(PAUSED):
        raise KieError(500, "This interface is temporarily paused")
    if not isinstance(model, str) or model not in MODELS:
        refuse("The model name you specified is not supported. Please verify it using our platform documentation.")
    if not isinstance(given, dict):
        refuse("input is required")
    for name in given.keys() - MODELS[model].keys():
        refuse(f"{name} is not a parameter of {model}")
    for name, parameter in MODELS[model].items():
        _check(name, given.get(name), parameter)
    if model == "bytedance/seedance-2" and "first_frame_url" in given and "reference_image_urls" in given:
        refuse("first_frame_url and reference_image_urls exclude each other")
    return PlacedOrder(model=model, film=_film(given), callback_url=callback_url(fields, local=local), body=fields)


def json_object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        refuse("The body is not valid JSON")
    return fields if isinstance(fields, dict) else refuse("The body must be a JSON object")


def callback_url(fields: dict[str, Any], *, local: bool) -> str | None:
    if "callBackUrl" not in fields:
        return None
    problem = callback_urls.problem_with(fields["callBackUrl"], local=local)
    return fields["callBackUrl"] if problem is None else refuse(f"callBackUrl {problem}")


def refuse(message: str) -> NoReturn:
    raise KieError(422, message)


def _check(name: str, value: object, parameter: Parameter) -> None:
    if value is None:
        return refuse(f"{name} is required") if parameter.required else None
    match parameter.kind:
        case "words":
            is_right = isinstance(value, str) and len(value.strip()) > 0 and len(value) <= parameter.most
        case "flag":
            is_right = isinstance(value, bool)
        case "url":
            is_right = callback_urls.is_url(value)
        case "urls":
            is_right = (
                isinstance(value, list) and 0 < len(value) <= parameter.most and all(map(callback_urls.is_url, value))
            )
        case "choice":  # a bool is an int, and 5.0 is 5, too
            is_right = type(value) in (int, str) and value in parameter.choices
    return None if is_right else refuse(f"{name} is not within the range of allowed options")


def _film(given: dict[str, Any]) -> FilmOrder:
    ratio = given.get("aspect_ratio", given.get("ratio", "16:9"))
    quality = {"4k": "2160p", "480p": "480p", "1080p": "1080p"}.get(given.get("resolution", ""), "720p")
    width, height = render.frame_size("16:9" if ratio == "adaptive" else ratio, quality)
    seconds = int(given.get("duration", 5))
    return FilmOrder(prompt=given["prompt"], seconds=seconds if seconds > 0 else 5, width=width, height=height)
