"""API keys for servers and scripts. The key is shown once, when it is made; only its SHA-256 is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

MOST_KEYS: Final = 20
"""Keys that a user may have at a time; those revoked within a day count, so that their rows don't pile up."""

# Whoever sets a limit has locked the user: two requests at once make no 21st key.
_CREATE: Final = """
insert into clipferry.api_keys (user_id, name, prefix, key_sha256, is_admin, scopes, expires_at, monthly_credits)
select u.id, %(name)s, %(prefix)s, %(key_sha256)s, %(is_admin)s, %(scopes)s::text[],
       now() + make_interval(days => %(expires_in_days)s::integer), %(monthly_credits)s
from public."user" u
where u.id = current_setting('clipferry.user_id', true) and (u."isAdmin" or not %(is_admin)s)
    and (%(most)s::integer is null or %(most)s > (
        select count(*) from clipferry.api_keys k
        where k.user_id = u.id and (k.revoked_at is null or k.revoked_at > now() - interval '1 day')))
returning id, user_id, name, prefix, is_admin, created_at, last_used_at, revoked_at, scopes, expires_at, monthly_credits
"""

_LIST: Final = """
select id, user_id, name, prefix, is_admin, created_at, last_used_at, revoked_at, scopes, expires_at, monthly_credits
from clipferry.api_keys where %(user_id)s::text is null or user_id = %(user_id)s order by id
"""

_LIST_OWN: Final = """
select k.id, k.user_id, k.name, k.prefix, k.is_admin, k.created_at, k.last_used_at, k.revoked_at, k.scopes,
       k.expires_at, k.monthly_credits, u.credits::bigint as used_credits
from clipferry.api_keys k
cross join lateral (
    select coalesce(sum(h.credits), 0) as credits
    from clipferry.jobs j join public.credit_holds h on h.video_uuid = j.video_uuid
    where j.api_key_id = k.id and j.charged_at >= date_trunc('month', now()) and h.status <> 'RELEASED'
) u
where k.user_id = current_setting('clipferry.user_id', true) and k.revoked_at is null order by k.id
"""

_REVOKE: Final = """
update clipferry.api_keys set revoked_at = now() where id = %(id)s and revoked_at is null
returning id, user_id, name, prefix, is_admin, created_at, last_used_at, revoked_at, scopes, expires_at, monthly_credits
"""

_REVOKE_OWN: Final = """
update clipferry.api_keys set revoked_at = now()
where id = %(id)s and revoked_at is null and user_id = current_setting('clipferry.user_id', true)
returning id
"""

# Once an hour is enough to see which keys are in use, and costs a busy key nothing.
_TOUCH: Final = """
update clipferry.api_keys set last_used_at = now()
where key_sha256 = %(key_sha256)s and revoked_at is null and (expires_at is null or expires_at > now())
    and (last_used_at is null or last_used_at < now() - interval '1 hour')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to be made. None is no bound: every scope, for ever, as much as its user has."""

    name: str
    prefix: str
    key_sha256: bytes
    scopes: list[str] | None = None
    expires_in_days: int | None = None
    monthly_credits: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key, but for itself. `prefix` is its beginning, to recognise it by; None in a bound is no bound."""

    id: int
    user_id: str
    name: str
    prefix: str
    is_admin: bool
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    scopes: list[str] | None
    expires_at: datetime | None
    monthly_credits: int | None
    used_credits: int = 0
    """In this month of UTC, holds included: what a user's own list says."""


def create(tx: Transaction, new: NewKey, *, is_admin: bool = False, most: int | None = None) -> Rows[ApiKey]:
    """Creates a key of the transaction's user.

    No row when there is no user, or none who is an admin for an admin's key, or one who has `most` keys.
    """
    return tx.query(_CREATE, {**asdict(new), "is_admin": is_admin, "most": most}, ApiKey)


def list_all(tx: Transaction, *, user_id: str | None) -> Rows[ApiKey]:
    """Returns one user's keys, or everybody's."""
    return tx.query(_LIST, {"user_id": user_id}, ApiKey)


def list_own(tx: Transaction) -> Rows[ApiKey]:
    """Returns the caller's keys that aren't revoked, with what each has used of this month."""
    return tx.query(_LIST_OWN, {}, ApiKey)


def revoke(tx: Transaction, key_id: int) -> Rows[ApiKey]:
    """Revokes a key; no row when there is none, or it is revoked already."""
    return tx.query(_REVOKE, {"id": key_id}, ApiKey)


def revoke_own(tx: Transaction, key_id: int) -> Rows[dict[str, Any]]:
    """Revokes a key of the caller; no row when the caller has no such key."""
    return tx.query_dicts(_REVOKE_OWN, {"id": key_id})


def touch(tx: Transaction, key_sha256: bytes) -> None:
    """Notes that a key is in use."""
    tx.execute(_TOUCH, {"key_sha256": key_sha256})
