"""The JSON Schemas of requests for a video: a variant for each mode of each model.

Each takes its own durations, ratios, qualities and media, of which the body's type knows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from cli.openapi.schemas import reference
from clipferry import catalog
from clipferry.api import field_rules, generate_request
from clipferry.api.generate_body import (
    LONGEST_METADATA_NAME,
    LONGEST_METADATA_VALUE,
    LONGEST_URL,
    METADATA_NAME,
    MOST_METADATA,
    PROMPT,
)
from clipferry.api.media_inputs import MODE_NAMES
from clipferry.api.sdk.sizes import size_of
from clipferry.catalog import NONE, Limits, Model, Range
from clipferry.models import Mode

_REFERENCES: Final = ("imageUrls", "videoUrls", "audioUrls")
_ABOUT_WEBHOOK: Final = "Where the video's end is announced to you, signed (docs/webhooks.md). With an API key only."
_ABOUT: Final = {"imageUrl": "The first frame.", "lastImageUrl": "The last frame."}
_ABOUT_GENERATE: Final = "The models that come with Clipferry; those of a deployment are at /api/v1/config/models."
_ABOUT_SDK: Final = """\
The models that come with Clipferry, with OpenAI's fields and ours beside them; the other fields of GenerateVideo are
taken, too, where they don't say what one of these says.
As multipart/form-data, `input_reference` may be a JPEG, PNG, GIF or WebP file, too."""

SDK_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["prompt", "model"],
    "properties": {
        **{name: {"type": "string"} for name in ("prompt", "model", "seconds", "size")},
        "input_reference": {"type": "string", "format": "binary", "description": "The first frame."},
    },
}
"""The fields of CreateVideo as a form has them."""


def components() -> dict[str, Any]:
    """The bodies of both routes, and what they refer to."""
    offered = [
        (model, mode, limits)
        for model in catalog.load().models.values()
        if not model.retired
        for mode, limits in _kinds(model)
    ]
    return {
        "GenerateVideo": {
            "description": _ABOUT_GENERATE,
            "anyOf": [
                _generate(model, mode, limits, media)
                for model, mode, limits in offered
                for media in _media(mode, limits)
            ],
        },
        "CreateVideo": {
            "description": _ABOUT_SDK,
            "anyOf": [
                _sdk_create(model, mode, limits)
                for model, mode, limits in offered
                if mode in (Mode.TEXT, Mode.FIRST_FRAME)
            ],
        },
        "MediaUrl": _public_url("string", "Public: the provider fetches it, we don't."),
    }


def _kinds(model: Model) -> Iterator[tuple[Mode, Limits]]:
    """Each mode with what is taken there at once: what the model says, or what each offer takes of it."""
    for mode, limits in model.modes.items():
        by_offer = [offer.modes[mode].limits for offer in model.offers if mode in offer.modes]
        yield from ((mode, own) for own in ([limits] if limits in by_offer else dict.fromkeys(by_offer)))


def _generate(model: Model, mode: Mode, limits: Limits, media: dict[str, Any]) -> dict[str, Any]:
    needed = ["mode"] if mode is Mode.REFERENCE else []
    needed += [name for name, schema in media.items() if schema.get("type", "string") in ("string", "array")]
    properties = {
        "mode": {"enum": [MODE_NAMES[mode], *([None] if mode is not Mode.REFERENCE else [])]},
        "duration": _choice(limits.durations, "Seconds. "),
        "aspectRatio": _choice(limits.aspect_ratios),
        "quality": _choice(limits.qualities),
        **_choices(limits),
        **media,
    }
    return _variant(model, MODE_NAMES[mode], limits, properties, needed)


def _sdk_create(model: Model, mode: Mode, limits: Limits) -> dict[str, Any]:
    sizes = dict.fromkeys(size_of(ratio, quality) for quality in limits.qualities for ratio in limits.aspect_ratios)
    picture: dict[str, Any] = {"type": "null"}
    if mode is Mode.FIRST_FRAME:
        by_address = {"type": "object", "required": ["image_url"], "additionalProperties": False}
        picture = {"anyOf": [reference("MediaUrl"), by_address | {"properties": {"image_url": reference("MediaUrl")}}]}
    properties = {
        "seconds": {"enum": [*(str(seconds) for seconds in limits.durations), *limits.durations, None]},
        "size": {"enum": [*(size for size in sizes if size), None]},
        "input_reference": picture,
        **_choices(limits),
    }
    what, needed = ("a picture", ["input_reference"]) if mode is Mode.FIRST_FRAME else ("text", [])
    return _variant(model, what, limits, properties, needed)


def _variant(
    model: Model, what: str, limits: Limits, properties: dict[str, Any], needed: Sequence[str]
) -> dict[str, Any]:
    """A request to `model` to make a video of `what`."""
    return {
        "type": "object",
        "title": f"{model.name}: {what}",
        "required": ["prompt", "model", *needed],
        "properties": {
            "prompt": {**_text(limits.prompt), "pattern": PROMPT},
            "model": {"const": model.id},
            **properties,
        },
        "additionalProperties": False,
    }


def _choices(limits: Limits) -> dict[str, Any]:
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
            "pattern": field_rules.NO_NUL,
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
    return {"type": "string", "minLength": shortest, "maxLength": length.max, "pattern": field_rules.NO_NUL}


def _seed(allowed: Range | None) -> dict[str, Any]:
    if allowed is None:
        return {"type": "null"}
    return {"type": ["integer", "null"], "minimum": allowed.min, "maximum": allowed.max}


def _choice(values: tuple[Any, ...], about: str = "") -> dict[str, Any]:
    if not values:
        return {"type": "null"}
    return {"enum": [*values, None], "description": f"{about}{values[0]} when it is left out."}
