"""Servers that speak OpenAI's video API, as many as you like: `{"name": {"base_url": …, "api_key": …}}` in JSON.

Each is a provider by its name. No error shows a value, because the text holds keys.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from clipferry.setting_rules.types import Address, Key, is_local


class Gateway(BaseModel):
    """One server. `base_url` is what `/videos` is added to, such as `https://litellm.example.com/v1`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    """The settings' own: only the local one may use plain HTTP."""
    name: str = Field(pattern="^[a-z][a-z0-9-]{0,31}$")
    base_url: Address
    api_key: Key
    file_needs_key: bool = Field(default=True, validate_default=True)
    """Whether the file is fetched at `/videos/{id}/content` with the key, and not at an address in the answer."""

    @field_validator("file_needs_key")
    @classmethod
    def _check_port(cls, value: bool, info: ValidationInfo) -> bool:
        """The mirror fetches from no other port: every film would be made and paid, and none delivered."""
        port = urlsplit(info.data.get("base_url", "")).port
        if value and port not in (None, 443) and not is_local(info):
            raise ValueError("is only for a base_url on port 443, because no file is fetched from another")
        return value


def parse(text: str, *, stage: str) -> tuple[Gateway, ...]:
    """Raises ValueError, which names each gateway and what is wrong with it."""
    try:
        given = json.loads(text)
    except ValueError:
        raise ValueError("is no JSON") from None
    if not isinstance(given, dict) or not all(isinstance(own, dict) for own in given.values()):
        raise ValueError('must be like {"name": {"base_url": "https://…/v1", "api_key": "…"}}')
    gateways: list[Gateway] = []
    problems: list[str] = []
    for name, own in given.items():
        try:
            gateways.append(Gateway.model_validate({**own, "name": name, "stage": stage}, strict=True))
        except ValidationError as error:
            problems += [f"{name[:32]!r}: {_told(fault)}" for fault in error.errors(include_input=False)]
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(gateways)


def _told(fault: Any) -> str:
    return f"{'.'.join(str(part) for part in fault['loc'])} {fault['msg'].removeprefix('Value error, ')}"
