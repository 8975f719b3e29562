"""The contract's JSON Schemas, made from the types that the code parses and answers with."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter

from clipferry import catalog
from clipferry.api import generate_request, request_bodies, response_types
from clipferry.catalog import Model
from clipferry.models import FailureCode

_SCHEMAS: Final = "#/components/schemas/"
_ANSWERS: Final = (
    response_types.CreatedVideoJson,
    response_types.VideoJson,
    response_types.PageJson,
    response_types.StatusJson,
    response_types.DeletedJson,
    response_types.ReceivedJson,
    response_types.BalanceJson,
    response_types.HistoryJson,
    response_types.GrantedJson,
    response_types.UploadJson,
    response_types.ModelJson,
    response_types.UserJson,
    response_types.HealthJson,
)


def reference(name: str) -> dict[str, Any]:
    return {"$ref": _SCHEMAS + name}


def components() -> dict[str, Any]:
    """All schemas, by name."""
    schemas: dict[str, Any] = {"Error": _error(), "GenerateVideo": _generate_video()}
    for type_ in (request_bodies.GrantCredits, request_bodies.PresignUpload, *_ANSWERS):
        schemas |= _named(type_)
    return dict(sorted(schemas.items()))


def success(data: str | list[str]) -> dict[str, Any]:
    """The envelope around the named schema; a list with one name is an array of it."""
    inner = reference(data) if isinstance(data, str) else {"type": "array", "items": reference(data[0])}
    return _envelope("data", inner, success=True)


def failure(codes: list[str]) -> dict[str, Any]:
    """The envelope around an error with one of these codes."""
    code = {"properties": {"code": {"enum": codes}}}
    return {"allOf": [reference("Error"), {"properties": {"error": code}}]}


def _named(type_: Any) -> dict[str, Any]:
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
    text, number = {"type": "string"}, {"type": "integer"}
    fault = {
        "type": "object",
        "required": ["path", "code", "message"],
        "properties": dict.fromkeys(("path", "code", "message"), text),
    }
    details = {
        "fields": {"type": "array", "items": fault, "description": "Every field at fault."},
        "requiredCredits": number,
        "availableCredits": number,
        "inFlight": {**number, "description": "How many of the user's videos are being made."},
        "videoUuid": {**text, "description": "The video that failed."},
        "errorCode": {"enum": list(FailureCode)},
        "reason": {**text, "description": "errorCode as a sentence."},
        "requestId": {**text, "description": "To find it in the log."},
    }
    error = {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {**text, "description": "Stable: to switch on."},
            "message": {**text, "description": "A sentence to show."},
            "details": {"type": "object", "properties": details},
        },
    }
    return _envelope("error", error, success=False)


def _generate_video() -> dict[str, Any]:
    """A variant for each model, because each accepts its own durations, ratios and qualities."""
    offered = [model for model in catalog.load().models.values() if not model.retired]
    described = "The models that come with Clipferry; those of a deployment are at /api/v1/config/models."
    return {"description": described, "oneOf": [_variant(model) for model in offered]}


def _variant(model: Model) -> dict[str, Any]:
    image: dict[str, Any] = {"type": "null"}
    if model.accepts_image:
        image = {
            "type": ["string", "null"],
            "pattern": generate_request.PUBLIC_URL,
            "maxLength": 2048,
            "description": "The first frame. Public: the provider fetches it, we don't.",
        }
    properties = {
        "prompt": {"type": "string", "minLength": 1, "maxLength": 5000, "pattern": request_bodies.NO_NUL},
        "model": {"const": model.id},
        "duration": _choice(model.durations, "Seconds. "),
        "aspectRatio": _choice(model.aspect_ratios),
        "quality": _choice(model.qualities),
        "imageUrl": image,
    }
    return {"type": "object", "title": model.name, "required": ["prompt", "model"], "properties": properties}


def _choice(values: tuple[Any, ...], about: str = "") -> dict[str, Any]:
    if not values:
        return {"type": "null"}
    return {"enum": [*values, None], "description": f"{about}{values[0]} when it is left out."}
