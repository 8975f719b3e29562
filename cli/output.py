"""Prints results as tables, or as JSON for scripts, and progress on standard error where that is a terminal.

Everything that a command prints goes through here, because much of it is a stranger's: a prompt, a callback's body, a
key's name. Control characters are escaped, in JSON too, and nothing is read as markup of rich.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from clipferry.observability.control_characters import escape_controls

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Item = TypeVar("Item")

console = Console(width=None if sys.stdout.isatty() else 200)
progress_console = Console(stderr=True)


def print_records(rows: Iterable[Any], *, as_json: bool, title: str, empty: str = "Nothing.") -> None:
    """Prints records (dataclasses or mappings) as a table, or as a JSON list."""
    records = [_record(row) for row in rows]
    if as_json:
        print_json(records)
    elif not records:
        print_line(empty)
    else:
        console.print(_table(records, title))


def print_result(*sentences: str, as_json: bool, **facts: Any) -> None:
    """Prints sentences, each on a line, or with `as_json` the `facts` as a JSON object."""
    if as_json:
        print_json(facts)
        return
    for sentence in sentences:
        print_line(sentence)


def print_json(value: Any) -> None:
    typer.echo(escape_controls(json.dumps(value, default=_plain, ensure_ascii=False)))


def print_line(text: str) -> None:
    """Prints one line: a line break within `text` is escaped as other control characters are."""
    typer.echo(escape_controls(text))


def print_error(text: str, *, end: str = "\n") -> None:
    """Prints one line on standard error."""
    typer.echo(escape_controls(text) + end, err=True, nl=False)


def print_traceback(error: BaseException) -> None:
    for text in traceback.format_exception(error):
        for line in text.rstrip("\n").split("\n"):
            print_error(line)


def print_styled(*parts: tuple[str, str]) -> None:
    """Prints one line of texts, each with a style of rich, such as "bold red", or with "" for none."""
    console.print(Text.assemble(*((escape_controls(text), style) for text, style in parts)), soft_wrap=True)


@contextmanager
def spinner(label: str) -> Iterator[None]:
    """Shows a spinner during the block, where standard error is a terminal."""
    if not progress_console.is_terminal:
        yield
        return
    with progress_console.status(literal_text(label)):
        yield


def with_progress_bar(items: Sequence[Item], label: str) -> Iterable[Item]:
    """Yields the items and shows a progress bar, where standard error is a terminal."""
    hidden = len(items) < 2 or not progress_console.is_terminal
    return track(items, description=label, console=progress_console, disable=hidden, transient=True)


def literal_text(text: str) -> Text:
    """Returns what rich prints as it is: a plain string may hold markup and names of emoji."""
    return Text(escape_controls(text))


def _record(row: Any) -> Mapping[str, Any]:
    return row if isinstance(row, Mapping) else asdict(row)


def _table(records: list[Mapping[str, Any]], title: str) -> Table:
    table = Table(title=literal_text(title), title_justify="left")
    for column in records[0]:
        table.add_column(literal_text(column.replace("_", " ")), overflow="fold")
    for record in records:
        table.add_row(*(literal_text(_cell(value)) for value in record.values()))
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
