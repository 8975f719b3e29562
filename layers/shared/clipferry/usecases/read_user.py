"""Reads the caller's own record."""

from __future__ import annotations

from clipferry.db import sign_in, users
from clipferry.db.connection import Database
from clipferry.db.sign_in import Caller
from clipferry.db.users import User
from clipferry.errors import ForbiddenError, UnauthorizedError
from clipferry.models import Credential


def read_user(*, credential: Credential, database: Database) -> User:
    """The caller's own record."""
    with database.transaction() as tx:
        sign_in.authenticate(tx, credential)
        found = users.current(tx)
    user = found.first()
    if user is None:
        raise UnauthorizedError("no such session or key")
    return user


def require_admin(*, credential: Credential, database: Database) -> Caller:
    """Returns the admin; raises ForbiddenError for anyone else. A key must be made with --admin, and by an admin."""
    with database.transaction() as tx:
        found = sign_in.authenticate(tx, credential)
    caller = found.first()
    if caller is None:
        raise UnauthorizedError("no such session or key")
    if not caller.is_admin:
        raise ForbiddenError("not an admin")
    return caller
