"""The JSON that the routes under `/v1` answer; `answer_types` has the types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from clipferry.api.sdk.sizes import size_of
from clipferry.models import VideoStatus
from clipferry.verdicts import FailureCode

if TYPE_CHECKING:  # imported here, these would cost every function its cold start
    from clipferry.api.sdk.answer_types import (
        DeletedVideoJson,
        SdkModelListJson,
        SdkVideoJson,
        SdkVideoListJson,
        VideoErrorJson,
    )
    from clipferry.catalog import Catalog
    from clipferry.models import Video
    from clipferry.polling import Polling
    from clipferry.usecases.query_videos import PageAfter

STATUS_WORDS: Final = {
    VideoStatus.PENDING: "queued",
    VideoStatus.GENERATING: "in_progress",
    VideoStatus.UPLOADING: "in_progress",
    VideoStatus.COMPLETED: "completed",
    VideoStatus.FAILED: "failed",
}


def video(row: Video) -> SdkVideoJson:
    kept: dict[str, Any] = row.parameters or {}
    seconds = row.duration or kept.get("duration")
    return {
        "id": row.uuid,
        "object": "video",
        "status": STATUS_WORDS[row.status],
        "model": row.model,
        "prompt": row.prompt,
        "progress": row.progress or 0,
        "seconds": None if seconds is None else str(seconds),
        "size": _size(row, kept),
        "created_at": int(row.created_at.timestamp()),
        "completed_at": int(row.completed_at.timestamp()) if row.completed_at else None,
        "expires_at": None,
        "remixed_from_video_id": None,
        "error": _error(row),
        "creditsUsed": row.credits_used,
        "metadata": row.metadata or {},
    }


def poll_headers(polling: Polling) -> dict[str, str]:
    """How long the SDKs' `poll` waits: for as long as a stored status is taken for fresh."""
    return {"openai-poll-after-ms": str(max(round(polling.status_refresh_seconds * 1000), 1000))}


def page(found: PageAfter) -> SdkVideoListJson:
    data = [video(row) for row in found.videos]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": found.has_more,
    }


def deleted(uuid: str) -> DeletedVideoJson:
    return {"id": uuid, "object": "video.deleted", "deleted": True}


def models(catalog: Catalog) -> SdkModelListJson:
    """Every model on offer. Nobody knows when each was made: `created` is 0."""
    on_offer = [model for model in catalog.models.values() if not model.retired]
    return {
        "object": "list",
        "data": [
            {"id": model.id, "object": "model", "created": 0, "owned_by": model.offers[0].provider}
            for model in on_offer
        ],
    }


def _size(row: Video, kept: dict[str, Any]) -> str | None:
    """The file's own size, and before there is one that which was asked for, if it says a size."""
    if row.width and row.height:
        return f"{row.width}x{row.height}"
    return size_of(kept.get("aspectRatio"), kept.get("quality"))


def _error(row: Video) -> VideoErrorJson | None:
    if row.status is not VideoStatus.FAILED:
        return None
    code = row.error_code or FailureCode.PROVIDER_FAILED.value
    return {"code": code, "message": row.error_message or FailureCode.PROVIDER_FAILED.sentence}
