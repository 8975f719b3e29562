"""The orders that Evolink accepts at `POST /v1/videos/generations`, by its documentation of each model."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from local.film import render
from local.providers import callback_urls
from local.providers.evolink_models import Model, find_model
from local.providers.evolink_wire import EvolinkError
from local.providers.task_queue import FilmOrder, PlacedOrder


def parse_order(body: bytes, *, local: bool) -> PlacedOrder:
    """Raises EvolinkError: 404 for an unknown model, else 400. `local` lets callbacks go to this machine."""
    fields = _json_object(body)
    model = find_model(_text(fields, "model"))
    if model is None:
        raise EvolinkError(404, "model_not_found", f"There is no model {fields['model']!r}", param="model")
    prompt = _text(fields, "prompt")
    if len(prompt) > model.prompt_limit:
        _refuse("prompt", f"must have at most {model.prompt_limit} characters")
    seconds = _duration(fields, model)
    ratio = _choice(fields, "aspect_ratio", model.ratios, default=model.ratios[0])
    quality = _choice(fields, "quality", model.qualities, default="720p")
    _check_media(fields, model)
    _check_type(fields, "generate_audio", bool)
    _check_type(fields, "remove_watermark", bool)
    _check_type(fields, "model_params", dict)
    width, height = render.frame_size("16:9" if ratio == "adaptive" else ratio, quality)
    return PlacedOrder(
        model=fields["model"],
        film=FilmOrder(prompt=prompt, seconds=seconds, width=width, height=height),
        callback_url=_callback_url(fields, local=local),
        body=fields,
    )


def _json_object(body: bytes) -> dict[str, Any]:
    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    try:
        fields = json.loads(body, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        _refuse(None, "The body is not valid JSON")
    return fields if isinstance(fields, dict) else _refuse(None, "The body must be a JSON object")


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) and value.strip() else _refuse(name, "is required, as a string")


def _duration(fields: dict[str, Any], model: Model) -> int:
    """-1 leaves it to the model."""
    seconds = fields.get("duration", model.durations[0])
    if type(seconds) is not int:  # a bool is an int, too
        _refuse("duration", "must be an integer")
    if seconds not in model.durations:
        _refuse("duration", f"must be one of {sorted(set(model.durations))}")
    return model.durations[0] if seconds == -1 else seconds


def _choice(fields: dict[str, Any], name: str, choices: tuple[str, ...], *, default: str) -> str:
    value = fields.get(name, default)
    return value if value in choices else _refuse(name, f"must be one of {', '.join(dict.fromkeys(choices))}")


def _check_type(fields: dict[str, Any], name: str, wanted: type) -> None:
    if name in fields and not isinstance(fields[name], wanted):
        _refuse(name, f"must be of type {wanted.__name__}")


def _check_media(fields: dict[str, Any], model: Model) -> None:
    """The number of images is the mode: none for text, one for the first frame, two for first and last."""
    images, videos, audios = (_urls(fields, name) for name in ("image_urls", "video_urls", "audio_urls"))
    most = 0 if "text-to-video" in fields["model"] else model.images
    if "image-to-video" in fields["model"]:
        most = min(most, 2)
        if not images:
            _refuse("image_urls", "is required for this model")
    if "reference" in fields["model"] and not (images or videos or audios):
        _refuse("image_urls", "this model needs images, videos or sounds to refer to")
    if len(images) > most:
        _refuse("image_urls", f"may have at most {most} URLs for this model")


def _urls(fields: dict[str, Any], name: str) -> list[str]:
    urls = fields.get(name, [])
    if not isinstance(urls, list) or not all(callback_urls.is_url(url) for url in urls):
        _refuse(name, "must be a list of HTTP URLs")
    return urls


def _callback_url(fields: dict[str, Any], *, local: bool) -> str | None:
    if "callback_url" not in fields:
        return None
    problem = callback_urls.problem_with(fields["callback_url"], local=local)
    return fields["callback_url"] if problem is None else _refuse("callback_url", problem)


def _refuse(param: str | None, message: str) -> NoReturn:
    raise EvolinkError(400, "invalid_parameters", f"{param} {message}" if param else message, param=param)
