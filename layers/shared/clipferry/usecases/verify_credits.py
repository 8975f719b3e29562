"""Recomputes every invariant of the credits, and looks for what guards them: for the operator, and every day."""

from __future__ import annotations

from clipferry.db import guard_comparison, verification
from clipferry.db.connection import Database
from clipferry.db.schema_guards import GuardKind
from clipferry.db.verification import Breach
from clipferry.observability import count, logger

GUARDED = "schema_is_guarded"
"""The invariant that a CHECK or an index which another tool has dropped breaches."""


def verify(*, database: Database) -> list[Breach]:
    """Returns what the schema lacks, then the breaches of the credits; these can't be read when a table is missing."""
    missing = guard_comparison.missing(database.run(guard_comparison.existing).all())
    lacking = [_breach(f"{guard} is missing: run `clipferry migrate`") for guard in missing]
    _report(lacking)
    if any(guard.kind is GuardKind.TABLE for guard in missing):
        return lacking
    return lacking + verify_credits(database=database)


def verify_credits(*, database: Database) -> list[Breach]:
    """Returns every breach of the credits; each is logged and counted."""
    breaches = database.run(verification.breaches).all()
    _report(breaches)
    return breaches


def _breach(detail: str) -> Breach:
    return Breach(invariant=GUARDED, user_id=None, package_id=None, hold_id=None, video_uuid=None, detail=detail)


def _report(breaches: list[Breach]) -> None:
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
