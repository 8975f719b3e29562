"""`clipferry videos show`, `open` and `watch`: one video."""

from __future__ import annotations

import time
import webbrowser
from dataclasses import asdict
from typing import Annotated, Final

import typer

from cli import database
from cli.output import Json, print_json, print_line, print_records, print_styled, stop
from cli.tables import cell
from clipferry.db import timeline, videos
from clipferry.db.connection import Database
from clipferry.db.timeline import TimelineEntry
from clipferry.errors import VideoNotFoundError
from clipferry.models import Video, VideoStatus

Uuid = Annotated[str, typer.Argument(metavar="UUID", help="The video.")]
POLL_SECONDS: Final = 0.5
_ENDED: Final = (VideoStatus.COMPLETED, VideoStatus.FAILED)
_COLOURS: Final = {"completed": "green", "failed": "red"}
_UNSHOWN: Final = ("id", "is_overdue", "is_deleted", "updated_at")


def show(uuid: Uuid, as_json: Json = False) -> None:
    """Shows what is known of one video: its order, its state, its file."""
    with database.connect() as db:
        video = _find(db, uuid)
    fields = {name: value for name, value in asdict(video).items() if name not in _UNSHOWN}
    print_records([fields], as_json=as_json, title="Video")


def open_(
    uuid: Uuid,
    thumbnail: Annotated[bool, typer.Option("--thumbnail", help="Open its first frame instead.")] = False,
) -> None:
    """Opens a completed video in the browser, and prints its address. Exit status 1 while there is none."""
    with database.connect() as db:
        video = _find(db, uuid)
    address = video.thumbnail_url if thumbnail else video.video_url
    if video.status is not VideoStatus.COMPLETED or not address:
        stop(f"{uuid} is {video.status}: there is no {'thumbnail' if thumbnail else 'file'} to open.", status=1)
    print_line(address)
    if address.startswith(("https://", "http://")):  # a row is a stranger's, and a browser opens more than pages
        webbrowser.open(address)


def watch(uuid: Uuid, as_json: Json = False) -> None:
    """Prints what happens to a video, as it happens, until it has ended. Exit status 1 if it failed."""
    with database.connect() as db:
        ended = follow(db, uuid, as_json=as_json)
    raise typer.Exit(0 if ended is VideoStatus.COMPLETED else 1)


def follow(db: Database, uuid: str, *, as_json: bool) -> VideoStatus:
    """Returns how the video ended. Raises VideoNotFoundError."""
    seen: list[TimelineEntry] = []
    while True:
        video = _find(db, uuid)  # before its history, which then has all that led to this state
        for entry in (entry for entry in db.run(timeline.read, uuid).all() if entry not in seen):
            seen.append(entry)
            _print(entry, seen[0], as_json=as_json)
        if video.status in _ENDED:
            return video.status
        time.sleep(POLL_SECONDS)


def _print(entry: TimelineEntry, first: TimelineEntry, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(entry))
        return
    seconds = (entry.at - first.at).total_seconds()
    print_styled(
        (f"{seconds:8.2f} s  ", "dim"),
        (f"{entry.source:<8} ", ""),
        (f"{entry.what:<15} ", _COLOURS.get(entry.what, "")),
        (cell(entry.detail), "dim"),
    )


def _find(db: Database, uuid: str) -> Video:
    video = db.run(videos.get, uuid).first()
    if video is None:
        raise VideoNotFoundError(uuid)
    return video
