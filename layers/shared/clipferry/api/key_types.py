"""The types of what the routes of API keys answer, for the type checker and the OpenAPI document."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from clipferry.api.response_types import Moment
from clipferry.models import Scope

ScopeName = Annotated[str, Field(json_schema_extra={"enum": list(Scope)})]


class KeyJson(TypedDict):
    """An API key, but for itself. `usedCredits` are those of this month (UTC), holds included."""

    id: int
    name: str
    prefix: str
    scopes: list[ScopeName]
    monthlyCredits: int | None
    usedCredits: int
    createdAt: Moment
    expiresAt: Moment | None
    lastUsedAt: Moment | None


class KeysJson(TypedDict):
    keys: list[KeyJson]


class CreatedKeyJson(KeyJson):
    key: str
