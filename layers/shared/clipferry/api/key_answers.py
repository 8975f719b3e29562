"""The JSON that the routes of API keys answer; `key_types` has the types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clipferry.api.responses import iso
from clipferry.models import Scope

if TYPE_CHECKING:  # imported here, these would cost every function its cold start
    from clipferry.api.key_types import CreatedKeyJson, KeyJson, KeysJson
    from clipferry.db.api_keys import ApiKey


def key(row: ApiKey) -> KeyJson:
    return {
        "id": row.id,
        "name": row.name,
        "prefix": row.prefix,
        "scopes": [scope.value for scope in Scope] if row.scopes is None else row.scopes,
        "monthlyCredits": row.monthly_credits,
        "usedCredits": row.used_credits,
        "createdAt": iso(row.created_at),
        "expiresAt": iso(row.expires_at) if row.expires_at else None,
        "lastUsedAt": iso(row.last_used_at) if row.last_used_at else None,
    }


def keys(rows: list[ApiKey]) -> KeysJson:
    return {"keys": [key(row) for row in rows]}


def created_key(row: ApiKey, secret: str) -> CreatedKeyJson:
    return {**key(row), "key": secret}
