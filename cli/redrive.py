"""`clipferry redrive`: sends the mirror queue's dead letters to the mirror queue again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import typer

from cli import database, queues
from cli.confirmation import Yes, confirm
from cli.output import Json, print_error, print_records, spinner
from cli.queues import DeadLetter, MirrorQueues
from clipferry.db import operator_queries

HIDDEN_SECONDS: Final = 120
"""How long a received message is hidden from other receivers: longer than it takes to redrive ten."""


def redrive(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the dead letters.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The largest number of messages.")] = 1000,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Sends the mirror queue's dead letters to the mirror queue again, and lists their videos.

    Needs MIRROR_QUEUE_URL. A message is deleted only after it was sent, so none is lost, and one that is sent twice is
    harmless. Exit status 1 if a message isn't Clipferry's: it stays where it is.
    """
    with queues.connect() as mirror:
        if not dry_run:
            waiting = mirror.dead_letters_depth().waiting
            confirm(f"Send about {min(waiting, limit)} dead letters to the mirror queue again?", yes)
        with spinner("Reading the dead letters"):
            rows = _listed(mirror, limit) if dry_run else _redriven(mirror, limit)
    with_status = _with_status(rows)
    title = "Dead letters" if dry_run else "Redriven"
    print_records(with_status, as_json=as_json, title=title, empty="There are no dead letters.")
    if len(rows) == limit:
        print_error(f"Stopped at --limit {limit}; there may be more dead letters.")
    raise typer.Exit(0 if all(row["video_uuid"] for row in rows) else 1)


def _redriven(mirror: MirrorQueues, limit: int) -> list[dict[str, object]]:
    rows, foreign = [], []
    for letter in _letters(mirror, limit):
        if letter.video_uuid is None:
            foreign.append(letter)
        else:
            mirror.redrive(letter)
        rows.append(_row(letter, "sent again" if letter.video_uuid else "left: not a message of Clipferry"))
    mirror.make_visible(foreign)
    return rows


def _listed(mirror: MirrorQueues, limit: int) -> list[dict[str, object]]:
    letters = list(_letters(mirror, limit))
    mirror.make_visible(letters)
    results = {True: "would be sent again", False: "not a message of Clipferry"}
    return [_row(letter, results[letter.video_uuid is not None]) for letter in letters]


def _letters(mirror: MirrorQueues, limit: int) -> Iterator[DeadLetter]:
    """Yields each dead letter once, `limit` at most; messages received beyond the limit are made visible again."""
    seen: set[str] = set()
    while len(seen) < limit:
        received = mirror.receive_dead_letters(hidden_seconds=HIDDEN_SECONDS)
        fresh = [letter for letter in received if letter.message_id not in seen]
        if not fresh:
            return
        taken, surplus = fresh[: limit - len(seen)], fresh[limit - len(seen) :]
        mirror.make_visible(surplus)
        seen.update(letter.message_id for letter in taken)
        yield from taken


def _row(letter: DeadLetter, result: str) -> dict[str, object]:
    return {"video_uuid": letter.video_uuid, "sent_at": letter.sent_at, "result": result}


def _with_status(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Adds each video's status: for a video that has ended, the message does nothing."""
    uuids = [str(row["video_uuid"]) for row in rows if row["video_uuid"]]
    if not uuids:
        return rows
    with database.connect() as db, db.transaction() as tx:
        found = operator_queries.states(tx, uuids)
    status = {row["uuid"]: row["status"] for row in found.all()}
    return [{**row, "status": status.get(row["video_uuid"], "unknown")} for row in rows]
