"""Whether everybody means the same time: signatures expire by it, and deadlines pass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from cli.doctor.findings import NotLookedAtError, TroubleError
from cli.doctor.web import ask
from clipferry.db import operator_queries
from clipferry.db.connection import Database
from clipferry.errors import ClipferryError

TOLERANCE_SECONDS: Final = 30.0
"""A tenth of what KIE's and Replicate's signatures allow; a Date header is a second behind at the most."""


def look(database: Database, addresses: Mapping[str, str], *, plain_http: bool) -> str:
    """Compares this machine's clock with the database's and with the Date of each address's answer.

    Who can't be reached is left out: other checks tell. Raises NotLookedAtError when nobody could.
    """
    offsets = {name: _web_offset(url, plain_http=plain_http) for name, url in addresses.items()}
    offsets["database"] = _database_offset(database)
    known = {name: offset for name, offset in offsets.items() if offset is not None}
    if not known:
        raise NotLookedAtError("nobody told the time")
    seen = ", ".join(f"{name} {round(offset):+d} s" for name, offset in sorted(known.items()))
    wrong = [name for name, offset in known.items() if abs(offset) > TOLERANCE_SECONDS]
    if not wrong:
        return seen
    if len(wrong) == len(known):
        raise TroubleError(f"this machine's clock is wrong: {seen}")
    raise TroubleError(f"not the same time at {', '.join(sorted(wrong))}: {seen}")


def _web_offset(url: str, *, plain_http: bool) -> float | None:
    """Seconds that the server's clock is ahead of ours; None when it doesn't say."""
    try:
        said = ask("HEAD", url, plain_http=plain_http).headers.get("date")
        return (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds() if said else None
    except (ClipferryError, ValueError, TypeError):
        return None


def _database_offset(database: Database) -> float | None:
    try:
        with database.transaction() as tx:
            [row] = operator_queries.clock(tx).all()
    except ClipferryError:
        return None
    return (row["now"] - datetime.now(UTC)).total_seconds()
