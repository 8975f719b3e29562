"""Checks that all clocks agree, because signatures and deadlines depend on them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from cli.doctor.findings import CheckFailedError, CheckSkippedError
from clipferry.db import operator_queries
from clipferry.db.connection import Database
from clipferry.errors import ClipferryError
from clipferry.net.http_client import send_request

TOLERANCE_SECONDS: Final = 30.0
"""A tenth of what KIE's and Replicate's signatures allow; a Date header may be a second old."""


def check(database: Database, addresses: Mapping[str, str], *, plain_http: bool) -> str:
    """Compares this machine's clock with the database's and with the Date of each address's answer.

    A server that can't be reached is left out, because other checks report it. Raises CheckSkippedError when none can.
    """
    offsets = {name: _web_offset(url, plain_http=plain_http) for name, url in addresses.items()}
    offsets["database"] = _database_offset(database)
    known = {name: offset for name, offset in offsets.items() if offset is not None}
    if not known:
        raise CheckSkippedError("no server could be asked for its time")
    seen = ", ".join(f"{name} {round(offset):+d} s" for name, offset in sorted(known.items()))
    wrong = [name for name, offset in known.items() if abs(offset) > TOLERANCE_SECONDS]
    if not wrong:
        return seen
    if len(wrong) == len(known):
        raise CheckFailedError(f"this machine's clock is wrong: {seen}")
    raise CheckFailedError(f"the clock is wrong at {', '.join(sorted(wrong))}: {seen}")


def _web_offset(url: str, *, plain_http: bool) -> float | None:
    """Seconds that the server's clock is ahead of this machine's; None if there is no answer or no Date."""
    try:
        date = send_request("HEAD", url, plain_http=plain_http).headers.get("date")
        return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds() if date else None
    except (ClipferryError, ValueError, TypeError):
        return None


def _database_offset(database: Database) -> float | None:
    try:
        with database.transaction() as tx:
            [row] = operator_queries.clock(tx).all()
    except ClipferryError:
        return None
    return (row["now"] - datetime.now(UTC)).total_seconds()
