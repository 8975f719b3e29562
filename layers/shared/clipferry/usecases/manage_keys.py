"""Creates, lists and revokes API keys: for the operator any user's, for a user who is signed in the own ones."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from typing import Final

from clipferry.db import api_keys, sign_in, users
from clipferry.db.api_keys import MOST_KEYS, ApiKey, NewKey
from clipferry.db.connection import Database
from clipferry.errors import NotFoundError, TooManyKeysError
from clipferry.models import Credential, Scope
from clipferry.observability import logger

PREFIX: Final = "cf_"
_SHOWN: Final = 10


def create_key(
    *,
    user_id: str,
    name: str,
    is_admin: bool,
    database: Database,
    scopes: Iterable[Scope] | None = None,
    expires_in_days: int | None = None,
    monthly_credits: int | None = None,
) -> tuple[ApiKey, str]:
    """Returns the record, and the key itself, which nobody can read again: 256 bits, so a plain SHA-256 protects it.

    A key never may more than its user: an admin's key is for an admin, and grants nothing once its user is none.
    Raises NotFoundError where there is no such user.
    """
    new, key = _new_key(name, scopes, expires_in_days, monthly_credits)
    with database.transaction() as tx:
        users.set_current(tx, user_id)
        created = api_keys.create(tx, new, is_admin=is_admin)
    record = created.first()
    if record is None:
        raise NotFoundError(f"no {'admin' if is_admin else 'user'} {user_id}")
    return record, key


def create_own_key(
    *,
    credential: Credential,
    name: str,
    scopes: Iterable[Scope] | None,
    expires_in_days: int | None,
    monthly_credits: int | None,
    database: Database,
) -> tuple[ApiKey, str]:
    """Returns the record and the key, as `create_key` does; never an admin's. `credential` is a session's.

    Raises TooManyKeysError when the user has MOST_KEYS, and KeyNotAllowedError for a key: it can't make others.
    """
    new, key = _new_key(name, scopes, expires_in_days, monthly_credits)
    with database.transaction() as tx:
        caller = sign_in.authenticate_and_lock(tx, credential)
        created = api_keys.create(tx, new, most=MOST_KEYS)
    sign_in.signed_in(caller)
    record = created.first()
    if record is None:
        raise TooManyKeysError(details={"mostKeys": MOST_KEYS})
    logger.info("API key created", key_id=record.id, user_id=record.user_id)
    return record, key


def list_keys(*, database: Database, user_id: str | None = None) -> list[ApiKey]:
    return database.run(api_keys.list_all, user_id=user_id).all()


def list_own_keys(*, credential: Credential, database: Database) -> list[ApiKey]:
    """The caller's keys that aren't revoked."""
    with database.transaction() as tx:
        caller = sign_in.authenticate(tx, credential)
        found = api_keys.list_own(tx)
    sign_in.signed_in(caller)
    return found.all()


def revoke_key(key_id: int, *, database: Database) -> ApiKey:
    record = database.run(api_keys.revoke, key_id).first()
    if record is None:
        raise NotFoundError(f"no key {key_id} that could be revoked")
    return record


def revoke_own_key(key_id: int, *, credential: Credential, database: Database) -> None:
    """Raises NotFoundError for another's, an unknown and a revoked one alike."""
    with database.transaction() as tx:
        caller = sign_in.authenticate(tx, credential)
        revoked = api_keys.revoke_own(tx, key_id)
    user_id = sign_in.signed_in(caller).user_id
    if revoked.first() is None:
        raise NotFoundError(f"no key {key_id}")
    logger.info("API key revoked", key_id=key_id, user_id=user_id)


def _new_key(
    name: str, scopes: Iterable[Scope] | None, expires_in_days: int | None, monthly_credits: int | None
) -> tuple[NewKey, str]:
    key = PREFIX + secrets.token_urlsafe(32)
    new = NewKey(
        name=name,
        prefix=key[:_SHOWN],
        key_sha256=hashlib.sha256(key.encode()).digest(),
        scopes=None if scopes is None else sorted({scope.value for scope in scopes}),
        expires_in_days=expires_in_days,
        monthly_credits=monthly_credits,
    )
    return new, key
