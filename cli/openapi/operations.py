"""Describes one operation of the contract: what it takes, what it answers, and each error that it may answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from cli.openapi import examples, schemas
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


@dataclass(frozen=True, slots=True)
class Shape:
    """How answers look: the schema and the example of a success, and those of a failure."""

    success: Callable[[str | list[str]], dict[str, Any]]
    answer: Callable[[Any], Any]
    failure: Callable[[list[str]], dict[str, Any]]
    refusal: Callable[[type[ClipferryError]], dict[str, Any]]


ENVELOPE: Final = Shape(
    schemas.success, lambda data: {"success": True, "data": data}, schemas.failure, examples.refusal
)


def operation(
    name: str,
    summary: str,
    data: str | list[str],
    failures: Iterable[type[ClipferryError]],
    *,
    status: int = 200,
    body: str | None = None,
    parameters: list[dict[str, Any]] | None = None,
    headers: tuple[str, ...] = (),
    links: bool = False,
    public: bool = False,
    shape: Shape = ENVELOPE,
) -> dict[str, Any]:
    answer = shape.answer(examples.ANSWERS[name])
    done: dict[str, Any] = {
        "description": {200: "Done", 201: "Made"}.get(status, "Accepted"),
        "content": {"application/json": {"schema": shape.success(data), "example": answer}},
    }
    if headers:
        done["headers"] = _references(headers)
    if links:
        done["links"] = _links()
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "security": [] if public else [{"bearer": []}, {"session": []}],
        "responses": {str(status): done} | _failures(failures, shape),
    }
    if parameters:
        operation["parameters"] = parameters
    if body:
        content = {"schema": schemas.reference(body), "example": examples.REQUESTS[body]}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation


def redirection(
    name: str,
    summary: str,
    failures: Iterable[type[ClipferryError]],
    parameters: list[dict[str, Any]],
    shape: Shape = ENVELOPE,
) -> dict[str, Any]:
    """An operation that answers with the address of a file."""
    location = {"description": "Where the file is.", "schema": {"type": "string", "format": "uri"}}
    return {
        "operationId": name,
        "summary": summary,
        "security": [{"bearer": []}, {"session": []}],
        "parameters": parameters,
        "responses": {"302": {"description": "Found", "headers": {"Location": location}}} | _failures(failures, shape),
    }


def _failures(failures: Iterable[type[ClipferryError]], shape: Shape) -> dict[str, Any]:
    by_status: dict[int, list[type[ClipferryError]]] = {}
    for error in sorted(failures, key=lambda error: error.status):
        by_status.setdefault(error.status, []).append(error)
    return {str(status): _failure(found, shape) for status, found in by_status.items()}


def _failure(found: list[type[ClipferryError]], shape: Shape) -> dict[str, Any]:
    content = {
        "schema": shape.failure([error.code for error in found]),
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


def _links() -> dict[str, Any]:
    """Operations that a caller may go on with when a video has been created."""
    uuid = {"uuid": "$response.body#/data/videoUuid"}
    return {
        name: {"operationId": name, "parameters": uuid}
        for name in ("getVideoStatus", "getVideo", "deleteVideo", "retryVideo", "cancelVideo")
    }
