"""An example of each request, answer and error of the contract."""

from __future__ import annotations

from typing import Any, Final

from clipferry import catalog, errors
from clipferry.api import model_answers
from clipferry.errors import ClipferryError

UUID: Final = "vid_V1StGXR8_Z5jdHi6B-myT"
_MADE: Final = "2026-11-22T08:00:00.000Z"
_DONE: Final = "2026-11-22T08:01:48.250Z"
_CURSOR: Final = "MTc5NTMzNDQwMDAwMC40Mg"
_FILE: Final = f"https://cdn.example.com/videos/{UUID}"
_UPLOAD: Final = "uploads/xQ3vT8mKpL0sWz5a/8hJk2LmNpQrStUvWxYz1A.png"

_VIDEO: Final = {
    "id": 42,
    "uuid": UUID,
    "userId": "xQ3vT8mKpL0sWz5a",
    "prompt": "A ferry at dawn",
    "model": "seedance-2.0",
    "parameters": {
        "duration": 5,
        "aspectRatio": "16:9",
        "quality": "480p",
        "mode": "text-to-video",
        "generateAudio": True,
    },
    "status": "COMPLETED",
    "provider": "evolink",
    "externalTaskId": "task-unified-1795334400-7cvnl5zw",
    "errorMessage": None,
    "errorCode": None,
    "startImageUrl": None,
    "originalVideoUrl": "https://files.evolink.example/7cvnl5zw.mp4",
    "videoUrl": f"{_FILE}.mp4",
    "thumbnailUrl": f"{_FILE}.jpg",
    "duration": 5,
    "resolution": "480p",
    "aspectRatio": "16:9",
    "width": 864,
    "height": 480,
    "fileSize": 1048576,
    "creditsUsed": 15,
    "createdAt": _MADE,
    "updatedAt": _DONE,
    "completedAt": _DONE,
    "generationTime": 108,
    "isDeleted": False,
    "metadata": {"order": "42"},
    "progress": 100,
}
_MEDIA: Final = {
    "durationMs": 5042,
    "width": 864,
    "height": 480,
    "codec": "h264",
    "hasAudio": True,
    "frameRate": 24.0,
}
_SDK_VIDEO: Final = {
    "id": UUID,
    "object": "video",
    "status": "queued",
    "model": "seedance-2.0",
    "prompt": "A ferry at dawn",
    "progress": 0,
    "seconds": "5",
    "size": "854x480",
    "created_at": 1795334400,
    "completed_at": None,
    "expires_at": None,
    "remixed_from_video_id": None,
    "error": None,
    "creditsUsed": 15,
    "metadata": {"order": "42"},
}
_CREATED: Final = {
    "videoUuid": UUID,
    "taskId": "task-unified-1795334400-7cvnl5zw",
    "provider": "evolink",
    "status": "GENERATING",
    "estimatedTime": 120,
    "creditsUsed": 15,
}
_CONSUMED: Final = {
    "id": 7,
    "transNo": "TXN17953344000008hJk2L",
    "userId": "xQ3vT8mKpL0sWz5a",
    "transType": "VIDEO_CONSUME",
    "credits": -15,
    "balanceAfter": 85,
    "packageId": None,
    "videoUuid": UUID,
    "orderNo": None,
    "holdId": 3,
    "remark": None,
    "createdAt": _DONE,
}
_TRANSACTION: Final = {
    "id": "7",
    "userId": "xQ3vT8mKpL0sWz5a",
    "transType": "video_generate",
    "credits": -15,
    "balanceAfter": 85,
    "videoUuid": UUID,
    "remark": None,
    "createdAt": _DONE,
}
_KEY: Final = {
    "id": 7,
    "name": "render farm",
    "prefix": "cf_2hQbK9c",
    "scopes": ["videos:read", "videos:write"],
    "monthlyCredits": 500,
    "usedCredits": 0,
    "createdAt": _MADE,
    "expiresAt": "2027-02-20T08:00:00.000Z",
    "lastUsedAt": None,
}

REQUESTS: Final[dict[str, Any]] = {
    "GenerateVideo": {
        "prompt": "A ferry at dawn",
        "model": "seedance-2.0",
        "duration": 5,
        "aspectRatio": "16:9",
        "quality": "480p",
    },
    "CreateVideo": {"prompt": "A ferry at dawn", "model": "seedance-2.0", "seconds": "5", "size": "854x480"},
    "GrantCredits": {"userId": "xQ3vT8mKpL0sWz5a", "credits": 100, "orderNo": "support-2026-0042", "expiresInDays": 30},
    "CreateKey": {
        "name": "render farm",
        "scopes": ["videos:read", "videos:write"],
        "expiresInDays": 90,
        "monthlyCredits": 500,
    },
    "PresignUpload": {"filename": "start.png", "contentType": "image/png", "contentLength": 204800},
}
"""Request bodies, by the name of their schema."""

ANSWERS: Final[dict[str, Any]] = {
    "generateVideo": _CREATED,
    "listVideos": {"videos": [_VIDEO], "nextCursor": _CURSOR, "hasMore": True},
    "getVideo": {**_VIDEO, "media": _MEDIA},
    "deleteVideo": {"deleted": True},
    "getVideoStatus": {"status": "COMPLETED", "progress": 100, "videoUrl": f"{_FILE}.mp4"},
    "cancelVideo": {"status": "GENERATING"},
    "retryVideo": {**_CREATED, "status": "UPLOADING", "estimatedTime": None},
    "receiveCallback": {"received": True},
    "getBalance": {
        "totalCredits": 100,
        "usedCredits": 15,
        "frozenCredits": 0,
        "availableCredits": 85,
        "expiringSoon": 0,
    },
    "listTransactions": {
        "records": [_CONSUMED],
        "transactions": [_TRANSACTION],
        "total": 1,
        "hasMore": False,
        "nextCursor": None,
    },
    "grantCredits": {"granted": True, "orderNo": "support-2026-0042"},
    "sdkCreateVideo": {**_SDK_VIDEO, "status": "in_progress"},
    "sdkGetVideo": {**_SDK_VIDEO, "status": "completed", "progress": 100, "completed_at": 1795334508},
    "sdkListVideos": {
        "object": "list",
        "data": [_SDK_VIDEO],
        "first_id": UUID,
        "last_id": UUID,
        "has_more": False,
    },
    "sdkDeleteVideo": {"id": UUID, "object": "video.deleted", "deleted": True},
    "sdkListModels": {
        "object": "list",
        "data": [{"id": "seedance-2.0", "object": "model", "created": 0, "owned_by": "evolink"}],
    },
    "listKeys": {"keys": [{**_KEY, "usedCredits": 45, "lastUsedAt": _DONE}]},
    "createKey": {**_KEY, "key": "cf_2hQbK9cVx0mW4RrT8yUoPaSdFgHjKlZxCvBnM1QwErT"},
    "revokeKey": {"deleted": True},
    "presignUpload": {
        "uploadUrl": f"https://bucket.r2.example/{_UPLOAD}?X-Amz-Expires=3600&X-Amz-Signature=…",
        "publicUrl": f"https://cdn.example.com/{_UPLOAD}",
        "key": _UPLOAD,
        "expiresIn": 3600,
    },
    "listModels": model_answers.models(catalog.load())[:1],
    "getMe": {
        "id": "xQ3vT8mKpL0sWz5a",
        "email": "ann@example.com",
        "name": "Ann",
        "image": None,
        "isAdmin": False,
    },
    "getWebhookSecret": {"secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},
    "getHealth": {"status": "ok", "checks": {"database": "ok"}},
}
"""What `data` holds in an answer, by the operation's name."""

_DETAILS: Final[dict[type[ClipferryError], dict[str, Any]]] = {
    errors.InvalidRequestError: {
        "fields": [{"path": "prompt", "code": "string_too_short", "message": "String should have at least 1 character"}]
    },
    errors.UnknownModelError: {
        "fields": [{"path": "model", "code": "unknown", "message": "there is no model with this id"}]
    },
    errors.ModelRetiredError: {
        "fields": [{"path": "model", "code": "retired", "message": "this model is no longer offered"}]
    },
    errors.InsufficientCreditsError: {"requiredCredits": 15, "availableCredits": 3},
    errors.NoFileError: {"status": "GENERATING"},
    errors.KeyCapReachedError: {"requiredCredits": 15, "usedCredits": 495, "monthlyCredits": 500},
    errors.TooManyKeysError: {"mostKeys": 20},
    errors.TooManyJobsError: {"inFlight": 3},
    errors.ProviderError: {
        "videoUuid": UUID,
        "errorCode": "PROVIDER_BUSY",
        "reason": "The video service is overloaded. Please try again later.",
    },
}


def refusal(error: type[ClipferryError]) -> dict[str, Any]:
    """The whole answer that tells the caller about `error`."""
    made = error(details=_DETAILS[error]) if error in _DETAILS else error()
    return {"success": False, "error": made.as_answer()["error"]}
