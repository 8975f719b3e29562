"""Authentication: one statement recognises a session or an API key and makes its user the transaction's.

It leaves the user's id in the transaction-local setting `clipferry.user_id`, which the statements behind it in the
same transaction read: so signing in costs no round trip of its own, and a statement can't be run for somebody else.
For a key that may not do what is asked it leaves no user, so that those statements do nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, LiteralString

from clipferry.db import api_keys
from clipferry.db.connection import Rows, Transaction
from clipferry.errors import KeyNotAllowedError, UnauthorizedError
from clipferry.models import Credential

_AUTHENTICATE: Final = """
select u.id as user_id, u."isAdmin" and c.may_be_admin as is_admin, c.key_id, c.is_allowed,
       case when c.is_allowed then set_config('clipferry.user_id', u.id, true) end as setting,
       set_config('clipferry.key_id', coalesce(c.key_id::text, ''), true) as key_setting
from (
    select "userId" as user_id, true as may_be_admin, null::bigint as key_id, true as is_allowed
    from public.session
    where token = %(session_token)s and "expiresAt" > timezone('utc', now())
    union all
    select user_id, is_admin, id,
           not %(session_only)s and (scopes is null or %(needs)s::text[] <@ scopes)
    from clipferry.api_keys
    where key_sha256 = %(key_sha256)s and revoked_at is null and (expires_at is null or expires_at > now())
) c
join public."user" u on u.id = c.user_id
"""

_AUTHENTICATE_AND_LOCK: Final = _AUTHENTICATE + "for no key update of u"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A user who has shown a credential."""

    user_id: str
    is_admin: bool
    setting: str | None
    key_setting: str = ""
    key_id: int | None = None
    """The API key's; None for a session."""
    is_allowed: bool = True
    """Whether the key may do what is asked."""

    @property
    def described(self) -> str:
        """The caller as the ledger and the log name an admin."""
        return f"user {self.user_id}" if self.key_id is None else f"key {self.key_id} of user {self.user_id}"


def authenticate(tx: Transaction, credential: Credential) -> Rows[Caller]:
    """Returns the caller, for a transaction that reads; no row when nobody has such a session or key."""
    return _authenticate(tx, _AUTHENTICATE, credential)


def authenticate_and_lock(tx: Transaction, credential: Credential) -> Rows[Caller]:
    """Returns the caller, its row locked first of all, for a transaction that moves credits."""
    return _authenticate(tx, _AUTHENTICATE_AND_LOCK, credential)


def signed_in(found: Rows[Caller]) -> Caller:
    """Returns the caller; raises UnauthorizedError when there is none, KeyNotAllowedError if the key may not."""
    caller = found.first()
    if caller is None:
        raise UnauthorizedError("no such session or key")
    if not caller.is_allowed:
        raise KeyNotAllowedError(f"{caller.described} lacks the scope")
    return caller


def _authenticate(tx: Transaction, statement: LiteralString, credential: Credential) -> Rows[Caller]:
    parameters = {
        "session_token": credential.session_token,
        "key_sha256": credential.key_sha256,
        "needs": "{" + ",".join(credential.needs) + "}",
        "session_only": credential.session_only,
    }
    caller = tx.query(statement, parameters, Caller)
    if credential.key_sha256 is not None:
        api_keys.touch(tx, credential.key_sha256)
    return caller
