"""The JSON bodies of account's routes, in the original's field names."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import PydanticCustomError

from clipferry.api.field_rules import NO_NUL, WholeNumber
from clipferry.files.upload_keys import LARGEST_UPLOADS, UPLOAD_TYPES
from clipferry.models import MOST_CREDITS, Scope

PRINTABLE_ASCII: Final = "^[ -~]+$"


def _upload_type(text: str) -> str:
    if text not in UPLOAD_TYPES:
        raise PydanticCustomError("literal_error", "must be one of {choices}", {"choices": ", ".join(UPLOAD_TYPES)})
    return text


def _size_limits() -> list[JsonValue]:
    """For the contract: how large a file of each kind may be."""
    return [
        {
            "properties": {
                "contentType": {"enum": [name for name in UPLOAD_TYPES if name.startswith(f"{kind}/")]},
                "contentLength": {"maximum": largest},
            }
        }
        for kind, largest in LARGEST_UPLOADS.items()
    ]


class GrantCredits(BaseModel):
    """The body of `POST /api/v1/credit/grant`. Without `expiresInDays` the credits never expire."""

    model_config = ConfigDict(frozen=True, strict=True)

    userId: Annotated[str, Field(min_length=1, max_length=255, pattern=NO_NUL)]  # noqa: N815
    credits: Annotated[int, Field(ge=1, le=MOST_CREDITS), WholeNumber]
    orderNo: Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE_ASCII)]  # noqa: N815
    transType: Literal["NEW_USER", "ORDER_PAY", "SUBSCRIPTION", "SYSTEM_ADJUST", "REFUND"] = "SYSTEM_ADJUST"  # noqa: N815
    expiresInDays: Annotated[int, Field(ge=1, le=36_500), WholeNumber] | None = None  # noqa: N815
    remark: Annotated[str, Field(max_length=500, pattern=NO_NUL)] | None = None


class CreateKey(BaseModel):
    """The body of `POST /api/v1/key`. What is left out is no bound: all scopes, for ever, as much as the user has."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100, pattern=NO_NUL)]
    scopes: Annotated[list[Scope] | None, Field(min_length=1, max_length=len(Scope))] = None
    expiresInDays: Annotated[int, Field(ge=1, le=36_500), WholeNumber] | None = None  # noqa: N815
    monthlyCredits: Annotated[int, Field(ge=1, le=MOST_CREDITS), WholeNumber] | None = None  # noqa: N815


class PresignUpload(BaseModel):
    """The body of `POST /api/v1/upload/presign`. With `contentLength` (bytes) the size is signed too."""

    model_config = ConfigDict(frozen=True, strict=True, json_schema_extra={"anyOf": _size_limits()})

    filename: Annotated[str, Field(min_length=1, max_length=255, pattern=NO_NUL)]
    contentType: Annotated[str, AfterValidator(_upload_type), Field(json_schema_extra={"enum": [*UPLOAD_TYPES]})]  # noqa: N815
    contentLength: Annotated[int, Field(ge=1, le=max(LARGEST_UPLOADS.values())), WholeNumber] | None = None  # noqa: N815
