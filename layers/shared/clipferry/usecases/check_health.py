"""Checks whether what we depend on answers. Names each dependency, and nothing about where it is."""

from __future__ import annotations

from clipferry.db.connection import Database


def check_health(database: Database) -> dict[str, object]:
    """Raises DatabaseUnavailableError (503) when the database is away."""
    database.run(lambda tx: tx.query_dicts("select 1 as answer", {})).first()
    return {"status": "ok", "checks": {"database": "ok"}}
