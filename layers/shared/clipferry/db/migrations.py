"""Applies `migrations/*.sql` in order, each once, one runner at a time. Forward only; an edited old file is refused."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, LiteralString, cast

from clipferry.db import guard_comparison, guard_restoring
from clipferry.db.migration_session import Connection, run_patiently
from clipferry.db.schema_guards import Guard
from clipferry.errors import ConfigurationError

_NO_TRANSACTION: Final = "-- no-transaction"

_INDEX: Final = re.compile(
    r'CREATE (?P<unique>UNIQUE )?INDEX IF NOT EXISTS "\w+" ON "(?P<table>\w+)" (?P<columns>\([^;]*\));'
)

_LEDGER: Final = """
create schema if not exists clipferry;
create table if not exists clipferry.migrations (
    name text primary key, checksum text not null, applied_at timestamptz not null default now()
)
"""

# A concurrent index build that failed leaves an invalid index behind, which IF NOT EXISTS would take for the real one.
_INVALID_INDEXES: Final = """
select format('drop index concurrently if exists %I.%I', n.nspname, c.relname) as statement
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
where not i.indisvalid and (c.relname like 'clipferry%' or n.nspname = 'clipferry')
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. `checksum` is the hex SHA-256 of its text."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        return not self.sql.startswith(_NO_TRANSACTION)

    @property
    def statements(self) -> list[str]:
        """The statements of a file without a transaction, sent one by one; each ends a line with `;`."""
        return [part for part in re.split(r";\s*\n", self.sql) if re.sub(r"--.*", "", part).strip()]


def read(folder: Path) -> list[Migration]:
    """Returns the files of `folder` named `NNNN_verb_noun.sql`, in order."""
    files = sorted(folder.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    if not files:
        raise ConfigurationError(f"no migrations in {folder}")
    return [Migration(file.name, file.read_text()) for file in files]


def apply_files(connection: Connection, migrations: list[Migration], *, dry_run: bool) -> list[str]:
    """Applies what is missing on a connection that holds the lock, and returns the names; a dry run only names them."""
    pending = _pending(connection, migrations)
    if not dry_run:
        connection.execute(_LEDGER)
        for migration in pending:
            _apply_one(connection, migration)
    return [migration.name for migration in pending]


def _pending(connection: Connection, migrations: list[Migration]) -> list[Migration]:
    exists = connection.execute("select to_regclass('clipferry.migrations') is not null").fetchone() == (True,)
    recorded = connection.execute("select name, checksum from clipferry.migrations").fetchall() if exists else []
    applied = dict(recorded)
    edited = [m.name for m in migrations if applied.get(m.name, m.checksum) != m.checksum]
    if edited:
        raise ConfigurationError(f"edited after they were applied: {', '.join(edited)}")
    unknown = sorted(set(applied) - {m.name for m in migrations})
    if unknown:
        raise ConfigurationError(f"the database is newer than this code; it has {', '.join(unknown)}")
    return [m for m in migrations if m.name not in applied]


def _apply_one(connection: Connection, migration: Migration) -> None:
    run = _run_in_transaction if migration.in_transaction else _run_one_by_one
    run_patiently(connection, lambda: run(connection, migration))


def _run_in_transaction(connection: Connection, migration: Migration) -> None:
    with connection.transaction():
        sql = migration.sql
        if _INDEX.search(sql):
            sql = _without_known_indexes(sql, guard_restoring.existing(connection))
        connection.execute(cast("LiteralString", sql))
        _note(connection, migration)


def _without_known_indexes(sql: str, found: list[Guard]) -> str:
    """IF NOT EXISTS asks for a name only; Drizzle has the same index under another one (`videos_uuid_unique`)."""

    def keep(statement: re.Match[str]) -> str:
        is_known = guard_comparison.has_index(
            found, table=statement["table"], columns=statement["columns"], unique=statement["unique"] is not None
        )
        return "" if is_known else statement[0]

    return _INDEX.sub(keep, sql)


def _run_one_by_one(connection: Connection, migration: Migration) -> None:
    for (statement,) in connection.execute(_INVALID_INDEXES).fetchall():
        connection.execute(statement)
    for statement in migration.statements:
        connection.execute(cast("LiteralString", statement))
    _note(connection, migration)


def _note(connection: Connection, migration: Migration) -> None:
    connection.execute(
        "insert into clipferry.migrations (name, checksum) values (%s, %s)",
        [migration.name, migration.checksum],
    )
