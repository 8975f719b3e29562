"""Reads the secret with which webhooks to the caller's own addresses are signed."""

from __future__ import annotations

from collections.abc import Sequence

from clipferry.db.connection import Database
from clipferry.errors import NotFoundError
from clipferry.models import Credential
from clipferry.usecases.read_user import read_user
from clipferry.webhooks import signature as webhook_signature


def read_webhook_secret(*, credential: Credential, database: Database, secrets: Sequence[str]) -> str:
    """Returns the newest one. `secrets` are the owner's; raises NotFoundError where webhooks aren't set up."""
    user = read_user(credential=credential, database=database)
    if not secrets:
        raise NotFoundError("webhooks are not set up")
    return webhook_signature.user_secret(secrets[0], user.id)
