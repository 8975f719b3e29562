"""Describes every route of the contract."""

from __future__ import annotations

from typing import Any, Final

from cli.openapi import examples
from cli.openapi.operations import operation, redirection
from clipferry import errors
from clipferry.api import requests
from clipferry.models import TRANSACTION_TYPES, FileVariant, VideoStatus

_UUID: Final = {
    "name": "uuid",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    "example": examples.UUID,
}
_LIMIT: Final = {
    "name": "limit",
    "in": "query",
    "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
}
_OFFSET: Final = {
    "name": "offset",
    "in": "query",
    "schema": {"type": "integer", "minimum": 0, "maximum": 1_000_000, "default": 0},
}
_CURSOR: Final = {
    "name": "cursor",
    "in": "query",
    "description": "The `nextCursor` of the page before.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{0,64}$"},
}
_HISTORY_CURSOR: Final = {
    "name": "cursor",
    "in": "query",
    "description": "The `nextCursor` of the page before; it goes before `offset`.",
    "schema": {"type": "string", "pattern": "^([0-9]{1,6}|1000000)?$"},
}
_VARIANT: Final = {"name": "variant", "in": "query", "schema": {"enum": list(FileVariant), "default": "video"}}
_DOWNLOAD: Final = {
    "name": "download",
    "in": "query",
    "description": "1: a browser saves the file.",
    "schema": {"enum": ["0", "1"], "default": "0"},
}
_STATUS: Final = {"name": "status", "in": "query", "schema": {"enum": list(VideoStatus)}}
_TYPE: Final = {"name": "type", "in": "query", "schema": {"enum": list(TRANSACTION_TYPES)}}
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a repeat harmless for 24 hours: the same key and body give the same answer.",
    "schema": {"type": "string", "pattern": requests.IDEMPOTENCY_KEY},
}
_ACCEPT_LANGUAGE: Final = {
    "name": "Accept-Language",
    "in": "header",
    "description": "Which language the models are described in, as far as the catalogue has it.",
    "schema": {"type": "string"},
    "example": "zh-CN,zh;q=0.9,en;q=0.8",
}

_DATABASE: Final = (errors.DatabaseUnavailableError, errors.DatabaseBusyError)
_READ: Final = (errors.UnauthorizedError, errors.KeyNotAllowedError, *_DATABASE)
_WRITE: Final = (errors.ForbiddenError, *_READ)
_KEY_ID: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
    "example": 7,
}


def paths() -> dict[str, Any]:
    return _video_paths() | _credit_paths() | _key_paths() | _other_paths()


def _video_paths() -> dict[str, Any]:
    missing = (errors.VideoNotFoundError, errors.NotFoundError)
    generate = operation(
        "generateVideo",
        "Create a video",
        "CreatedVideoJson",
        (
            *_WRITE,
            errors.InvalidRequestError,
            errors.UnknownModelError,
            errors.ModelRetiredError,
            errors.InsufficientCreditsError,
            errors.KeyCapReachedError,
            errors.IdempotencyKeyReusedError,
            errors.RateLimitedError,
            errors.TooManyJobsError,
            errors.ProviderError,
        ),
        status=202,
        body="GenerateVideo",
        parameters=[_IDEMPOTENCY_KEY],
        headers=("Idempotent-Replayed",),
        links=True,
    )
    listing = operation(
        "listVideos",
        "List your videos, newest first",
        "PageJson",
        (*_READ, errors.InvalidRequestError),
        parameters=[_LIMIT, _CURSOR, _STATUS],
    )
    detail = operation("getVideo", "Get a video", "VideoDetailJson", (*_READ, *missing), parameters=[_UUID])
    delete = operation(
        "deleteVideo",
        "Delete a video: it is hidden at once; a job that is still running goes on and is charged",
        "DeletedJson",
        (*_WRITE, *missing),
        parameters=[_UUID],
    )
    status = operation(
        "getVideoStatus",
        "Get a video's status; the provider is asked when the last answer is old",
        "StatusJson",
        (*_READ, *missing),
        parameters=[_UUID],
    )
    retry = operation(
        "retryVideo",
        "Copy a failed video's file again, while the provider still has it",
        "CreatedVideoJson",
        (
            *_WRITE,
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
        parameters=[_UUID],
    )
    content = redirection(
        "getVideoContent",
        "Get a video's file: a redirect to where it is, for links that last",
        (*_READ, *missing, errors.NoFileError, errors.InvalidRequestError),
        [_UUID, _VARIANT, _DOWNLOAD],
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
        (errors.InvalidRequestError, errors.InvalidSignatureError, errors.NotFoundError, *_DATABASE),
        parameters=[provider, *signed],
        public=True,
    )
    taken["requestBody"] = {"content": {"application/json": {"schema": {}}}}
    return taken


def _credit_paths() -> dict[str, Any]:
    balance = operation("getBalance", "Get your credit balance", "BalanceJson", _READ)
    history = operation(
        "listTransactions",
        "List your credit transactions, newest first",
        "HistoryJson",
        (*_READ, errors.InvalidRequestError),
        parameters=[_LIMIT, _OFFSET, _HISTORY_CURSOR, _TYPE],
    )
    grant = operation(
        "grantCredits",
        "Give a user credits, once for each order number; for admins",
        "GrantedJson",
        (*_WRITE, errors.InvalidRequestError, errors.NotFoundError, errors.OrderNumberTakenError),
        body="GrantCredits",
    )
    return {
        "/api/v1/credit/balance": {"get": balance},
        "/api/v1/credit/history": {"get": history},
        "/api/v1/credit/grant": {"post": grant},
    }


def _key_paths() -> dict[str, Any]:
    """The routes that take a session, and no key."""
    listing = operation("listKeys", "List your API keys", "KeysJson", _READ)
    create = operation(
        "createKey",
        "Make an API key; it is shown this once",
        "CreatedKeyJson",
        (*_WRITE, errors.InvalidRequestError, errors.TooManyKeysError),
        status=201,
        body="CreateKey",
    )
    revoke = operation(
        "revokeKey",
        "Revoke an API key: it is refused from now on",
        "DeletedJson",
        (*_WRITE, errors.NotFoundError),
        parameters=[_KEY_ID],
    )
    return {
        "/api/v1/key": {"get": listing, "post": create},
        "/api/v1/key/{id}": {"delete": revoke},
    }


def _other_paths() -> dict[str, Any]:
    presign = operation(
        "presignUpload",
        "Get a URL to upload one image, video or sound to, by PUT",
        "UploadJson",
        (*_WRITE, errors.InvalidRequestError, errors.RateLimitedError, errors.StorageError),
        body="PresignUpload",
    )
    models = operation(
        "listModels", "List the models on offer", ["ModelJson"], (), parameters=[_ACCEPT_LANGUAGE], public=True
    )
    me = operation("getMe", "Get the user who is signed in", "UserJson", (errors.UnauthorizedError, *_DATABASE))
    secret = operation(
        "getWebhookSecret",
        "Get the secret with which webhooks to your own addresses are signed",
        "WebhookSecretJson",
        (*_READ, errors.NotFoundError),
    )
    health = operation(
        "getHealth", "Check the health of the API and of what it depends on", "HealthJson", _DATABASE, public=True
    )
    document = {
        "operationId": "getOpenApi",
        "summary": "Get this document",
        "security": [],
        "responses": {
            "200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}
        },
    }
    return {
        "/api/v1/upload/presign": {"post": presign},
        "/api/v1/config/models": {"get": models},
        "/api/v1/user/me": {"get": me},
        "/api/v1/webhook/secret": {"get": secret},
        "/api/v1/health": {"get": health},
        "/api/v1/openapi.json": {"get": document},
    }
