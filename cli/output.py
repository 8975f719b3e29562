"""Prints results as tables, or as JSON for scripts, and progress on standard error where that is a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Item = TypeVar("Item")

console = Console(width=None if sys.stdout.isatty() else 200)
progress_console = Console(stderr=True)


def print_records(rows: Iterable[Any], *, as_json: bool, title: str, empty: str = "Nothing.") -> None:
    """Prints records (dataclasses or mappings) as a table, or as a JSON list."""
    records = [_record(row) for row in rows]
    if as_json:
        typer.echo(json.dumps(records, default=_plain, ensure_ascii=False))
    elif not records:
        console.print(empty)
    else:
        console.print(_table(records, title))


def print_result(sentence: str, *, as_json: bool, **facts: Any) -> None:
    """Prints a sentence, or with `as_json` its `facts` as a JSON object."""
    typer.echo(json.dumps(facts, default=_plain, ensure_ascii=False) if as_json else sentence)


@contextmanager
def spinner(label: str) -> Iterator[None]:
    """Shows a spinner during the block, where standard error is a terminal."""
    if not progress_console.is_terminal:
        yield
        return
    with progress_console.status(label):
        yield


def with_progress_bar(items: Sequence[Item], label: str) -> Iterable[Item]:
    """Yields the items and shows a progress bar, where standard error is a terminal."""
    hidden = len(items) < 2 or not progress_console.is_terminal
    return track(items, description=label, console=progress_console, disable=hidden, transient=True)


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
