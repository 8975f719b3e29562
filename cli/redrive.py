"""`clipferry redrive`: sends the dead letters of the mirror, or of the webhooks, to their queue again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from cli import database, queues
from cli.confirmation import Yes, confirm
from cli.output import Json, print_error, print_records, spinner
from cli.queues import DeadLetter, DeadLetterQueues
from clipferry import mirror_queue
from clipferry.db import operator_queries
from clipferry.webhooks import queue as webhook_queue

HIDDEN_SECONDS: Final = 120
"""How long a received message is hidden from other receivers: longer than it takes to redrive ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One of the two queues: the variable with its URL, and what its messages name."""

    name: str
    variable: str
    names: str
    read: Callable[[str], str | int]


MIRROR: Final = Kind(name="mirror", variable="MIRROR_QUEUE_URL", names="video_uuid", read=mirror_queue.read_message)
WEBHOOKS: Final = Kind(
    name="webhook", variable="WEBHOOK_QUEUE_URL", names="delivery_id", read=webhook_queue.read_message
)


def redrive(
    webhooks: Annotated[bool, typer.Option("--webhooks", help="The webhook queue's, instead of the mirror's.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the dead letters.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The largest number of messages.")] = 1000,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Sends the mirror queue's dead letters to the mirror queue again, and lists their videos.

    Needs MIRROR_QUEUE_URL, or WEBHOOK_QUEUE_URL with --webhooks. A message is deleted only after it was sent, so none
    is lost, and one that is sent twice is harmless. Exit status 1 if a message isn't Clipferry's: it stays where it is.
    """
    kind = WEBHOOKS if webhooks else MIRROR
    with queues.connect(kind.variable) as queue:
        if not dry_run:
            waiting = queue.dead_letters_depth().waiting
            confirm(f"Send about {min(waiting, limit)} dead letters to the {kind.name} queue again?", yes)
        with spinner("Reading the dead letters"):
            rows = _listed(queue, kind, limit) if dry_run else _redriven(queue, kind, limit)
    shown = rows if webhooks else _with_status(rows)
    title = "Dead letters" if dry_run else "Redriven"
    print_records(shown, as_json=as_json, title=title, empty="There are no dead letters.")
    if len(rows) == limit:
        print_error(f"Stopped at --limit {limit}; there may be more dead letters.")
    raise typer.Exit(0 if all(row[kind.names] for row in rows) else 1)


def _redriven(queue: DeadLetterQueues, kind: Kind, limit: int) -> list[dict[str, object]]:
    rows, foreign = [], []
    for letter in _letters(queue, limit):
        named = letter.read(kind.read)
        if named is None:
            foreign.append(letter)
        else:
            queue.redrive(letter)
        rows.append(_row(letter, kind, "left: not a message of Clipferry" if named is None else "sent again"))
    queue.make_visible(foreign)
    return rows


def _listed(queue: DeadLetterQueues, kind: Kind, limit: int) -> list[dict[str, object]]:
    letters = list(_letters(queue, limit))
    queue.make_visible(letters)
    results = {True: "would be sent again", False: "not a message of Clipferry"}
    return [_row(letter, kind, results[letter.read(kind.read) is not None]) for letter in letters]


def _letters(queue: DeadLetterQueues, limit: int) -> Iterator[DeadLetter]:
    """Yields each dead letter once, `limit` at most; messages received beyond the limit are made visible again."""
    seen: set[str] = set()
    while len(seen) < limit:
        received = queue.receive_dead_letters(hidden_seconds=HIDDEN_SECONDS)
        fresh = [letter for letter in received if letter.message_id not in seen]
        if not fresh:
            return
        taken, surplus = fresh[: limit - len(seen)], fresh[limit - len(seen) :]
        queue.make_visible(surplus)
        seen.update(letter.message_id for letter in taken)
        yield from taken


def _row(letter: DeadLetter, kind: Kind, result: str) -> dict[str, object]:
    return {kind.names: letter.read(kind.read), "sent_at": letter.sent_at, "result": result}


def _with_status(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Adds each video's status: for a video that has ended, the message does nothing."""
    uuids = [str(row["video_uuid"]) for row in rows if row["video_uuid"]]
    if not uuids:
        return rows
    with database.connect() as db:
        found = db.run(operator_queries.states, uuids).all()
    status = {row["uuid"]: row["status"] for row in found}
    return [{**row, "status": status.get(row["video_uuid"], "unknown")} for row in rows]
