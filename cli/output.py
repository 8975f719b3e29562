"""Readable tables by default, JSON for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]

console = Console(width=None if sys.stdout.isatty() else 200)


def show(rows: Iterable[Any], *, as_json: bool, title: str, empty: str = "Nothing.") -> None:
    """Prints records (dataclasses or mappings) as a table, or as a JSON list."""
    records = [_record(row) for row in rows]
    if as_json:
        typer.echo(json.dumps(records, default=_plain, ensure_ascii=False))
    elif not records:
        console.print(empty)
    else:
        console.print(_table(records, title))


def _record(row: Any) -> Mapping[str, Any]:
    return row if isinstance(row, Mapping) else asdict(row)


def _table(records: list[Mapping[str, Any]], title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in records[0]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for record in records:
        table.add_row(*(_cell(value) for value in record.values()))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "  ".join(f"{key}={_cell(item)}" for key, item in value.items() if item is not None)
    return _plain(value) if isinstance(value, datetime) else str(value)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)
