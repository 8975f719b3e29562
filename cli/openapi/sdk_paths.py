"""Describes the routes under `/v1`, which OpenAI's SDKs ask."""

from __future__ import annotations

from typing import Any, Final

from cli.openapi import examples, sdk_schemas
from cli.openapi.operations import Shape, operation, redirection
from cli.openapi.parameters import IDEMPOTENCY_KEY, LIMIT, ORDER, READ, UUID, VARIANT, WRITE
from cli.openapi.schemas import reference
from clipferry import errors
from clipferry.api.sdk.errors import shape
from clipferry.errors import ClipferryError

_AFTER: Final = {
    "name": "after",
    "in": "query",
    "description": "The `last_id` of the page before.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{0,64}$"},
}
_ORDER: Final = {"name": "order", "in": "query", "schema": {"enum": ["asc", "desc"], "default": "desc"}}


def _refusal(error: type[ClipferryError]) -> dict[str, Any]:
    return shape(error.status, examples.refusal(error)["error"])


_PLAIN: Final = Shape(lambda data: reference(str(data)), lambda data: data, sdk_schemas.failure, _refusal)


def paths() -> dict[str, Any]:
    missing = (errors.VideoNotFoundError, errors.NotFoundError)
    create = operation(
        "sdkCreateVideo",
        "Create a video, as OpenAI's SDKs ask for one",
        "SdkVideoJson",
        (*ORDER, errors.VideoNotFoundError, errors.StorageError),
        body="CreateVideo",
        parameters=[IDEMPOTENCY_KEY],
        headers=("Idempotent-Replayed", "openai-poll-after-ms"),
        shape=_PLAIN,
    )
    create["requestBody"]["content"]["multipart/form-data"] = {"schema": sdk_schemas.form()}
    listing = operation(
        "sdkListVideos",
        "List your videos",
        "SdkVideoListJson",
        (*READ, errors.InvalidRequestError),
        parameters=[_AFTER, LIMIT, _ORDER],
        shape=_PLAIN,
    )
    retrieve = operation(
        "sdkGetVideo",
        "Get a video; the provider is asked when the last answer is old",
        "SdkVideoJson",
        (*READ, *missing),
        parameters=[UUID],
        headers=("openai-poll-after-ms",),
        shape=_PLAIN,
    )
    delete = operation(
        "sdkDeleteVideo",
        "Delete a video",
        "DeletedVideoJson",
        (*WRITE, *missing),
        parameters=[UUID],
        shape=_PLAIN,
    )
    content = redirection(
        "sdkGetVideoContent",
        "Get a video's file: a redirect to where it is",
        (*READ, *missing, errors.NoFileError, errors.InvalidRequestError),
        [UUID, VARIANT],
        _PLAIN,
    )
    models = operation("sdkListModels", "List the models on offer", "SdkModelListJson", READ, shape=_PLAIN)
    return {
        "/v1/videos": {"get": listing, "post": create},
        "/v1/videos/{uuid}": {"get": retrieve, "delete": delete},
        "/v1/videos/{uuid}/content": {"get": content},
        "/v1/models": {"get": models},
    }
