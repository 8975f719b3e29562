"""`clipferry callbacks`: what providers rang with, and ringing it again."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import database
from cli.output import Json, show
from cli.settings import configured
from clipferry.db import inbox
from clipferry.db.inbox import KeptCallback
from clipferry.usecases.receive_callback import replay_callback

app = typer.Typer(no_args_is_help=True, help="The callback inbox: show, replay.")


@app.command("show")
def show_(
    video_uuid: Annotated[str | None, typer.Argument(help="Only this video's, with their bodies.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> None:
    """List the last callbacks, newest first: of one video, or of all. Exit 1 when there is none."""
    with database.opened() as books, books.transaction() as tx:
        found = inbox.latest(tx, video_uuid=video_uuid, limit=limit)
    kept = found.all()
    rows = kept if as_json or video_uuid else [_line(callback) for callback in kept]
    show(rows, as_json=as_json, title="Callbacks", empty="The inbox is empty.")
    raise typer.Exit(0 if kept else 1)


@app.command()
def replay(callback_id: int, as_json: Json = False) -> None:
    """Do again what a kept callback led to: ask the provider, move the video on. Needs all of the settings."""
    with configured() as needs:
        verdict = replay_callback(
            callback_id,
            database=needs.database,
            providers=needs.providers,
            queue=needs.mirror_queue,
            polling=needs.polling,
        )
    show([{"id": callback_id, "verdict": verdict}], as_json=as_json, title="Replayed")


def _line(callback: KeptCallback) -> dict[str, object]:
    """Without what makes a table unreadable."""
    names = ("id", "received_at", "provider", "video_uuid", "task_id", "body_size", "verdict")
    return {name: getattr(callback, name) for name in names}
