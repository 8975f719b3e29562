"""`clipferry status`: the state of an installation on one screen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import typer

from cli import database, queues
from cli.output import Json, print_records, spinner
from cli.redrive import MIRROR, WEBHOOKS, Kind
from cli.tables import relative
from clipferry.db import circuits, open_work, operator_queries
from clipferry.db.connection import Database
from clipferry.errors import QueueError

_LATE_SECONDS: Final = 300
_MANY: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`advice` is what to do, where something is wrong."""

    what: str
    value: str
    advice: str | None = None


def status(as_json: Json = False) -> None:
    """Shows what is at work, what has ended within a day, and what needs a look. Exit status 1 if something does."""
    with spinner("Looking"), database.connect() as db:
        lines = [*_videos(db), _dead_letters(MIRROR), _dead_letters(WEBHOOKS)]
    print_records(lines, as_json=as_json, title="Status")
    raise typer.Exit(1 if any(line.advice for line in lines) else 0)


def _videos(db: Database) -> Iterator[Line]:
    with db.transaction() as tx:
        reading = operator_queries.unfinished(tx)
        ended = operator_queries.ended_today(tx)
        late = operator_queries.stuck(tx, late_seconds=_LATE_SECONDS, limit=_MANY)
        held = open_work.read(tx)
        open_circuits = circuits.read_open(tx)
    now = datetime.now(UTC)
    for row in sorted(reading.all(), key=lambda row: row["status"]):
        yield Line(what=row["status"], value=f"{row['videos']}, the oldest since {relative(row['oldest'], now)}")
    today = {row["status"]: row["videos"] for row in ended.all()}
    for ending in ("COMPLETED", "FAILED"):
        yield Line(what=ending, value=f"{today.get(ending, 0)} of the last day")
    stuck = len(late.all())
    yield Line(what="stuck", value=str(stuck), advice="clipferry videos stuck" if stuck else None)
    yield from (Line(what="credits on hold", value=str(row["credits_held"])) for row in held.all())
    paused = [circuit.provider for circuit in open_circuits.all()]
    advice = "docs/incidents.md: a provider that is down" if paused else None
    yield Line(what="providers paused", value=", ".join(paused) or "none", advice=advice)


def _dead_letters(kind: Kind) -> Line:
    what, command = f"{kind.name} dead letters", f"clipferry redrive{' --webhooks' if kind is WEBHOOKS else ''}"
    if not os.environ.get(kind.variable):
        return Line(what=what, value=f"not looked at: {kind.variable} isn't set")
    try:
        with queues.connect(kind.variable) as queue:
            waiting = queue.dead_letters_depth().waiting
    except QueueError as error:
        return Line(what=what, value=f"not known: {error}", advice="clipferry doctor")
    return Line(what=what, value=str(waiting), advice=f"{command} --dry-run" if waiting else None)
