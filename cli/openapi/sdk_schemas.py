"""The JSON Schemas of the routes under `/v1`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cli.openapi.schemas import answers, choices, details, kinds, reference
from clipferry import catalog
from clipferry.api.generate_body import PROMPT
from clipferry.api.sdk import answer_types
from clipferry.api.sdk.sizes import size_of
from clipferry.catalog import Limits, Model
from clipferry.models import Mode

_ABOUT: Final = """\
The models that come with Clipferry, with OpenAI's fields and ours beside them; the other fields of GenerateVideo are
taken, too, where they don't say what one of these says.
As multipart/form-data, `input_reference` may be a JPEG, PNG, GIF or WebP file, too."""


def components() -> dict[str, Any]:
    return {"SdkError": _error(), "CreateVideo": _create_video()} | answers(answer_types)


def failure(codes: list[str]) -> dict[str, Any]:
    """An error with one of these codes."""
    return {"allOf": [reference("SdkError"), {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}]}


def form() -> dict[str, Any]:
    """The fields as a form has them."""
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["prompt", "model"],
        "properties": {
            **dict.fromkeys(("prompt", "model", "seconds", "size"), text),
            "input_reference": {"type": "string", "format": "binary", "description": "The first frame."},
        },
    }


def _error() -> dict[str, Any]:
    text = {"type": "string"}
    error = {
        "type": "object",
        "required": ["message", "type", "param", "code"],
        "properties": {
            "message": {**text, "description": "A sentence to show."},
            "type": text,
            "param": {"type": ["string", "null"], "description": "The first field at fault."},
            "code": {**text, "description": "Stable: to switch on."},
            "details": details(),
        },
    }
    return {"type": "object", "required": ["error"], "properties": {"error": error}}


def _create_video() -> dict[str, Any]:
    offered = [model for model in catalog.load().models.values() if not model.retired]
    return {"description": _ABOUT, "anyOf": [variant for model in offered for variant in _variants(model)]}


def _variants(model: Model) -> Iterator[dict[str, Any]]:
    for mode, limits in kinds(model):
        if mode in (Mode.TEXT, Mode.FIRST_FRAME):
            yield _variant(model, mode, limits)


def _variant(model: Model, mode: Mode, limits: Limits) -> dict[str, Any]:
    sizes = dict.fromkeys(size_of(ratio, quality) for quality in limits.qualities for ratio in limits.aspect_ratios)
    picture: dict[str, Any] = {"type": "null"}
    if mode is Mode.FIRST_FRAME:
        by_address = {"type": "object", "required": ["image_url"], "additionalProperties": False}
        picture = {"anyOf": [reference("MediaUrl"), by_address | {"properties": {"image_url": reference("MediaUrl")}}]}
    return {
        "type": "object",
        "title": f"{model.name}: {'a picture' if mode is Mode.FIRST_FRAME else 'text'}",
        "required": ["prompt", "model", *(["input_reference"] if mode is Mode.FIRST_FRAME else [])],
        "properties": {
            "prompt": {
                "type": "string",
                "minLength": limits.prompt.min,
                "maxLength": limits.prompt.max,
                "pattern": PROMPT,
            },
            "model": {"const": model.id},
            "seconds": {"enum": [*(str(seconds) for seconds in limits.durations), *limits.durations, None]},
            "size": {"enum": [*(size for size in sizes if size), None]},
            "input_reference": picture,
            **choices(limits),
        },
        "additionalProperties": False,
    }
