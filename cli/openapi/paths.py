"""Describes every route of the contract; those of videos here."""

from __future__ import annotations

from typing import Any, Final

from cli.openapi import account_paths, sdk_paths
from cli.openapi.operations import operation, redirection
from cli.openapi.parameters import (
    CURSOR,
    DATABASE,
    DOWNLOAD,
    IDEMPOTENCY_KEY,
    LIMIT,
    METADATA,
    ORDER,
    READ,
    STATUS,
    UUID,
    VARIANT,
    WRITE,
)
from clipferry import errors

_HEADINGS: Final = {
    "/api/v1/video/callback": "For providers",
    "/api/v1/video": "Videos",
    "/api/v1/upload": "Videos",
    "/api/v1/config": "Videos",
    "/api/v1/credit": "Credits",
    "/v1": "For OpenAI's SDKs",
    "/api/v1": "Account and service",
}


def paths() -> dict[str, Any]:
    """Every route, each under the heading that a page of the document shows it under."""
    made = _video_paths() | account_paths.paths() | sdk_paths.paths()
    for path, methods in made.items():
        for described in methods.values():
            described["tags"] = [next(heading for prefix, heading in _HEADINGS.items() if path.startswith(prefix))]
    return made


def _video_paths() -> dict[str, Any]:
    missing = (errors.VideoNotFoundError, errors.NotFoundError)
    generate = operation(
        "generateVideo",
        "Create a video",
        "CreatedVideoJson",
        ORDER,
        status=202,
        body="GenerateVideo",
        parameters=[IDEMPOTENCY_KEY],
        headers=("Idempotent-Replayed",),
        links=True,
    )
    listing = operation(
        "listVideos",
        "List your videos, newest first",
        "PageJson",
        (*READ, errors.InvalidRequestError),
        parameters=[LIMIT, CURSOR, STATUS, METADATA],
    )
    detail = operation("getVideo", "Get a video", "VideoDetailJson", (*READ, *missing), parameters=[UUID])
    delete = operation(
        "deleteVideo",
        "Delete a video: it is hidden at once; a job that is still running goes on and is charged",
        "DeletedJson",
        (*WRITE, *missing),
        parameters=[UUID],
    )
    status = operation(
        "getVideoStatus",
        "Get a video's status; the provider is asked when the last answer is old",
        "StatusJson",
        (*READ, *missing),
        parameters=[UUID],
    )
    retry = operation(
        "retryVideo",
        "Copy a failed video's file again, while the provider still has it",
        "CreatedVideoJson",
        (
            *WRITE,
            *missing,
            errors.InsufficientCreditsError,
            errors.KeyCapReachedError,
            errors.ConflictError,
            errors.OriginalExpiredError,
            errors.RateLimitedError,
            errors.TooManyJobsError,
            errors.SourceError,
        ),
        status=202,
        parameters=[UUID],
    )
    cancel = operation(
        "cancelVideo",
        "Have the provider stop making a video; its credits come back when the provider says that it has ended",
        "StatusJson",
        (*WRITE, *missing, errors.NotCancellableError, errors.ProviderError),
        status=202,
        parameters=[UUID],
    )
    content = redirection(
        "getVideoContent",
        "Get a video's file: a redirect to where it is, for links that last",
        (*READ, *missing, errors.NoFileError, errors.InvalidRequestError),
        [UUID, VARIANT, DOWNLOAD],
    )
    video = "/api/v1/video"
    return {
        f"{video}/generate": {"post": generate},
        f"{video}/list": {"get": listing},
        f"{video}/events": {"get": _events()},
        f"{video}/{{uuid}}": {"get": detail, "delete": delete},
        f"{video}/{{uuid}}/status": {"get": status},
        f"{video}/{{uuid}}/content": {"get": content},
        f"{video}/{{uuid}}/retry": {"post": retry},
        f"{video}/{{uuid}}/cancel": {"post": cancel},
        f"{video}/callback/{{provider}}": {"post": _callback()},
    }


def _events() -> dict[str, Any]:
    return {
        "operationId": "streamEvents",
        "summary": "End an EventSource: nothing is streamed; ask for a video's status instead",
        "security": [],
        "responses": {"204": {"description": "Nothing; a browser doesn't connect again"}},
    }


def _callback() -> dict[str, Any]:
    """The route for providers, which call the URL that they were given. Nobody else needs it."""
    names = {"videoUuid": "The video.", "ts": "When it was signed, in milliseconds.", "sig": "HMAC-SHA256, hex."}
    signed = [
        {
            "name": name,
            "in": "query",
            "required": True,
            "description": text,
            "schema": {"type": "string", "minLength": 1},
        }
        for name, text in names.items()
    ]
    provider = {
        "name": "provider",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[a-z0-9_-]{1,32}$"},
        "example": "evolink",
    }
    taken = operation(
        "receiveCallback",
        "Tell that a provider's task has changed",
        "ReceivedJson",
        (errors.InvalidRequestError, errors.InvalidSignatureError, errors.NotFoundError, *DATABASE),
        parameters=[provider, *signed],
        public=True,
    )
    taken["requestBody"] = {"content": {"application/json": {"schema": {}}}}
    return taken
