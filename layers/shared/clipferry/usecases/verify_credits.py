"""Recomputes every invariant of the credits: for the operator, and for the daily schedule."""

from __future__ import annotations

from clipferry.db import verification
from clipferry.db.connection import Database
from clipferry.db.verification import Breach
from clipferry.observability import count, logger


def verify_credits(*, database: Database) -> list[Breach]:
    """Returns every breach; each is logged and counted."""
    with database.transaction() as tx:
        found = verification.breaches(tx)
    breaches = found.all()
    for breach in breaches:
        logger.error(
            "credits breached",
            invariant=breach.invariant,
            user_id=breach.user_id,
            package_id=breach.package_id,
            hold_id=breach.hold_id,
            video_uuid=breach.video_uuid,
            detail=breach.detail,
        )
    count("CreditsBreached", len(breaches))
    return breaches
