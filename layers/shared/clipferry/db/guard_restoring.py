"""Makes again what is missing of the guards, on a table in use: CHECKs are NOT VALID, indexes are built concurrently.

SQL is assembled here, because a definition can't be a parameter: of names and definitions in `schema_guards` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, LiteralString, cast

import psycopg
from psycopg.rows import class_row

from clipferry.db import guard_comparison
from clipferry.db.migration_session import Connection, run_patiently
from clipferry.db.schema_guards import Guard, GuardKind
from clipferry.errors import ConfigurationError

SHOWN: Final = 10
"""How many rows are named that break a rule."""
_UNBACKED: Final = """
status = 'HOLDING' and case when jsonb_typeof(package_allocation) = 'array'
    and not jsonb_path_exists(package_allocation, '$[*] ? (
        !(@.credits.type() == "number" && @.credits == @.credits.floor()))')
    then clipferry.allocated(package_allocation) <> credits else true end
"""
"""Which rows break `clipferry_hold_backed`, also where the original application's allocation can't be read."""

_LEFTOVER: Final[LiteralString] = """
select x.relname from pg_index i join pg_class x on x.oid = i.indexrelid
where x.relnamespace = 'public'::regnamespace and x.relname = %(name)s
    and (not i.indisvalid or x.relname like 'clipferry%%')
"""
"""Under the name of a missing index: what a build that failed has left, or an index of ours that somebody changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRule:
    """A CHECK that stands NOT VALID, and the rows (the first few of them) that don't let it be validated."""

    rule: str
    table: str
    rows: list[str]


def missing(connection: Connection) -> list[Guard]:
    return guard_comparison.missing(run_patiently(connection, lambda: existing(connection)))


def existing(connection: Connection) -> list[Guard]:
    """Waits for a table that somebody has locked exclusively."""
    with connection.cursor(row_factory=class_row(Guard)) as cursor:
        return cursor.execute(guard_comparison.EXISTING).fetchall()


def restore(connection: Connection) -> tuple[list[str], list[str], list[BrokenRule]]:
    """Makes every missing guard, and validates each CHECK that no row breaks.

    Returns what was made, which CHECKs that stood NOT VALID are valid now, and which rows keep the others from it.
    Raises ConfigurationError, when the rest is done, for a table that is gone and for a unique index that rows forbid.
    """
    made: list[str] = []
    impossible: list[str] = []
    for guard in missing(connection):
        reason = _make(connection, guard)
        if reason:
            impossible.append(f"{guard}: {reason}")
        else:
            made.append(str(guard))
    validated, broken = _validate(connection)
    if impossible:
        raise ConfigurationError(f"can't be made again (docs/migrating.md): {'; '.join(impossible)}")
    return made, [name for name in validated if name not in made], broken


def _make(connection: Connection, guard: Guard) -> str | None:
    """Returns why it can't be made."""
    match guard.kind:
        case GuardKind.TABLE:
            return "is gone with its rows; restore it from a backup"
        case GuardKind.CHECK:
            run_patiently(connection, lambda: _add_check(connection, guard))
        case GuardKind.INDEX:
            run_patiently(connection, lambda: _build_index(connection, guard))
        case GuardKind.UNIQUE_INDEX:
            return _make_unique(connection, guard)
    return None


def _make_unique(connection: Connection, guard: Guard) -> str | None:
    """Looks for rows that share a value first: a build that fails leaves an index that refuses new rows."""
    shared = _sharing_rows(connection, guard)
    if not shared:
        try:
            run_patiently(connection, lambda: _build_index(connection, guard))
        except psycopg.errors.UniqueViolation:  # the second row came during the build
            _drop_leftover(connection, guard)
            shared = _sharing_rows(connection, guard)
        else:
            return None
    columns = guard.definition.partition(" WHERE ")[0]
    return f"these share {columns}, which only one may have: {', '.join(_first(shared))}"


def _add_check(connection: Connection, guard: Guard) -> None:
    _run(
        connection,
        f'alter table public."{guard.table}" drop constraint if exists "{guard.name}", '
        f'add constraint "{guard.name}" check {guard.definition} not valid',
    )


def _build_index(connection: Connection, guard: Guard) -> None:
    _drop_leftover(connection, guard)
    kind = "unique index" if guard.kind == GuardKind.UNIQUE_INDEX else "index"
    _run(connection, f'create {kind} concurrently "{guard.name}" on public."{guard.table}" {guard.definition}')


def _drop_leftover(connection: Connection, guard: Guard) -> None:
    if connection.execute(_LEFTOVER, {"name": guard.name}).fetchone():
        _run(connection, f'drop index concurrently public."{guard.name}"')


def _sharing_rows(connection: Connection, guard: Guard) -> list[str]:
    """For each value that a unique index forbids, the rows that share it."""
    columns, _, predicate = guard.definition.partition(" WHERE ")
    found = _run(
        connection,
        f"select string_agg({_row_name(guard)}::text, ' and ' order by id) from public.\"{guard.table}\" "
        f"where row{columns} is not null and {predicate or 'true'} "
        f"group by {columns.strip('()')} having count(*) > 1 order by 1 limit {SHOWN + 1}",
    )
    return [row[0] for row in found.fetchall()]


def _validate(connection: Connection) -> tuple[list[str], list[BrokenRule]]:
    validated: list[str] = []
    broken: list[BrokenRule] = []
    found = run_patiently(connection, lambda: existing(connection))
    for check in guard_comparison.not_validated(found):
        rows = _breaking_rows(connection, check)
        if rows:
            broken.append(BrokenRule(rule=check.name, table=check.table, rows=_first(rows)))
        elif _validate_check(connection, check):
            validated.append(str(check))
    return validated, broken


def _breaking_rows(connection: Connection, check: Guard) -> list[str]:
    breaks = _UNBACKED if "allocated" in check.definition else f"not {check.definition}"
    found = _run(
        connection,
        f'select {_row_name(check)}::text from public."{check.table}" where {breaks} order by id limit {SHOWN + 1}',
    )
    return [row[0] for row in found.fetchall()]


def _validate_check(connection: Connection, check: Guard) -> bool:
    """False when the original application has broken it meanwhile; the next run names the row."""
    try:
        run_patiently(
            connection,
            lambda: _run(connection, f'alter table public."{check.table}" validate constraint "{check.name}"'),
        )
    except psycopg.errors.CheckViolation:
        return False
    return True


def _first(rows: list[str]) -> list[str]:
    return rows if len(rows) <= SHOWN else [*rows[:SHOWN], "and others"]


def _row_name(guard: Guard) -> str:
    return "uuid" if guard.table == "videos" else "id"


def _run(connection: Connection, sql: str) -> psycopg.Cursor[Any]:
    return connection.execute(cast("LiteralString", sql))
