"""Prints results: in columns on a terminal, with tabs in a pipe, as JSON for scripts; progress on standard error.

Everything that a command prints goes through here, because much of it is a stranger's: a prompt, a callback's body, a
key's name. Control characters are escaped, in JSON too, and nothing is read as markup of rich.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.progress import track
from rich.text import Text

from cli import tables
from clipferry.observability.control_characters import escape_controls

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Item = TypeVar("Item")

console = Console()
progress_console = Console(stderr=True)


def print_records(
    rows: Iterable[Any],
    *,
    as_json: bool,
    title: str,
    empty: str = "Nothing.",
    columns: Sequence[str] = (),
    priority: Sequence[str] = (),
    elapsed: str = "",
) -> None:
    """Prints records (dataclasses or mappings): in columns, with tabs, or as a JSON list.

    JSON has all that there is; `columns` name what is shown otherwise, if it isn't all. `priority` and `elapsed` are a
    terminal's (`tables.Layout`).
    """
    records = [row if isinstance(row, Mapping) else asdict(row) for row in rows]
    if as_json:
        print_json(records)
        return
    if columns:
        records = [{name: record[name] for name in columns} for record in records]
    if not records:
        print_line(empty)
    elif console.is_terminal:
        layout = tables.Layout(now=datetime.now(UTC), width=console.width, priority=priority, elapsed=elapsed)
        found = tables.columns(records, title, layout)
        console.print(found, soft_wrap=isinstance(found, Text))
    else:
        for line in tables.tabbed(records):
            typer.echo(line)


def print_result(*sentences: str, as_json: bool, **facts: Any) -> None:
    """Prints sentences, each on a line, or with `as_json` the `facts` as a JSON object."""
    if as_json:
        print_json(facts)
        return
    for sentence in sentences:
        print_line(sentence)


def print_json(value: Any) -> None:
    typer.echo(escape_controls(json.dumps(value, default=tables.plain, ensure_ascii=False)))


def print_line(text: str) -> None:
    """Prints one line: a line break within `text` is escaped as other control characters are."""
    typer.echo(escape_controls(text))


def print_error(text: str, *, end: str = "\n") -> None:
    """Prints one line on standard error."""
    typer.echo(escape_controls(text) + end, err=True, nl=False)


def stop(text: str, *, status: int = 2) -> NoReturn:
    """Prints one line on standard error and ends the command: 2 is for wrong usage or a missing setting."""
    print_error(text)
    raise typer.Exit(status)


def print_traceback(error: BaseException) -> None:
    for text in traceback.format_exception(error):
        for line in text.rstrip("\n").split("\n"):
            print_error(line)


def is_terminal() -> bool:
    """Whether a person reads standard output."""
    return console.is_terminal


def print_styled(*parts: tuple[str, str]) -> None:
    """Prints one line of texts, each with a style of rich, such as "bold red", or with "" for none."""
    console.print(Text.assemble(*((escape_controls(text), style) for text, style in parts)), soft_wrap=True)


@contextmanager
def spinner(label: str) -> Iterator[None]:
    """Shows a spinner during the block, where standard error is a terminal."""
    if not progress_console.is_terminal:
        yield
        return
    with progress_console.status(tables.literal(label)):
        yield


def with_progress_bar(items: Sequence[Item], label: str) -> Iterable[Item]:
    """Yields the items and shows a progress bar, where standard error is a terminal."""
    hidden = len(items) < 2 or not progress_console.is_terminal
    return track(items, description=label, console=progress_console, disable=hidden, transient=True)
