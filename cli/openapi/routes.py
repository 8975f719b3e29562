"""Every operation of the contract, by its route; the template has the same routes (tests/unit/test_openapi.py)."""

from __future__ import annotations

from typing import Any, Final

from cli.openapi import video_requests
from cli.openapi.operations import REDIRECTION, Operation, json_body
from cli.openapi.parameters import (
    ACCEPT_LANGUAGE,
    AFTER,
    CURSOR,
    DATABASE,
    DIRECTION,
    DOWNLOAD,
    HISTORY_CURSOR,
    IDEMPOTENCY_KEY,
    LIMIT,
    METADATA,
    MISSING,
    OFFSET,
    ORDER,
    READ,
    SIGNATURE,
    STATUS,
    TYPE,
    VARIANT,
    WRITE,
)
from clipferry import errors
from clipferry.api import key_types, response_types
from clipferry.api.sdk import answer_types

_ANYTHING: Final[dict[str, Any]] = {"content": {"application/json": {"schema": {}}}}
_DOCUMENT: Final[dict[str, Any]] = {
    "description": "OpenAPI 3.1",
    "content": {"application/json": {"schema": {"type": "object"}}},
}

OPERATIONS: Final = {
    "POST /api/v1/video/generate": Operation(
        "generateVideo",
        "Create a video",
        ORDER,
        response_types.CreatedVideoJson,
        status=202,
        request=json_body("GenerateVideo"),
        parameters=(IDEMPOTENCY_KEY,),
        headers=("Idempotent-Replayed",),
        links=("getVideoStatus", "getVideo", "deleteVideo", "retryVideo", "cancelVideo"),
    ),
    "GET /api/v1/video/list": Operation(
        "listVideos",
        "List your videos, newest first",
        (*READ, errors.InvalidRequestError),
        response_types.PageJson,
        parameters=(LIMIT, CURSOR, STATUS, METADATA),
    ),
    "GET /api/v1/video/events": Operation(
        "streamEvents",
        "End an EventSource: nothing is streamed; ask for a video's status instead",
        (),
        {"description": "Nothing; a browser doesn't connect again"},
        status=204,
        public=True,
    ),
    "GET /api/v1/video/{uuid}": Operation("getVideo", "Get a video", (*READ, *MISSING), response_types.VideoDetailJson),
    "DELETE /api/v1/video/{uuid}": Operation(
        "deleteVideo",
        "Delete a video: it is hidden at once; a job that is still running goes on and is charged",
        (*WRITE, *MISSING),
        response_types.DeletedJson,
    ),
    "GET /api/v1/video/{uuid}/status": Operation(
        "getVideoStatus",
        "Get a video's status; the provider is asked when the last answer is old",
        (*READ, *MISSING),
        response_types.StatusJson,
    ),
    "GET /api/v1/video/{uuid}/content": Operation(
        "getVideoContent",
        "Get a video's file: a redirect to where it is, for links that last",
        (*READ, *MISSING, errors.NoFileError, errors.InvalidRequestError),
        REDIRECTION,
        status=302,
        parameters=(VARIANT, DOWNLOAD),
    ),
    "POST /api/v1/video/{uuid}/retry": Operation(
        "retryVideo",
        "Copy a failed video's file again, while the provider still has it",
        (
            *WRITE,
            *MISSING,
            errors.InsufficientCreditsError,
            errors.KeyCapReachedError,
            errors.ConflictError,
            errors.OriginalExpiredError,
            errors.RateLimitedError,
            errors.TooManyJobsError,
            errors.SourceError,
        ),
        response_types.CreatedVideoJson,
        status=202,
    ),
    "POST /api/v1/video/{uuid}/cancel": Operation(
        "cancelVideo",
        "Have the provider stop making a video; its credits come back when the provider says that it has ended",
        (*WRITE, *MISSING, errors.NotCancellableError, errors.ProviderError),
        response_types.StatusJson,
        status=202,
    ),
    # Providers call the URL that they were given; nobody else needs this.
    "POST /api/v1/video/callback/{provider}": Operation(
        "receiveCallback",
        "Tell that a provider's task has changed",
        (errors.InvalidRequestError, errors.InvalidSignatureError, errors.NotFoundError, *DATABASE),
        response_types.ReceivedJson,
        request=_ANYTHING,
        parameters=SIGNATURE,
        public=True,
    ),
    "GET /api/v1/credit/balance": Operation("getBalance", "Get your credit balance", READ, response_types.BalanceJson),
    "GET /api/v1/credit/history": Operation(
        "listTransactions",
        "List your credit transactions, newest first",
        (*READ, errors.InvalidRequestError),
        response_types.HistoryJson,
        parameters=(LIMIT, OFFSET, HISTORY_CURSOR, TYPE),
    ),
    "POST /api/v1/credit/grant": Operation(
        "grantCredits",
        "Give a user credits, once for each order number; for admins",
        (*WRITE, errors.InvalidRequestError, errors.NotFoundError, errors.OrderNumberTakenError),
        response_types.GrantedJson,
        request=json_body("GrantCredits"),
    ),
    "GET /api/v1/key": Operation("listKeys", "List your API keys", READ, key_types.KeysJson),
    "POST /api/v1/key": Operation(
        "createKey",
        "Make an API key; it is shown this once",
        (*WRITE, errors.InvalidRequestError, errors.TooManyKeysError),
        key_types.CreatedKeyJson,
        status=201,
        request=json_body("CreateKey"),
    ),
    "DELETE /api/v1/key/{id}": Operation(
        "revokeKey",
        "Revoke an API key: it is refused from now on",
        (*WRITE, errors.NotFoundError),
        response_types.DeletedJson,
    ),
    "POST /api/v1/upload/presign": Operation(
        "presignUpload",
        "Get a URL to upload one image, video or sound to, by PUT",
        (*WRITE, errors.InvalidRequestError, errors.RateLimitedError, errors.StorageError),
        response_types.UploadJson,
        request=json_body("PresignUpload"),
    ),
    "GET /api/v1/config/models": Operation(
        "listModels",
        "List the models on offer",
        (),
        list[response_types.ModelJson],
        parameters=(ACCEPT_LANGUAGE,),
        public=True,
    ),
    "GET /api/v1/user/me": Operation(
        "getMe", "Get the user who is signed in", (errors.UnauthorizedError, *DATABASE), response_types.UserJson
    ),
    "GET /api/v1/webhook/secret": Operation(
        "getWebhookSecret",
        "Get the secret with which webhooks to your own addresses are signed",
        (*READ, errors.NotFoundError),
        response_types.WebhookSecretJson,
    ),
    "GET /api/v1/health": Operation(
        "getHealth",
        "Check the health of the API and of what it depends on",
        DATABASE,
        response_types.HealthJson,
        public=True,
    ),
    "GET /api/v1/openapi.json": Operation("getOpenApi", "Get this document", (), _DOCUMENT, public=True),
    "GET /v1/videos": Operation(
        "sdkListVideos",
        "List your videos",
        (*READ, errors.InvalidRequestError),
        answer_types.SdkVideoListJson,
        parameters=(AFTER, LIMIT, DIRECTION),
    ),
    "POST /v1/videos": Operation(
        "sdkCreateVideo",
        "Create a video, as OpenAI's SDKs ask for one",
        (*ORDER, errors.VideoNotFoundError, errors.StorageError),
        answer_types.SdkVideoJson,
        request=json_body("CreateVideo", form=video_requests.SDK_FORM),
        parameters=(IDEMPOTENCY_KEY,),
        headers=("Idempotent-Replayed", "openai-poll-after-ms"),
    ),
    "GET /v1/videos/{uuid}": Operation(
        "sdkGetVideo",
        "Get a video; the provider is asked when the last answer is old",
        (*READ, *MISSING),
        answer_types.SdkVideoJson,
        headers=("openai-poll-after-ms",),
    ),
    "DELETE /v1/videos/{uuid}": Operation(
        "sdkDeleteVideo", "Delete a video", (*WRITE, *MISSING), answer_types.DeletedVideoJson
    ),
    "GET /v1/videos/{uuid}/content": Operation(
        "sdkGetVideoContent",
        "Get a video's file: a redirect to where it is",
        (*READ, *MISSING, errors.NoFileError, errors.InvalidRequestError),
        REDIRECTION,
        status=302,
        parameters=(VARIANT,),
    ),
    "GET /v1/models": Operation("sdkListModels", "List the models on offer", READ, answer_types.SdkModelListJson),
}
