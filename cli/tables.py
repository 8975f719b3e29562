"""Lays records out: with tabs for a pipe, and in columns that fit for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from clipferry.api.responses import iso
from clipferry.observability.control_characters import escape_controls

Record = Mapping[str, Any]
_GAP: Final = 2
_NARROWEST_LAST: Final = 16
"""The last column folds, but not below this."""
_STYLES: Final = {
    "COMPLETED": "green",
    "FAILED": "red",
    "PENDING": "yellow",
    "GENERATING": "yellow",
    "UPLOADING": "yellow",
    "HOLDING": "yellow",
    "SETTLED": "green",
    "RELEASED": "cyan",
}
_DAY: Final = 86_400
_UNITS: Final = ((_DAY, "d"), (3600, "h"), (60, "min"), (1, "s"))
_OLDEST_RELATIVE: Final = 14 * _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a terminal shows of records, at `now`.

    `priority` are columns by their importance, and in their order: as many as fit are shown. Without it all are, below
    each other when they don't fit beside each other. The times of the column `elapsed` are told from the first row's.
    """

    now: datetime
    width: int
    priority: Sequence[str] = ()
    elapsed: str = ""


def tabbed(records: Sequence[Record]) -> Iterator[str]:
    """Yields the columns' names, then a line for each record; a tab within a text is escaped."""
    yield "\t".join(escape_controls(name) for name in records[0])
    for record in records:
        yield "\t".join(escape_controls(cell(value)) for value in record.values())


def columns(records: Sequence[Record], title: str, layout: Layout) -> Group | Text:
    """Returns the title and the records, for rich to print: a Text is not to be wrapped, so that a URL stays whole."""
    texts = [{name: _shown(name, value, records[0], layout) for name, value in record.items()} for record in records]
    heading = literal(title, "bold")
    names = _fitting(texts, layout)
    if not names:
        return Text("\n").join([heading] * bool(title) + [_block(record) for record in texts])
    if len(names) < len(texts[0]):
        heading.append("  (more with --json)", "dim")
    return Group(*[heading] * bool(title), _table(texts, names))


def cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "  ".join(f"{key}={cell(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, list):
        return "; ".join(cell(item) for item in value)
    return plain(value) if isinstance(value, datetime) else str(value)


def plain(value: Any) -> str:
    if isinstance(value, datetime):
        return iso(value)
    return str(value)


def relative(at: datetime, now: datetime) -> str:
    """Returns `5 min ago` or `in 2 h`; what is more than two weeks away is a date."""
    seconds = round((now - at).total_seconds())
    if abs(seconds) > _OLDEST_RELATIVE:
        return at.astimezone(UTC).strftime("%Y-%m-%d")
    for size, unit in _UNITS:
        if abs(seconds) >= size:
            amount = f"{abs(seconds) // size} {unit}"
            return f"{amount} ago" if seconds > 0 else f"in {amount}"
    return "now"


def literal(text: str, style: str = "") -> Text:
    """Returns what rich prints as it is: a plain string may hold markup and names of emoji."""
    return Text(escape_controls(text), style)


def _shown(name: str, value: Any, first: Record, layout: Layout) -> Text:
    if not isinstance(value, datetime):
        text = cell(value)
        return literal(text, _STYLES.get(text, ""))
    if name == layout.elapsed:
        if value == first[name]:
            return literal(value.astimezone().strftime("%H:%M:%S"))
        return literal(f"+{(value - first[name]).total_seconds():.2f} s")
    return literal(relative(value, layout.now))


def _fitting(texts: Sequence[Mapping[str, Text]], layout: Layout) -> list[str]:
    """Returns the columns to show; none when they don't fit beside each other."""
    wanted = [name for name in layout.priority if name in texts[0]] or list(texts[0])
    for count in range(len(wanted), 0, -1):
        names = wanted[:count]
        widths = [_width(texts, name) for name in names]
        last = min(widths[-1], max(_NARROWEST_LAST, cell_len(_heading(names[-1]))))
        if sum(widths[:-1]) + last + _GAP * (len(names) - 1) <= layout.width:
            return names
        if not layout.priority:
            return []
    return []


def _width(texts: Sequence[Mapping[str, Text]], name: str) -> int:
    return max(cell_len(_heading(name)), *(record.get(name, Text()).cell_len for record in texts))


def _heading(name: str) -> str:
    return escape_controls(name).removesuffix("_at").replace("_", " ")


def _table(texts: Sequence[Mapping[str, Text]], names: list[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    for name in names:
        is_last = name == names[-1]
        table.add_column(Text(_heading(name)), no_wrap=not is_last, overflow="fold")
    for record in texts:
        table.add_row(*(record.get(name, Text()) for name in names))
    return table


def _block(record: Mapping[str, Text]) -> Text:
    """Returns a line for each field that has a value, below an empty one."""
    widest = max(cell_len(_heading(name)) for name in record)
    lines = [
        Text.assemble((_heading(name).ljust(widest + _GAP), "dim"), text) for name, text in record.items() if text.plain
    ]
    return Text("\n").join([Text(), *lines])
