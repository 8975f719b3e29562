"""The types of what each route answers, in the original's field names, for the type checker and the OpenAPI document.

`responses` makes the answers and doesn't import this module at run time.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired  # pydantic reads typing's own only from Python 3.12 on

from pydantic import Field
from typing_extensions import TypedDict

from clipferry.models import TRANSACTION_TYPES, VideoStatus
from clipferry.verdicts import FailureCode

Uuid = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Status = Annotated[str, Field(json_schema_extra={"enum": list(VideoStatus)})]
ErrorCode = Annotated[str, Field(json_schema_extra={"enum": list(FailureCode)})]
Progress = Annotated[int, Field(ge=0, le=100)]
TransType = Annotated[str, Field(json_schema_extra={"enum": list(TRANSACTION_TYPES)})]


class CreatedVideoJson(TypedDict):
    videoUuid: Uuid
    taskId: str | None
    provider: str
    status: Status
    estimatedTime: int | None
    creditsUsed: int


class VideoJson(TypedDict):
    id: int
    uuid: Uuid
    userId: str
    prompt: str
    model: str
    parameters: dict[str, Any] | None
    status: Status
    provider: str | None
    externalTaskId: str | None
    errorMessage: str | None
    errorCode: ErrorCode | None
    startImageUrl: str | None
    originalVideoUrl: str | None
    videoUrl: str | None
    thumbnailUrl: str | None
    duration: int | None
    resolution: str | None
    aspectRatio: str | None
    width: int | None
    height: int | None
    fileSize: int | None
    creditsUsed: int
    createdAt: Moment
    updatedAt: Moment
    completedAt: Moment | None
    generationTime: int | None
    isDeleted: bool
    metadata: dict[str, str]
    progress: Progress | None


class MediaJson(TypedDict):
    """What the film's file says of itself; sizes in pixels as displayed."""

    durationMs: int | None
    width: int | None
    height: int | None
    codec: str | None
    hasAudio: bool | None
    frameRate: float | None


class VideoDetailJson(VideoJson):
    media: MediaJson | None


class PageJson(TypedDict):
    videos: list[VideoJson]
    nextCursor: str | None
    hasMore: bool


class StatusJson(TypedDict):
    status: Status
    progress: NotRequired[Progress]
    videoUrl: NotRequired[str]
    error: NotRequired[str]
    errorCode: NotRequired[ErrorCode]


class DeletedJson(TypedDict):
    deleted: Literal[True]


class ReceivedJson(TypedDict):
    received: Literal[True]


class BalanceJson(TypedDict):
    totalCredits: int
    usedCredits: int
    frozenCredits: int
    availableCredits: int
    expiringSoon: int


class LedgerRowJson(TypedDict):
    id: int
    transNo: str
    userId: str
    transType: TransType
    credits: int
    balanceAfter: int
    packageId: int | None
    videoUuid: str | None
    orderNo: str | None
    holdId: int | None
    remark: str | None
    createdAt: Moment


class TransactionJson(TypedDict):
    id: str
    userId: str
    transType: str
    credits: int
    balanceAfter: int
    videoUuid: str | None
    remark: str | None
    createdAt: Moment


class HistoryJson(TypedDict):
    records: list[LedgerRowJson]
    transactions: list[TransactionJson]
    total: int
    hasMore: bool
    nextCursor: str | None


class GrantedJson(TypedDict):
    granted: bool
    orderNo: str


class UploadJson(TypedDict):
    uploadUrl: str
    publicUrl: str
    key: str
    expiresIn: int


class CostJson(TypedDict):
    base: float
    includedSeconds: int
    perExtraSecond: float
    qualityMultipliers: dict[str, float]
    highQualityMultiplier: NotRequired[float]


class RangeJson(TypedDict):
    min: int
    max: int


class ModeJson(TypedDict):
    mode: str
    durations: list[int]
    aspectRatios: list[str]
    qualities: list[str]
    audio: str | None
    audioDefault: bool | None
    seed: RangeJson | None
    promptLength: RangeJson
    negativePromptLength: RangeJson | None
    images: RangeJson | None
    videos: RangeJson | None
    audios: RangeJson | None


class PriceJson(TypedDict):
    modes: list[str]
    quality: str | None
    audio: bool | None
    credits: dict[str, int]


class ModelJson(TypedDict):
    id: str
    name: str
    provider: str
    description: str
    supportImageToVideo: bool
    maxDuration: int
    durations: list[int]
    aspectRatios: list[str]
    qualities: NotRequired[list[str]]
    creditCost: CostJson
    modes: list[ModeJson]
    prices: list[PriceJson]


class WebhookSecretJson(TypedDict):
    secret: str


class UserJson(TypedDict):
    id: str
    email: str
    name: str | None
    image: str | None
    isAdmin: bool


class HealthJson(TypedDict):
    status: Literal["ok"]
    checks: dict[str, Literal["ok"]]
