"""The orders that each kind of server with OpenAI's video API accepts at `POST /videos`, by its documentation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from local.providers import callback_urls
from local.providers.gateway_wire import GatewayError, Kind
from local.providers.json_bodies import read_object
from local.providers.task_queue import FilmOrder, PlacedOrder

SECONDS = 4
"""The length of a film whose order says none: OpenAI's default."""
Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_size(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[1-9]\d{1,3}x[1-9]\d{1,3}", value) is not None


def _is_seconds(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[1-9]\d?", value) is not None


def _are_urls(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(callback_urls.is_url, value))


def _is_reference(value: Any) -> bool:
    url = value.get("image_url") if isinstance(value, dict) and value.get("type") == "image_url" else None
    return isinstance(url, dict) and callback_urls.is_url(url.get("url"))


def _are_references(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_reference, value))


def _are_frames(value: Any) -> bool:
    kinds = ("first_frame", "last_frame")
    return _are_references(value) and all(frame.get("frame_type") in kinds for frame in value)


def _one_of(*choices: str) -> Check:
    return lambda value: value in choices


FIELDS: dict[Kind, dict[str, Check]] = {
    Kind.LITELLM: {"seconds": _is_seconds, "size": _is_size, "input_reference": callback_urls.is_url},
    Kind.NEW_API: {
        "duration": _is_whole,
        "seconds": _is_seconds,
        "size": _is_size,
        "seed": _is_whole,
        "image": callback_urls.is_url,
        "images": _are_urls,
        "metadata": lambda value: isinstance(value, dict),
    },
    Kind.OPENROUTER: {
        "duration": _is_whole,
        "resolution": _one_of("480p", "720p", "768p", "1080p", "1K", "2K", "4K"),
        "aspect_ratio": _one_of("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21"),
        "size": _is_size,
        "generate_audio": lambda value: isinstance(value, bool),
        "seed": _is_whole,
        "frame_images": _are_frames,
        "input_references": _are_references,
        "callback_url": lambda value: callback_urls.problem_with(value) is None,
    },
}
"""What may stand in an order beside `model` and `prompt`, which must."""


def parse_order(kind: Kind, body: bytes) -> PlacedOrder:
    """Raises GatewayError for what isn't documented."""
    fields = read_object(body)
    if fields is None:
        raise GatewayError(kind, 400, "invalid_request", "The body must be a JSON object")
    for problem in problems(kind, fields):
        raise GatewayError(kind, 400, "invalid_request", problem)
    ratio, quality = _shape(fields)
    return PlacedOrder(
        model=fields["model"],
        film=FilmOrder.shaped(fields["prompt"], _seconds(fields), ratio=ratio, quality=quality),
        callback_url=fields.get("callback_url"),
        body=fields,
    )


def problems(kind: Kind, fields: dict[str, Any]) -> Iterator[str]:
    """Yields what is wrong with an order's fields."""
    known = FIELDS[kind] | {"model": _is_text, "prompt": _is_text}
    yield from (f"{name} is required" for name in ("model", "prompt") if name not in fields)
    yield from (f"Unknown parameter: {name}" for name in sorted(fields.keys() - known.keys()))
    yield from (f"Invalid value for {name}" for name in fields.keys() & known.keys() if not known[name](fields[name]))


def _seconds(fields: dict[str, Any]) -> int:
    return int(fields.get("seconds") or fields.get("duration") or SECONDS)


def _shape(fields: dict[str, Any]) -> tuple[str, str]:
    """The ratio and the short side."""
    if "size" in fields:
        across, _, down = fields["size"].partition("x")
        return fields["size"], f"{min(int(across), int(down))}p"
    return fields.get("aspect_ratio", "16:9"), fields.get("resolution", "720p").replace("K", "000p")
