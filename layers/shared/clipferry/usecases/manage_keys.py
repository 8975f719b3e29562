"""Creates, lists and revokes API keys."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

from clipferry.db import api_keys
from clipferry.db.api_keys import ApiKey
from clipferry.db.connection import Database
from clipferry.errors import NotFoundError

PREFIX: Final = "cf_"
_SHOWN: Final = 10


def create_key(*, user_id: str, name: str, is_admin: bool, database: Database) -> tuple[ApiKey, str]:
    """Returns the record, and the key itself, which nobody can read again: 256 bits, so a plain SHA-256 protects it.

    A key never may more than its user: an admin's key is for an admin, and grants nothing once its user is none.
    Raises NotFoundError where there is no such user.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    digest = hashlib.sha256(key.encode()).digest()
    with database.transaction() as tx:
        created = api_keys.create(
            tx, user_id=user_id, name=name, prefix=key[:_SHOWN], key_sha256=digest, is_admin=is_admin
        )
    record = created.first()
    if record is None:
        raise NotFoundError(f"no {'admin' if is_admin else 'user'} {user_id}")
    return record, key


def list_keys(*, database: Database, user_id: str | None = None) -> list[ApiKey]:
    with database.transaction() as tx:
        found = api_keys.list_all(tx, user_id=user_id)
    return found.all()


def revoke_key(key_id: int, *, database: Database) -> ApiKey:
    with database.transaction() as tx:
        revoked = api_keys.revoke(tx, key_id)
    record = revoked.first()
    if record is None:
        raise NotFoundError(f"no key {key_id} that could be revoked")
    return record
