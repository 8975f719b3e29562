"""What each route takes, in the original's field names; a fault is named by its field."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from clipferry.api import headers, parse, query, raw_body
from clipferry.catalog import Catalog, Wish
from clipferry.contract.answers import TRANSACTION_TYPES
from clipferry.errors import InvalidRequestError, VideoNotFoundError
from clipferry.models import LARGEST_UPLOAD, MOST_CREDITS, VideoStatus
from clipferry.usecases.create_video import VideoRequest
from clipferry.usecases.receive_callback import Callback

NO_NUL: Final = r"^[^\x00]*$"
"""PostgreSQL's text takes every character but this one."""
PRINTABLE_ASCII: Final = "^[ -~]+$"
_AFTER_THE_HOST: Final = "(:[0-9]{1,5})?([/?#][!-~]*)?$"
PUBLIC_URL: Final = "^[Hh][Tt][Tt][Pp][Ss]://[A-Za-z0-9._-]+" + _AFTER_THE_HOST
"""A name as it is in DNS; no user, no password."""
_LOOPBACK_URL: Final = r"^http://(localhost|127\.0\.0\.1)" + _AFTER_THE_HOST


def _whole(value: object) -> object:
    """To JSON Schema 5.0 is an integer, and some clients write it so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole: Final = BeforeValidator(_whole)


class GenerateVideo(BaseModel):
    """The body of `POST /api/v1/video/generate`. Fields that we don't know are ignored, as the original did."""

    model_config = ConfigDict(frozen=True, strict=True)

    prompt: Annotated[str, Field(min_length=1, max_length=5000, pattern=NO_NUL)]
    model: Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]
    duration: Annotated[int, Field(ge=1, le=3600), Whole] | None = None
    aspectRatio: Annotated[str, Field(max_length=20, pattern=NO_NUL)] | None = None  # noqa: N815 - the contract's spelling
    quality: Annotated[str, Field(max_length=20, pattern=NO_NUL)] | None = None
    imageUrl: Annotated[str, Field(min_length=1, max_length=2048, pattern=NO_NUL)] | None = None  # noqa: N815


class GrantCredits(BaseModel):
    """The body of `POST /api/v1/credit/grant`. Without `expiresInDays` the credits never expire."""

    model_config = ConfigDict(frozen=True, strict=True)

    userId: Annotated[str, Field(min_length=1, max_length=255, pattern=NO_NUL)]  # noqa: N815
    credits: Annotated[int, Field(ge=1, le=MOST_CREDITS), Whole]
    orderNo: Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE_ASCII)]  # noqa: N815
    transType: Literal["NEW_USER", "ORDER_PAY", "SUBSCRIPTION", "SYSTEM_ADJUST", "REFUND"] = "SYSTEM_ADJUST"  # noqa: N815
    expiresInDays: Annotated[int, Field(ge=1, le=36_500), Whole] | None = None  # noqa: N815
    remark: Annotated[str, Field(max_length=500, pattern=NO_NUL)] | None = None


class PresignUpload(BaseModel):
    """The body of `POST /api/v1/upload/presign`. With `contentLength` (bytes) the size is signed too."""

    model_config = ConfigDict(frozen=True, strict=True)

    filename: Annotated[str, Field(min_length=1, max_length=255, pattern=NO_NUL)]
    contentType: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]  # noqa: N815
    contentLength: Annotated[int, Field(ge=1, le=LARGEST_UPLOAD), Whole] | None = None  # noqa: N815


def video_request(event: APIGatewayProxyEventV2, models: Catalog, *, allow_loopback: bool) -> VideoRequest:
    """The body of `generate`, fitted to its model; raises InvalidRequestError that names every field at fault."""
    body = parse(event, GenerateVideo)
    model = models.get(body.model)
    wish = Wish(
        duration=body.duration,
        aspect_ratio=body.aspectRatio,
        quality=body.quality,
        has_image=body.imageUrl is not None,
    )
    faults = model.faults(wish)
    if body.imageUrl is not None and not _is_public_url(body.imageUrl, allow_loopback):
        faults.append({"path": "imageUrl", "code": "invalid_url", "message": "must be an https URL"})
    if faults:
        raise InvalidRequestError("not offered by the model", details={"fields": faults})
    choice = model.choose(wish)
    parameters = {"duration": choice.duration, "aspectRatio": choice.aspect_ratio, "quality": choice.quality}
    return VideoRequest(prompt=body.prompt, choice=choice, image_url=body.imageUrl, parameters=parameters)


def _is_public_url(text: str, allow_loopback: bool) -> bool:
    """An HTTPS URL that a provider can fetch; we never do. Plain HTTP only to loopback, in local development."""
    is_local = allow_loopback and re.fullmatch(_LOOPBACK_URL, text) is not None
    return is_local or re.fullmatch(PUBLIC_URL, text) is not None


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


def page_offset(text: str | None, *, largest: int = 1_000_000) -> int:
    """`offset`, 0 to `largest`."""
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and int(text) <= largest):
        raise InvalidRequestError.for_field("offset", "invalid", f"must be a whole number from 0 to {largest}")
    return int(text)


def transaction_type(text: str | None) -> str | None:
    """`type`, one of the ledger's, or None."""
    if text is not None and text not in TRANSACTION_TYPES:
        raise InvalidRequestError.for_field("type", "invalid", f"must be one of {', '.join(TRANSACTION_TYPES)}")
    return text
