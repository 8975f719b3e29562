"""The body of `generate`: parsed in the original's field names, then checked against its model."""

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

_PORT_AND_PATH: Final = "(:[0-9]{1,5})?([/?#][!-~]*)?$"
PUBLIC_URL: Final = "^[Hh][Tt][Tt][Pp][Ss]://[A-Za-z0-9._-]+" + _PORT_AND_PATH
"""An https URL whose host is a DNS name; no user, no password."""
_LOOPBACK_URL: Final = r"^http://(localhost|127\.0\.0\.1)" + _PORT_AND_PATH


class GenerateVideo(BaseModel):
    """The body of `POST /api/v1/video/generate`. Unknown fields are ignored, as in the original."""

    model_config = ConfigDict(frozen=True, strict=True)

    prompt: Annotated[str, Field(min_length=1, max_length=5000, pattern=NO_NUL)]
    model: Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]
    duration: Annotated[int, Field(ge=1, le=3600), Whole] | None = None
    aspectRatio: Annotated[str, Field(max_length=20, pattern=NO_NUL)] | None = None  # noqa: N815 - the contract's spelling
    quality: Annotated[str, Field(max_length=20, pattern=NO_NUL)] | None = None
    imageUrl: Annotated[str, Field(min_length=1, max_length=2048, pattern=NO_NUL)] | None = None  # noqa: N815


def video_request(event: APIGatewayProxyEventV2, models: Catalog, *, allow_loopback: bool) -> VideoRequest:
    """Reads a request that its model can make; raises InvalidRequestError, which names every field at fault."""
    body = parse_body(event, GenerateVideo)
    model = models.get(body.model)
    options = VideoOptions(
        duration=body.duration,
        aspect_ratio=body.aspectRatio,
        quality=body.quality,
        has_image=body.imageUrl is not None,
    )
    faults = model.faults(options)
    if body.imageUrl is not None and not _is_public_url(body.imageUrl, allow_loopback):
        faults.append({"path": "imageUrl", "code": "invalid_url", "message": "must be an https URL"})
    if faults:
        raise InvalidRequestError("not offered by the model", details={"fields": faults})
    resolved = model.resolve(options)
    parameters = {"duration": resolved.duration, "aspectRatio": resolved.aspect_ratio, "quality": resolved.quality}
    return VideoRequest(prompt=body.prompt, options=resolved, image_url=body.imageUrl, parameters=parameters)


def _is_public_url(text: str, allow_loopback: bool) -> bool:
    """Whether a provider can fetch the URL (we never do). Local development also allows plain HTTP to loopback."""
    is_local = allow_loopback and re.fullmatch(_LOOPBACK_URL, text) is not None
    return is_local or re.fullmatch(PUBLIC_URL, text) is not None
