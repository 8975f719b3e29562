"""An example of each request, answer and error of the contract; the code that answers makes the answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from clipferry import catalog, errors
from clipferry.api import key_answers, model_answers, responses
from clipferry.api.sdk import answers as sdk_answers
from clipferry.api.sdk import errors as sdk_errors
from clipferry.db.api_keys import ApiKey
from clipferry.db.ledger import Balance, LedgerRow
from clipferry.db.users import User
from clipferry.errors import ClipferryError
from clipferry.models import Video, VideoStatus
from clipferry.usecases.query_videos import Page, PageAfter
from clipferry.usecases.read_credits import HistoryPage

UUID: Final = "vid_V1StGXR8_Z5jdHi6B-myT"
_MADE: Final = datetime(2026, 11, 22, 8, tzinfo=UTC)
_DONE: Final = _MADE + timedelta(seconds=108.25)
_CURSOR: Final = "MTc5NTMzNDQwMDAwMC40Mg"
_FILE: Final = f"https://cdn.example.com/videos/{UUID}"
_UPLOAD: Final = "uploads/xQ3vT8mKpL0sWz5a/8hJk2LmNpQrStUvWxYz1A.png"
_USER: Final = User(id="xQ3vT8mKpL0sWz5a", email="ann@example.com", name="Ann", image=None, is_admin=False)

_ORDERED: Final = Video(
    id=42,
    uuid=UUID,
    user_id=_USER.id,
    prompt="A ferry at dawn",
    model="seedance-2.0",
    parameters={
        "duration": 5,
        "aspectRatio": "16:9",
        "quality": "480p",
        "mode": "text-to-video",
        "generateAudio": True,
    },
    status=VideoStatus.GENERATING,
    provider="evolink",
    external_task_id="task-unified-1795334400-7cvnl5zw",
    error_message=None,
    start_image_url=None,
    original_video_url=None,
    video_url=None,
    thumbnail_url=None,
    duration=5,
    resolution="480p",
    aspect_ratio="16:9",
    file_size=None,
    credits_used=15,
    created_at=_MADE,
    updated_at=_MADE,
    completed_at=None,
    generation_time=None,
    is_deleted=False,
    metadata={"order": "42"},
)
_COMPLETED: Final = replace(
    _ORDERED,
    status=VideoStatus.COMPLETED,
    original_video_url="https://files.evolink.example/7cvnl5zw.mp4",
    video_url=f"{_FILE}.mp4",
    thumbnail_url=f"{_FILE}.jpg",
    file_size=1048576,
    updated_at=_DONE,
    completed_at=_DONE,
    generation_time=108,
    duration_ms=5042,
    width=864,
    height=480,
    codec="h264",
    has_audio=True,
    frame_rate=24.0,
)
_CONSUMED: Final = LedgerRow(
    id=7,
    trans_no="TXN17953344000008hJk2L",
    user_id=_USER.id,
    trans_type="VIDEO_CONSUME",
    credits=-15,
    balance_after=85,
    package_id=None,
    video_uuid=UUID,
    order_no=None,
    hold_id=3,
    remark=None,
    created_at=_DONE,
)
_KEY: Final = ApiKey(
    id=7,
    user_id=_USER.id,
    name="render farm",
    prefix="cf_2hQbK9c",
    is_admin=False,
    created_at=_MADE,
    last_used_at=None,
    revoked_at=None,
    scopes=["videos:read", "videos:write"],
    expires_at=_MADE + timedelta(days=90),
    monthly_credits=500,
)

REQUESTS: Final[dict[str, Any]] = {
    "GenerateVideo": {
        "prompt": "A ferry at dawn",
        "model": "seedance-2.0",
        "duration": 5,
        "aspectRatio": "16:9",
        "quality": "480p",
    },
    "CreateVideo": {"prompt": "A ferry at dawn", "model": "seedance-2.0", "seconds": "5", "size": "854x480"},
    "GrantCredits": {"userId": _USER.id, "credits": 100, "orderNo": "support-2026-0042", "expiresInDays": 30},
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
    "generateVideo": responses.retried(_ORDERED) | {"estimatedTime": 120},
    "listVideos": responses.page(Page([_COMPLETED], _CURSOR)),
    "getVideo": responses.video_detail(_COMPLETED),
    "deleteVideo": {"deleted": True},
    "getVideoStatus": responses.status(_COMPLETED),
    "cancelVideo": responses.status(_ORDERED),
    "retryVideo": responses.retried(replace(_ORDERED, status=VideoStatus.UPLOADING)),
    "receiveCallback": {"received": True},
    "getBalance": responses.balance(Balance(total=100, used=15, frozen=0, available=85, expiring_soon=0)),
    "listTransactions": responses.history(HistoryPage(rows=[_CONSUMED], total=1, next_offset=None)),
    "grantCredits": {"granted": True, "orderNo": "support-2026-0042"},
    "sdkCreateVideo": sdk_answers.video(_ORDERED),
    "sdkGetVideo": sdk_answers.video(_COMPLETED),
    "sdkListVideos": sdk_answers.page(PageAfter([replace(_ORDERED, status=VideoStatus.PENDING)], has_more=False)),
    "sdkDeleteVideo": sdk_answers.deleted(UUID),
    "sdkListModels": {
        "object": "list",
        "data": [{"id": "seedance-2.0", "object": "model", "created": 0, "owned_by": "evolink"}],
    },
    "listKeys": key_answers.keys([replace(_KEY, used_credits=45, last_used_at=_DONE)]),
    "createKey": key_answers.created_key(_KEY, "cf_2hQbK9cVx0mW4RrT8yUoPaSdFgHjKlZxCvBnM1QwErT"),
    "revokeKey": {"deleted": True},
    "presignUpload": {
        "uploadUrl": f"https://bucket.r2.example/{_UPLOAD}?X-Amz-Expires=3600&X-Amz-Signature=…",
        "publicUrl": f"https://cdn.example.com/{_UPLOAD}",
        "key": _UPLOAD,
        "expiresIn": 3600,
    },
    "listModels": model_answers.models(catalog.load())[:1],
    "getMe": responses.user(_USER),
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


def sdk_refusal(error: type[ClipferryError]) -> dict[str, Any]:
    """The same as OpenAI's SDKs read it."""
    return sdk_errors.shape(error.status, refusal(error)["error"])
