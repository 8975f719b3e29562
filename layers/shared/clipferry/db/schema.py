"""Brings a database's schema up to date: the migrations that it doesn't have, then what another tool has dropped."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from clipferry.db import guard_restoring, migrations
from clipferry.db.guard_restoring import BrokenRule
from clipferry.db.migration_session import CONNECT_TIMEOUT_SECONDS, WAIT_SECONDS, only_runner


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What was done, or by a dry run what would be."""

    applied: list[str]
    """Names of files."""
    restored: list[str] = field(default_factory=list)
    """What had been dropped and was made again. A dry run can't tell while there are files to apply."""
    validated: list[str] = field(default_factory=list)
    """CHECKs that no row breaks any more. Files that were applied have added such ones; these aren't listed."""
    broken: list[BrokenRule] = field(default_factory=list)
    """CHECKs that rows from before break. They hold for every row that is written."""


def bring_up_to_date(
    database_url: str,
    folder: Path,
    *,
    dry_run: bool = False,
    wait_seconds: float = WAIT_SECONDS,
    connect_timeout: int = CONNECT_TIMEOUT_SECONDS,
) -> Changes:
    """All of it under one lock. Needs a direct, unpooled URL; raises the errors of `only_runner` and `restore`."""
    files = migrations.read(folder)
    with only_runner(database_url, wait_seconds=wait_seconds, connect_timeout=connect_timeout) as connection:
        applied = migrations.apply_files(connection, files, dry_run=dry_run)
        if dry_run:
            missing = [] if applied else guard_restoring.missing(connection)
            return Changes(applied=applied, restored=[str(guard) for guard in missing])
        restored, validated, broken = guard_restoring.restore(connection)
    return Changes(applied=applied, restored=restored, validated=[] if applied else validated, broken=broken)
