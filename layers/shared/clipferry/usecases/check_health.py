"""Whether what we depend on answers. Names each dependency that was asked, and nothing about where it is."""

from __future__ import annotations

from collections.abc import Callable

from clipferry.db.connection import Database


def check_health(database: Callable[[], Database]) -> dict[str, object]:
    """Raises DatabaseUnavailableError (503) when the database is away."""
    with database().transaction() as tx:
        answered = tx.records("select 1 as answer", {})
    answered.first()
    return {"status": "ok", "checks": {"database": "ok"}}
