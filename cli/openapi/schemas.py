"""The contract's JSON Schemas: pydantic makes those of the types that the code parses and answers with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from clipferry.models import VideoStatus
from clipferry.verdicts import FailureCode

_SCHEMAS: Final = "#/components/schemas/"
_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer"}
_CODE: Final = {**_TEXT, "description": "Stable: to switch on."}
_MESSAGE: Final = {**_TEXT, "description": "A sentence to show."}
_FAULT: Final = {
    "type": "object",
    "required": ["path", "code", "message"],
    "properties": dict.fromkeys(("path", "code", "message"), _TEXT),
}
_DETAILS: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "fields": {"type": "array", "items": _FAULT, "description": "Every field at fault."},
        "requiredCredits": _NUMBER,
        "availableCredits": _NUMBER,
        "usedCredits": {**_NUMBER, "description": "What the API key has used of its month."},
        "monthlyCredits": {**_NUMBER, "description": "What the API key may use in a month."},
        "mostKeys": _NUMBER,
        "status": {"enum": list(VideoStatus)},
        "inFlight": {**_NUMBER, "description": "How many of the user's videos are being made."},
        "videoUuid": {**_TEXT, "description": "The video that failed."},
        "errorCode": {"enum": list(FailureCode)},
        "reason": {**_TEXT, "description": "errorCode as a sentence."},
        "requestId": {**_TEXT, "description": "To find it in the log."},
    },
}
"""What an error may say of itself besides."""
_ERROR: Final = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": _CODE, "message": _MESSAGE, "details": _DETAILS},
}
_SDK_ERROR: Final = {
    "type": "object",
    "required": ["message", "type", "param", "code"],
    "properties": {
        "message": _MESSAGE,
        "type": _TEXT,
        "param": {"type": ["string", "null"], "description": "The first field at fault."},
        "code": _CODE,
        "details": _DETAILS,
    },
}


def reference(name: str) -> dict[str, Any]:
    return {"$ref": _SCHEMAS + name}


def of_types(types: Mapping[str, Any]) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """Returns the schema of each type, by the name that it has here, and the named schemas that these refer to."""
    wanted: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        (name, "validation", TypeAdapter(type_)) for name, type_ in types.items()
    ]
    found, definitions = TypeAdapter.json_schemas(wanted, ref_template=_SCHEMAS + "{model}")
    return {name: schema for (name, _), schema in found.items()}, definitions["$defs"]


def success(data: dict[str, Any]) -> dict[str, Any]:
    """The envelope around what `data` describes."""
    return _envelope("data", data, success=True)


def failure(name: str, codes: list[str]) -> dict[str, Any]:
    """The named schema of errors, with one of these codes."""
    return {"allOf": [reference(name), {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}]}


def _envelope(name: str, inner: dict[str, Any], *, success: bool) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["success", name],
        "properties": {"success": {"const": success}, name: inner},
    }


ERRORS: Final = {
    "Error": _envelope("error", _ERROR, success=False),
    "SdkError": {"type": "object", "required": ["error"], "properties": {"error": _SDK_ERROR}},
}
