"""API keys for servers and scripts. The key is shown once, when it is made; only its SHA-256 is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clipferry.db.connection import Rows, Transaction

_CREATE: Final = """
insert into clipferry.api_keys (user_id, name, prefix, key_sha256, is_admin)
select id, %(name)s, %(prefix)s, %(key_sha256)s, %(is_admin)s from public."user"
where id = %(user_id)s and ("isAdmin" or not %(is_admin)s)
returning id, user_id, name, prefix, is_admin, created_at, last_used_at, revoked_at
"""

_LIST: Final = """
select id, user_id, name, prefix, is_admin, created_at, last_used_at, revoked_at
from clipferry.api_keys where %(user_id)s::text is null or user_id = %(user_id)s order by id
"""

_REVOKE: Final = """
update clipferry.api_keys set revoked_at = now() where id = %(id)s and revoked_at is null
returning id, user_id, name, prefix, is_admin, created_at, last_used_at, revoked_at
"""

# Once an hour is enough to see which keys are in use, and costs a busy key nothing.
_TOUCH: Final = """
update clipferry.api_keys set last_used_at = now()
where key_sha256 = %(key_sha256)s and revoked_at is null
    and (last_used_at is null or last_used_at < now() - interval '1 hour')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key, but for itself. `prefix` is its beginning, to recognise it by."""

    id: int
    user_id: str
    name: str
    prefix: str
    is_admin: bool
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def create(tx: Transaction, *, user_id: str, name: str, prefix: str, key_sha256: bytes, is_admin: bool) -> Rows[ApiKey]:
    """Creates a key; no row when there is no such user, or none who is an admin for an admin's key."""
    parameters = {
        "user_id": user_id,
        "name": name,
        "prefix": prefix,
        "key_sha256": key_sha256,
        "is_admin": is_admin,
    }
    return tx.query(_CREATE, parameters, ApiKey)


def list_all(tx: Transaction, *, user_id: str | None) -> Rows[ApiKey]:
    """Returns one user's keys, or everybody's."""
    return tx.query(_LIST, {"user_id": user_id}, ApiKey)


def revoke(tx: Transaction, key_id: int) -> Rows[ApiKey]:
    """Revokes a key; no row when there is none, or it is revoked already."""
    return tx.query(_REVOKE, {"id": key_id}, ApiKey)


def touch(tx: Transaction, key_sha256: bytes) -> None:
    """Notes that a key is in use."""
    tx.execute(_TOUCH, {"key_sha256": key_sha256})
