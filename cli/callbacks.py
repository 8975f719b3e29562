"""`clipferry callbacks`: lists the callbacks that providers sent, and processes one again."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from cli import database
from cli.arguments import NumberCommand
from cli.output import Json, print_records
from cli.settings import open_dependencies
from clipferry.db import inbox
from clipferry.usecases.receive_callback import replay_callback

app = typer.Typer(no_args_is_help=True, help="Lists received callbacks and replays them.")

_LISTED: Final = ("id", "received_at", "provider", "video_uuid", "task_id", "body_size", "verdict")


@app.command("show")
def show_(
    video_uuid: Annotated[
        str | None, typer.Argument(metavar="UUID", help="List this video's callbacks only, with their bodies.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The largest number of callbacks to list.")] = 20,
    as_json: Json = False,
) -> None:
    """Lists callbacks, newest first, of one video or of all. Exit status 1 if there is none."""
    with database.connect() as db:
        kept = db.run(inbox.latest, video_uuid=video_uuid, limit=limit).all()
    columns = () if video_uuid else _LISTED
    print_records(kept, as_json=as_json, title="Callbacks", empty="The inbox is empty.", columns=columns)
    raise typer.Exit(0 if kept else 1)


@app.command(cls=NumberCommand)
def replay(
    callback_id: Annotated[
        int, typer.Argument(metavar="ID", help="The callback's id, from `clipferry callbacks show`.")
    ],
    as_json: Json = False,
) -> None:
    """Processes a received callback again: asks the provider about the task and updates the video.

    Needs all settings.
    """
    with open_dependencies() as dependencies:
        verdict = replay_callback(callback_id, database=dependencies.database, context=dependencies.advance_context)
    print_records([{"id": callback_id, "verdict": verdict}], as_json=as_json, title="Replayed")
