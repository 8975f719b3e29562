"""The types of what the routes under `/v1` answer, for the type checker and the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from clipferry.api.response_types import ErrorCode, Uuid

SdkStatus = Annotated[str, Field(json_schema_extra={"enum": ["queued", "in_progress", "completed", "failed"]})]


class VideoErrorJson(TypedDict):
    code: ErrorCode
    message: str


class SdkVideoJson(TypedDict):
    """A video as OpenAI's SDKs read it; times are Unix seconds. `creditsUsed` and `metadata` are ours."""

    id: Uuid
    object: Literal["video"]
    status: SdkStatus
    model: str
    prompt: str
    progress: Annotated[int, Field(ge=0, le=100)]
    seconds: str | None
    size: str | None
    created_at: int
    completed_at: int | None
    expires_at: None
    remixed_from_video_id: None
    error: VideoErrorJson | None
    creditsUsed: int
    metadata: dict[str, str]


class SdkVideoListJson(TypedDict):
    object: Literal["list"]
    data: list[SdkVideoJson]
    first_id: Uuid | None
    last_id: Uuid | None
    has_more: bool


class DeletedVideoJson(TypedDict):
    id: Uuid
    object: Literal["video.deleted"]
    deleted: Literal[True]


class SdkModelJson(TypedDict):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class SdkModelListJson(TypedDict):
    object: Literal["list"]
    data: list[SdkModelJson]
