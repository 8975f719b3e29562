"""Describes one operation of the contract: what it takes, what it answers, and each error that it may answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from cli.openapi import examples, parameters, schemas
from clipferry.api.sdk import errors as sdk_errors
from clipferry.errors import ClipferryError

HEADERS: Final = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    "openai-poll-after-ms": {
        "description": "Milliseconds to wait before the video is asked for again.",
        "schema": {"type": "integer", "minimum": 1000},
    },
    "Idempotent-Replayed": {
        "description": "The request was answered before; this is the same answer again.",
        "schema": {"const": "true"},
    },
}
"""Headers of answers; an operation names those that it sends."""

_LOCATION: Final = {"description": "Where the file is.", "schema": {"type": "string", "format": "uri"}}
REDIRECTION: Final[dict[str, Any]] = {"description": "Found", "headers": {"Location": _LOCATION}}


@dataclass(frozen=True, slots=True)
class Operation:
    """What the table of routes says of one.

    `answer` is the type of the answer's data, or the whole response of an operation that answers no such data. `links`
    are operations that a caller may go on with, with the `videoUuid` of the answer.
    """

    name: str
    summary: str
    failures: tuple[type[ClipferryError], ...]
    answer: Any
    status: int = 200
    request: dict[str, Any] | None = None
    parameters: tuple[dict[str, Any], ...] = ()
    headers: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    public: bool = False


@dataclass(frozen=True, slots=True)
class _Shape:
    """How answers look: what is around the data and its schema, the schema of failures, and what a failure answers."""

    example: Callable[[Any], Any]
    schema: Callable[[dict[str, Any]], dict[str, Any]]
    failure: str
    refusal: Callable[[type[ClipferryError]], dict[str, Any]]


_ENVELOPE: Final = _Shape(lambda data: {"success": True, "data": data}, schemas.success, "Error", examples.refusal)
_SDK: Final = _Shape(lambda data: data, lambda schema: schema, "SdkError", examples.sdk_refusal)


def json_body(name: str, *, form: dict[str, Any] | None = None) -> dict[str, Any]:
    """The body that the named schema describes; `form` is the schema of the same as multipart/form-data."""
    content = {"application/json": {"schema": schemas.reference(name), "example": examples.REQUESTS[name]}}
    return {"required": True, "content": content | ({"multipart/form-data": {"schema": form}} if form else {})}


def describe(path: str, operation: Operation, schema: dict[str, Any] | None) -> dict[str, Any]:
    """Returns the operation as OpenAPI has it; `schema` is that of its answer's data."""
    shape = _SDK if path.startswith(sdk_errors.PREFIX) else _ENVELOPE
    done = operation.answer if schema is None else _success(operation, schema, shape)
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": [] if operation.public else [{"bearer": []}, {"session": []}],
        "responses": {str(operation.status): done} | _failures(operation.failures, shape),
    }
    in_path = [parameters.IN_PATH[name] for name in re.findall(r"{(\w+)}", path)]
    if in_path or operation.parameters:
        described["parameters"] = [*in_path, *operation.parameters]
    if operation.request:
        described["requestBody"] = operation.request
    return described


def _success(operation: Operation, schema: dict[str, Any], shape: _Shape) -> dict[str, Any]:
    example = shape.example(examples.ANSWERS[operation.name])
    done: dict[str, Any] = {
        "description": {200: "Done", 201: "Made"}.get(operation.status, "Accepted"),
        "content": {"application/json": {"schema": shape.schema(schema), "example": example}},
    }
    if operation.headers:
        done["headers"] = _references(operation.headers)
    if operation.links:
        uuid = {"uuid": "$response.body#/data/videoUuid"}
        done["links"] = {name: {"operationId": name, "parameters": uuid} for name in operation.links}
    return done


def _failures(failures: Iterable[type[ClipferryError]], shape: _Shape) -> dict[str, Any]:
    by_status: dict[int, list[type[ClipferryError]]] = {}
    for error in sorted(failures, key=lambda error: error.status):
        by_status.setdefault(error.status, []).append(error)
    return {str(status): _failure(found, shape) for status, found in by_status.items()}


def _failure(found: list[type[ClipferryError]], shape: _Shape) -> dict[str, Any]:
    content = {
        "schema": schemas.failure(shape.failure, [error.code for error in found]),
        "examples": {error.code: {"value": shape.refusal(error)} for error in found},
    }
    answer: dict[str, Any] = {
        "description": " ".join(f"{error.code}: {error.sentence()}" for error in found),
        "content": {"application/json": content},
    }
    if any(error.retry_after_seconds for error in found):
        answer["headers"] = _references(["Retry-After"])
    return answer


def _references(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
