"""The order of a video: its JSON, in the original's field names, fitted to its model; a fault is named by its field."""

from __future__ import annotations

import re
from typing import Annotated, Final

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel, ConfigDict, Field

from clipferry.api.request_bodies import NO_NUL, Whole
from clipferry.api.requests import parse_body
from clipferry.catalog import Catalog, VideoOptions
from clipferry.errors import InvalidRequestError
from clipferry.usecases.create_video import VideoRequest

_AFTER_THE_HOST: Final = "(:[0-9]{1,5})?([/?#][!-~]*)?$"
PUBLIC_URL: Final = "^[Hh][Tt][Tt][Pp][Ss]://[A-Za-z0-9._-]+" + _AFTER_THE_HOST
"""A name as it is in DNS; no user, no password."""
_LOOPBACK_URL: Final = r"^http://(localhost|127\.0\.0\.1)" + _AFTER_THE_HOST


class GenerateVideo(BaseModel):
    """The body of `POST /api/v1/video/generate`. Fields that we don't know are ignored, as the original did."""

    model_config = ConfigDict(frozen=True, strict=True)

    prompt: Annotated[str, Field(min_length=1, max_length=5000, pattern=NO_NUL)]
    model: Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]
    duration: Annotated[int, Field(ge=1, le=3600), Whole] | None = None
    aspectRatio: Annotated[str, Field(max_length=20, pattern=NO_NUL)] | None = None  # noqa: N815 - the contract's spelling
    quality: Annotated[str, Field(max_length=20, pattern=NO_NUL)] | None = None
    imageUrl: Annotated[str, Field(min_length=1, max_length=2048, pattern=NO_NUL)] | None = None  # noqa: N815


def video_request(event: APIGatewayProxyEventV2, models: Catalog, *, allow_loopback: bool) -> VideoRequest:
    """The body of `generate`, fitted to its model; raises InvalidRequestError that names every field at fault."""
    body = parse_body(event, GenerateVideo)
    model = models.get(body.model)
    wish = VideoOptions(
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
    return VideoRequest(prompt=body.prompt, options=choice, image_url=body.imageUrl, parameters=parameters)


def _is_public_url(text: str, allow_loopback: bool) -> bool:
    """An HTTPS URL that a provider can fetch; we never do. Plain HTTP only to loopback, in local development."""
    is_local = allow_loopback and re.fullmatch(_LOOPBACK_URL, text) is not None
    return is_local or re.fullmatch(PUBLIC_URL, text) is not None
