"""Readable tables by default, JSON for scripts; progress on standard error, where a terminal is."""

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


def show(rows: Iterable[Any], *, as_json: bool, title: str, empty: str = "Nothing.") -> None:
    """Prints records (dataclasses or mappings) as a table, or as a JSON list."""
    records = [_record(row) for row in rows]
    if as_json:
        typer.echo(json.dumps(records, default=_plain, ensure_ascii=False))
    elif not records:
        console.print(empty)
    else:
        console.print(_table(records, title))


def say(sentence: str, *, as_json: bool, **facts: Any) -> None:
    """Prints a sentence for people, or the `facts` behind it as a JSON object."""
    typer.echo(json.dumps(facts, default=_plain, ensure_ascii=False) if as_json else sentence)


@contextmanager
def working(on: str) -> Iterator[None]:
    """A sign of life while something takes long; nothing where standard error is no terminal."""
    if not progress_console.is_terminal:
        yield
        return
    with progress_console.status(on):
        yield


def counted(items: Sequence[Item], on: str) -> Iterable[Item]:
    """The items, with a bar that fills as they are taken; without one where standard error is no terminal."""
    hidden = len(items) < 2 or not progress_console.is_terminal
    return track(items, description=on, console=progress_console, disable=hidden, transient=True)


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
