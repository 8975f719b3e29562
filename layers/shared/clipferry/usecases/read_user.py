"""Reads the caller's own record."""

from __future__ import annotations

from clipferry.db import sign_in, users
from clipferry.db.connection import Database
from clipferry.db.sign_in import Caller
from clipferry.db.users import User
from clipferry.errors import ForbiddenError
from clipferry.models import Credential


def read_user(*, credential: Credential, database: Database) -> User:
    """The caller's own record."""
    with database.transaction() as tx:
        caller = sign_in.authenticate(tx, credential)
        found = users.current(tx)
    sign_in.signed_in(caller)
    user = found.first()
    assert user is not None
    return user


def require_admin(*, credential: Credential, database: Database) -> Caller:
    """Returns the admin; raises ForbiddenError for anyone else. A key must be made with --admin, and by an admin."""
    caller = sign_in.signed_in(database.run(sign_in.authenticate, credential))
    if not caller.is_admin:
        raise ForbiddenError("not an admin")
    return caller
