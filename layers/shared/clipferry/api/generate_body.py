"""The body of `generate`, in the original's field names and ours: what each field may be, whatever the model."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from clipferry.api.field_rules import NO_NUL, WholeNumber

LONGEST_PROMPT: Final = 32_768
"""Characters: more than any model takes, each of which has its own limit in the catalogue."""
LONGEST_URL: Final = 2048
MOST_URLS: Final = 50
"""URLs of one kind in a request: far more than any model takes."""
MOST_METADATA: Final = 16
"""Pairs."""
LONGEST_METADATA_NAME: Final = 40
LONGEST_METADATA_VALUE: Final = 500
METADATA_NAME: Final = r"^[^\x00\[\]]+$"
"""Without brackets, because a query has it in brackets."""


PROMPT: Final = r"^[^\x00]*[^\s\x00\u200b-\u200f\u2060\ufeff][^\x00]*$"
"""Text with something to see: neither white space nor zero-width characters alone."""


def _not_blank(text: str) -> str:
    if not re.search(PROMPT, text):
        raise PydanticCustomError("blank", "must not be blank")
    return text


def _nothing(value: object) -> object:
    """Takes an empty list for no list."""
    return None if value == [] else value


Url = Annotated[str, Field(min_length=1, max_length=LONGEST_URL, pattern=NO_NUL)]
Urls = Annotated[tuple[Url, ...] | None, Field(max_length=MOST_URLS, strict=False), BeforeValidator(_nothing)]
MetadataName = Annotated[str, Field(max_length=LONGEST_METADATA_NAME, pattern=METADATA_NAME)]
MetadataValue = Annotated[str, Field(min_length=1, max_length=LONGEST_METADATA_VALUE, pattern=NO_NUL)]
Metadata = Annotated[dict[MetadataName, MetadataValue] | None, Field(max_length=MOST_METADATA)]
Word = Annotated[str, Field(max_length=20, pattern=NO_NUL)]


class GenerateVideo(BaseModel):
    """The body of `POST /api/v1/video/generate`. A field that nobody knows is refused.

    Both front ends of the original send nothing else; `outputNumber` changes nothing while it is 1. `lastImageUrl`,
    `negativePrompt`, `seed`, `webhookUrl` and `metadata` are ours.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    prompt: Annotated[str, Field(min_length=1, max_length=LONGEST_PROMPT, pattern=NO_NUL), AfterValidator(_not_blank)]
    model: Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]
    mode: Annotated[str, Field(max_length=40, pattern=NO_NUL)] | None = None
    duration: Annotated[int, Field(ge=1, le=3600), WholeNumber] | None = None
    aspectRatio: Word | None = None  # noqa: N815 - the contract's spelling
    quality: Word | None = None
    imageUrl: Url | None = None  # noqa: N815
    lastImageUrl: Url | None = None  # noqa: N815
    imageUrls: Urls = None  # noqa: N815
    videoUrls: Urls = None  # noqa: N815
    audioUrls: Urls = None  # noqa: N815
    generateAudio: bool | None = None  # noqa: N815
    seed: Annotated[int, Field(ge=0, le=2**53), WholeNumber] | None = None
    negativePrompt: Annotated[str, Field(min_length=1, max_length=LONGEST_PROMPT, pattern=NO_NUL)] | None = None  # noqa: N815
    outputNumber: Annotated[int, Field(ge=1), WholeNumber] | None = None  # noqa: N815
    webhookUrl: Url | None = None  # noqa: N815
    metadata: Metadata = None
