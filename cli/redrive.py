"""`clipferry redrive`: the mirror's dead letters back to the queue they came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import typer

from cli import database, queues
from cli.confirmation import Yes, confirm
from cli.output import Json, show, working
from cli.queues import DeadLetter, MirrorQueues
from clipferry.db import operator_queries

HIDDEN_SECONDS: Final = 120
"""How long a letter that was received is nobody else's: longer than ten of them take."""


def redrive(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what lies there.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At the most.")] = 1000,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Send the dead letters of the mirror queue again, and say whose they are. Needs MIRROR_QUEUE_URL.

    A letter is deleted after it was sent, so none is lost; one that is sent twice is harmless. Exit 1 when one isn't
    ours: it is left where it is.
    """
    with queues.opened() as mirror:
        if not dry_run:
            waiting = mirror.dead_letters_depth().waiting
            confirm(f"Send about {min(waiting, limit)} dead letters to the mirror queue again?", yes)
        with working("Reading the dead letters"):
            rows = _looked_at(mirror, limit) if dry_run else _sent_back(mirror, limit)
    with_status = _with_status(rows)
    title = "Dead letters" if dry_run else "Redriven"
    show(with_status, as_json=as_json, title=title, empty="There are no dead letters.")
    if len(rows) == limit:
        typer.echo(f"{limit} were the limit: there may be more.", err=True)
    raise typer.Exit(0 if all(row["video_uuid"] for row in rows) else 1)


def _sent_back(mirror: MirrorQueues, limit: int) -> list[dict[str, object]]:
    rows, foreign = [], []
    for letter in _letters(mirror, limit):
        if letter.video_uuid is None:
            foreign.append(letter)
        else:
            mirror.send_back(letter)
        rows.append(_row(letter, "sent again" if letter.video_uuid else "left: not one of ours"))
    mirror.put_back(foreign)
    return rows


def _looked_at(mirror: MirrorQueues, limit: int) -> list[dict[str, object]]:
    letters = list(_letters(mirror, limit))
    mirror.put_back(letters)
    return [_row(letter, "would be sent again" if letter.video_uuid else "not one of ours") for letter in letters]


def _letters(mirror: MirrorQueues, limit: int) -> Iterator[DeadLetter]:
    """Each once, until there are no more or `limit` were given; what was received beyond it is put back."""
    seen: set[str] = set()
    while len(seen) < limit:
        received = mirror.receive_dead_letters(hidden_seconds=HIDDEN_SECONDS)
        fresh = [letter for letter in received if letter.message_id not in seen]
        if not fresh:
            return
        taken, surplus = fresh[: limit - len(seen)], fresh[limit - len(seen) :]
        mirror.put_back(surplus)
        seen.update(letter.message_id for letter in taken)
        yield from taken


def _row(letter: DeadLetter, result: str) -> dict[str, object]:
    return {"video_uuid": letter.video_uuid, "sent_at": letter.sent_at, "result": result}


def _with_status(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """What has become of the videos meanwhile: for one that has ended, the message does nothing."""
    uuids = [str(row["video_uuid"]) for row in rows if row["video_uuid"]]
    if not uuids:
        return rows
    with database.opened() as books, books.transaction() as tx:
        found = operator_queries.states(tx, uuids)
    status = {row["uuid"]: row["status"] for row in found.all()}
    return [{**row, "status": status.get(row["video_uuid"], "unknown")} for row in rows]
