"""The contract's JSON Schemas, made from the types that the code parses and answers with."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

from pydantic import TypeAdapter

from clipferry import catalog
from clipferry.api import generate_request, key_types, request_bodies, response_types
from clipferry.api.generate_body import (
    LONGEST_METADATA_NAME,
    LONGEST_METADATA_VALUE,
    LONGEST_URL,
    METADATA_NAME,
    MOST_METADATA,
    PROMPT,
)
from clipferry.api.media_inputs import MODE_NAMES
from clipferry.catalog import NONE, Limits, Model, Range
from clipferry.models import Mode, VideoStatus
from clipferry.verdicts import FailureCode

_SCHEMAS: Final = "#/components/schemas/"
_REFERENCES: Final = ("imageUrls", "videoUrls", "audioUrls")
_ABOUT_WEBHOOK: Final = "Where the video's end is announced to you, signed (docs/webhooks.md). With an API key only."
_ABOUT: Final = {"imageUrl": "The first frame.", "lastImageUrl": "The last frame."}


def reference(name: str) -> dict[str, Any]:
    return {"$ref": _SCHEMAS + name}


def components() -> dict[str, Any]:
    """All schemas, by name."""
    media_url = _public_url("string", "Public: the provider fetches it, we don't.")
    schemas: dict[str, Any] = {"Error": _error(), "GenerateVideo": _generate_video(), "MediaUrl": media_url}
    for type_ in (request_bodies.GrantCredits, request_bodies.CreateKey, request_bodies.PresignUpload):
        schemas |= named(type_)
    return schemas | answers(response_types) | answers(key_types)


def success(data: str | list[str]) -> dict[str, Any]:
    """The envelope around the named schema; a list with one name is an array of it."""
    inner = reference(data) if isinstance(data, str) else {"type": "array", "items": reference(data[0])}
    return _envelope("data", inner, success=True)


def failure(codes: list[str]) -> dict[str, Any]:
    """The envelope around an error with one of these codes."""
    code = {"properties": {"code": {"enum": codes}}}
    return {"allOf": [reference("Error"), {"properties": {"error": code}}]}


def answers(module: ModuleType) -> dict[str, Any]:
    """The schemas of the module's types of answers, whose names end in Json."""
    types = [value for name, value in vars(module).items() if name.endswith("Json")]
    return {name: schema for type_ in types for name, schema in named(type_).items()}


def named(type_: Any) -> dict[str, Any]:
    """The schemas of a type and of the types within it, by name."""
    found = TypeAdapter(type_).json_schema(ref_template=_SCHEMAS + "{model}")
    return found.pop("$defs", {}) | {type_.__name__: found}


def _envelope(name: str, inner: dict[str, Any], *, success: bool) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["success", name],
        "properties": {"success": {"const": success}, name: inner},
    }


def _error() -> dict[str, Any]:
    text = {"type": "string"}
    error = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {**text, "description": "Stable: to switch on."},
            "message": {**text, "description": "A sentence to show."},
            "details": details(),
        },
    }
    return _envelope("error", error, success=False)


def details() -> dict[str, Any]:
    """What an error may say of itself besides."""
    text, number = {"type": "string"}, {"type": "integer"}
    fault = {
        "type": "object",
        "required": ["path", "code", "message"],
        "properties": dict.fromkeys(("path", "code", "message"), text),
    }
    properties = {
        "fields": {"type": "array", "items": fault, "description": "Every field at fault."},
        "requiredCredits": number,
        "availableCredits": number,
        "usedCredits": {**number, "description": "What the API key has used of its month."},
        "monthlyCredits": {**number, "description": "What the API key may use in a month."},
        "mostKeys": number,
        "status": {"enum": list(VideoStatus)},
        "inFlight": {**number, "description": "How many of the user's videos are being made."},
        "videoUuid": {**text, "description": "The video that failed."},
        "errorCode": {"enum": list(FailureCode)},
        "reason": {**text, "description": "errorCode as a sentence."},
        "requestId": {**text, "description": "To find it in the log."},
    }
    return {"type": "object", "properties": properties}


def _generate_video() -> dict[str, Any]:
    """A variant for each mode of each model, because each accepts its own durations, ratios, qualities and media."""
    offered = [model for model in catalog.load().models.values() if not model.retired]
    described = "The models that come with Clipferry; those of a deployment are at /api/v1/config/models."
    variants = [
        _variant(model, mode, limits, media)
        for model in offered
        for mode, limits in kinds(model)
        for media in _media(mode, limits)
    ]
    return {"description": described, "anyOf": variants}


def kinds(model: Model) -> Iterator[tuple[Mode, Limits]]:
    """Each mode with what is taken there at once: what the model says, or what each offer takes of it."""
    for mode, limits in model.modes.items():
        by_offer = [offer.modes[mode].limits for offer in model.offers if mode in offer.modes]
        yield from ((mode, own) for own in ([limits] if limits in by_offer else dict.fromkeys(by_offer)))


def _variant(model: Model, mode: Mode, limits: Limits, media: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "prompt": {**_text(limits.prompt), "pattern": PROMPT},
        "model": {"const": model.id},
        "mode": {"enum": [MODE_NAMES[mode], *([None] if mode is not Mode.REFERENCE else [])]},
        "duration": _choice(limits.durations, "Seconds. "),
        "aspectRatio": _choice(limits.aspect_ratios),
        "quality": _choice(limits.qualities),
        **choices(limits),
        **media,
    }
    needed = [name for name, schema in media.items() if schema.get("type", "string") in ("string", "array")]
    required = ["prompt", "model", *(["mode"] if mode is Mode.REFERENCE else []), *needed]
    return {
        "type": "object",
        "title": f"{model.name}: {MODE_NAMES[mode]}",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


def choices(limits: Limits) -> dict[str, Any]:
    """What may be chosen besides length, shape and media."""
    return {
        "generateAudio": {"enum": [*(choice for choice in limits.audio_choices if choice is not None), None]},
        "seed": _seed(limits.seed),
        "negativePrompt": _text(limits.negative_prompt) if limits.negative_prompt else {"type": "null"},
        "outputNumber": {"enum": [1, None]},
        "webhookUrl": _public_url(["string", "null"], _ABOUT_WEBHOOK),
        "metadata": metadata(MOST_METADATA, ["object", "null"]),
    }


def _media(mode: Mode, limits: Limits) -> Iterator[dict[str, Any]]:
    """The media's fields, one way to send them; docs/api-videos.md has the others. References come in several ways."""
    nothing = {name: {"type": "null"} for name in _ABOUT} | {name: _urls(NONE) for name in _REFERENCES}
    if mode is not Mode.REFERENCE:
        frames = ("imageUrl", "lastImageUrl")[: limits.images.max]
        yield nothing | {name: reference("MediaUrl") | {"description": _ABOUT[name]} for name in frames}
        return
    counts = dict(zip(_REFERENCES, (limits.images, limits.videos, limits.audios), strict=True))
    for name, count in counts.items():
        if count.max and (name != "audioUrls" or limits.audio_alone):
            at_least_one = {**counts, name: Range(max(count.min, 1), count.max)}
            yield nothing | {kind: _urls(allowed) for kind, allowed in at_least_one.items()}


def metadata(most: int, type_: str | list[str] = "object") -> dict[str, Any]:
    """The caller's own words about a video, at most so many pairs."""
    return {
        "type": type_,
        "maxProperties": most,
        "propertyNames": {"pattern": METADATA_NAME, "maxLength": LONGEST_METADATA_NAME},
        "additionalProperties": {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_METADATA_VALUE,
            "pattern": request_bodies.NO_NUL,
        },
    }


def _public_url(type_: str | list[str], about: str) -> dict[str, Any]:
    return {"type": type_, "pattern": generate_request.PUBLIC_URL, "maxLength": LONGEST_URL, "description": about}


def _urls(count: Range) -> dict[str, Any]:
    if not count.max:
        return {"type": ["array", "null"], "maxItems": 0}
    kind = "array" if count.min else ["array", "null"]
    return {"type": kind, "items": reference("MediaUrl"), "minItems": count.min, "maxItems": count.max}


def _text(length: Range) -> dict[str, Any]:
    shortest = max(length.min, 1)
    return {"type": "string", "minLength": shortest, "maxLength": length.max, "pattern": request_bodies.NO_NUL}


def _seed(allowed: Range | None) -> dict[str, Any]:
    return (
        {"type": "null"}
        if allowed is None
        else {"type": ["integer", "null"], "minimum": allowed.min, "maximum": allowed.max}
    )


def _choice(values: tuple[Any, ...], about: str = "") -> dict[str, Any]:
    if not values:
        return {"type": "null"}
    return {"enum": [*values, None], "description": f"{about}{values[0]} when it is left out."}
