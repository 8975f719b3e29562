"""Signing in comes before the request's faults: a stranger gets 401, whatever else is wrong with the request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clipferry.db.connection import Database
from clipferry.errors import InvalidRequestError
from clipferry.models import Credential
from clipferry.usecases import read_user


@contextmanager
def sign_in_first(credential: Credential, database: Database) -> Iterator[None]:
    """Signs the caller in before an error of the request goes out; raises UnauthorizedError instead if nobody is.

    A request without a fault costs nothing here: its use case signs the caller in, in its own round trip.
    """
    try:
        yield
    except InvalidRequestError:
        read_user.read_user(credential=credential, database=database)
        raise
