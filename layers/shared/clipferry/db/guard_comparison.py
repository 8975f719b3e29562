"""Compares the guards that must exist with PostgreSQL's catalogue: by what they do, whatever they are called.

The same index may have another name: Drizzle's `videos_uuid_unique` is Prisma's `videos_uuid_key`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, LiteralString

from clipferry.db.connection import Rows, Transaction
from clipferry.db.schema_guards import IN_PUBLIC, TABLES, Guard, GuardKind

EXISTING: Final[LiteralString] = """
select 'CHECK' as kind, t.relname::text as "table", c.conname::text as name,
       pg_get_expr(c.conbin, c.conrelid) as definition, c.convalidated as is_valid
from pg_constraint c join pg_class t on t.oid = c.conrelid
where c.contype = 'c' and t.relnamespace = to_regnamespace('public')
union all
select case when i.indisunique then 'unique index' else 'index' end, t.relname::text, x.relname::text,
       coalesce(substring(pg_get_indexdef(i.indexrelid) from ' USING btree (.*)$'), ''), true
from pg_index i join pg_class t on t.oid = i.indrelid join pg_class x on x.oid = i.indexrelid
where t.relnamespace = to_regnamespace('public') and i.indisvalid and i.indimmediate
union all
select 'table', t.relname::text, t.relname::text, '', true
from pg_class t where t.relnamespace = to_regnamespace('clipferry') and t.relkind in ('r', 'p')
"""
"""Every CHECK and usable index in `public` and every table of ours; columns as the fields of `Guard`."""

_SCHEMA: Final = re.compile(r"\b(?:public|clipferry)\.")
"""PostgreSQL writes it or leaves it out, as the session's search_path has it."""


def existing(tx: Transaction) -> Rows[Guard]:
    return tx.query(EXISTING, {}, Guard)


def missing(found: Iterable[Guard]) -> list[Guard]:
    """The guards that aren't among those found. A unique index also does what a plain one does."""
    there = set(map(_essence, found))
    plain = {(GuardKind.INDEX, *rest) for kind, *rest in there if kind == GuardKind.UNIQUE_INDEX}
    return [guard for guard in (*TABLES, *IN_PUBLIC) if _essence(guard) not in there | plain]


def not_validated(found: Iterable[Guard]) -> list[Guard]:
    """Our CHECKs that stand NOT VALID, each under the name that it was found by."""
    names = {_essence(guard): guard.name for guard in found if guard.kind == GuardKind.CHECK and not guard.is_valid}
    return [replace(guard, name=names[_essence(guard)]) for guard in IN_PUBLIC if _essence(guard) in names]


def has_index(found: Iterable[Guard], *, table: str, columns: str, unique: bool) -> bool:
    """Whether there is an index on `columns`, which is a list in brackets; a unique one, where that is wanted."""
    kinds = {GuardKind.UNIQUE_INDEX} if unique else {GuardKind.UNIQUE_INDEX, GuardKind.INDEX}
    return any(
        guard.table == table and guard.kind in kinds and _plain(guard.definition) == _plain(columns) for guard in found
    )


def _essence(guard: Guard) -> tuple[str, str, str]:
    """What is compared: a table has a name, all else a definition."""
    name_or_definition = guard.name if guard.kind == GuardKind.TABLE else _plain(guard.definition)
    return guard.kind, guard.table, name_or_definition


def _plain(definition: str) -> str:
    return _SCHEMA.sub("", definition).replace('"', "")
