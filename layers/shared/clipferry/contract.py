"""The contract's words: what each route takes and answers, in the original's field names and types."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from clipferry.api import headers, parse, query, raw_body
from clipferry.catalog import Catalog, choose
from clipferry.errors import InvalidRequestError, VideoNotFoundError
from clipferry.models import Video, VideoStatus
from clipferry.usecases.create_video import CreatedVideo, VideoRequest
from clipferry.usecases.query_videos import Page
from clipferry.usecases.receive_callback import Callback


def _without_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not contain NUL characters")
    return value


Text = Annotated[str, AfterValidator(_without_nul)]


class GenerateVideo(BaseModel):
    """The body of `POST /api/v1/video/generate`. Fields that we don't know are ignored, as the original did."""

    model_config = ConfigDict(frozen=True, strict=True)

    prompt: Annotated[Text, Field(min_length=1, max_length=5000)]
    model: Annotated[Text, Field(min_length=1, max_length=100)]
    duration: Annotated[int, Field(ge=1, le=3600)] | None = None
    aspectRatio: Annotated[Text, Field(max_length=20)] | None = None  # noqa: N815 - the contract's spelling
    quality: Annotated[Text, Field(max_length=20)] | None = None
    imageUrl: Annotated[Text, Field(min_length=1, max_length=2048)] | None = None  # noqa: N815


def video_request(event: APIGatewayProxyEventV2, models: Catalog, *, allow_loopback: bool) -> VideoRequest:
    """The body of `generate`, fitted to its model; raises InvalidRequestError that names every field at fault."""
    body = parse(event, GenerateVideo)
    model = models.get(body.model)
    choice = choose(
        model,
        duration=body.duration,
        aspect_ratio=body.aspectRatio,
        quality=body.quality,
        has_image=body.imageUrl is not None,
    )
    image_url = None if body.imageUrl is None else _public_url("imageUrl", body.imageUrl, allow_loopback)
    parameters = {"duration": choice.duration, "aspectRatio": choice.aspect_ratio, "quality": choice.quality}
    return VideoRequest(prompt=body.prompt, choice=choice, image_url=image_url, parameters=parameters)


def _public_url(path: str, text: str, allow_loopback: bool) -> str:
    """An HTTPS URL that a provider can fetch; we never do. Plain HTTP only to loopback, in local development."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        host, parts = "", urlsplit("")
    local = allow_loopback and parts.scheme == "http" and host in ("localhost", "127.0.0.1")
    if not host or not text.isascii() or not text.isprintable() or not (parts.scheme == "https" or local):
        raise InvalidRequestError.for_field(path, "invalid_url", "must be an https URL")
    return text


def callback(event: APIGatewayProxyEventV2, provider: str) -> Callback:
    """A provider's call; raises InvalidRequestError when the URL isn't one of those that we give out."""
    parameters = query(event)
    missing = [name for name in ("videoUuid", "ts", "sig") if not parameters.get(name)]
    if missing:
        faults = [{"path": name, "code": "missing", "message": "is required"} for name in missing]
        raise InvalidRequestError("missing signature parameters", details={"fields": faults})
    return Callback(
        provider=provider,
        video_uuid=parameters["videoUuid"],
        timestamp=parameters["ts"],
        signature=parameters["sig"],
        headers=headers(event),
        body=raw_body(event),
    )


def created_json(created: CreatedVideo) -> dict[str, Any]:
    """The answer of `generate`, in the original's names."""
    return {
        "videoUuid": created.video_uuid,
        "taskId": created.task_id,
        "provider": created.provider,
        "status": created.status.value,
        "estimatedTime": created.estimated_time,
        "creditsUsed": created.credits_used,
    }


def replay_headers(created: CreatedVideo) -> dict[str, str]:
    return {"Idempotent-Replayed": "true"} if created.replayed else {}


def page_json(page: Page) -> dict[str, Any]:
    return {"videos": [video_json(video) for video in page.videos], "nextCursor": page.next_cursor}


def video_uuid(text: str) -> str:
    """A path's video id; what can't be one is as unknown as any other."""
    if not (0 < len(text) <= 64 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()):
        raise VideoNotFoundError("not an id")
    return text


def page_limit(text: str | None, *, default: int = 20, largest: int = 100) -> int:
    """`limit`, 1 to `largest`."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= largest):
        raise InvalidRequestError.for_field("limit", "invalid", f"must be a whole number from 1 to {largest}")
    return int(text)


def status_filter(text: str | None) -> VideoStatus | None:
    """`status`, one of the five, or None."""
    if text is None:
        return None
    if text not in VideoStatus.__members__:
        choices = ", ".join(VideoStatus)
        raise InvalidRequestError.for_field("status", "invalid", f"must be one of {choices}")
    return VideoStatus(text)


def video_json(video: Video) -> dict[str, Any]:
    """The row in camelCase, as the original's front end reads it; times in ISO 8601, UTC, milliseconds."""
    return {
        "id": video.id,
        "uuid": video.uuid,
        "userId": video.user_id,
        "prompt": video.prompt,
        "model": video.model,
        "parameters": video.parameters,
        "status": video.status.value,
        "provider": video.provider,
        "externalTaskId": video.external_task_id,
        "errorMessage": video.error_message,
        "errorCode": video.error_code,
        "startImageUrl": video.start_image_url,
        "originalVideoUrl": video.original_video_url,
        "videoUrl": video.video_url,
        "thumbnailUrl": video.thumbnail_url,
        "duration": video.duration,
        "resolution": video.resolution,
        "aspectRatio": video.aspect_ratio,
        "fileSize": video.file_size,
        "creditsUsed": video.credits_used,
        "createdAt": _iso(video.created_at),
        "updatedAt": _iso(video.updated_at),
        "completedAt": _iso(video.completed_at),
        "generationTime": video.generation_time,
        "isDeleted": video.is_deleted,
    }


def status_json(video: Video) -> dict[str, Any]:
    """`{status, videoUrl?, error?, errorCode?}`."""
    answer: dict[str, Any] = {"status": video.status.value}
    if video.video_url:
        answer["videoUrl"] = video.video_url
    if video.error_message:
        answer["error"] = video.error_message
    if video.error_code:
        answer["errorCode"] = video.error_code
    return answer


def _iso(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
