"""The body of `POST /v1/videos`: OpenAI's fields, and beside them every field of `generate`."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from clipferry.api.generate_body import GenerateVideo

SECONDS: Final = "^[0-9]{1,4}$"
SIZE: Final = "^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$"
LONGEST_REFERENCE: Final = 16 * 1024 * 1024
"""Characters of a picture as a data URL: more than API Gateway lets through."""


def _seconds(value: object) -> object:
    """Takes "5" for 5: the SDKs send text."""
    return int(value) if isinstance(value, str) and re.fullmatch(SECONDS, value) else value


def _reference(value: object) -> object:
    """Takes an address by itself."""
    return {"image_url": value} if isinstance(value, str) else value


class ImageReference(BaseModel):
    """A picture by its address: a public URL, or a data URL in Base64."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)

    image_url: Annotated[str, Field(min_length=1, max_length=LONGEST_REFERENCE)]


class CreateVideo(GenerateVideo):
    """`seconds` is `duration`, `size` the ratio and the quality, `input_reference` the first frame."""

    model_config = ConfigDict(defer_build=True)  # most cold starts serve `generate`

    seconds: Annotated[int, Field(ge=1, le=3600), BeforeValidator(_seconds)] | None = None
    size: Annotated[str, Field(pattern=SIZE)] | None = None
    input_reference: Annotated[ImageReference, BeforeValidator(_reference)] | None = None
