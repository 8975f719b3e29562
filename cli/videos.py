"""`clipferry videos`: orders, lists, shows and watches videos, finds stuck ones, and mirrors failed ones again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Final

import typer

from cli import database
from cli.confirmation import Yes, confirm
from cli.create_video import create
from cli.errors import sentence
from cli.one_video import open_, show, watch
from cli.output import Json, print_records, with_progress_bar
from cli.settings import open_dependencies
from clipferry.db import operator_queries, provider_costs
from clipferry.db.connection import Database
from clipferry.db.operator_queries import VideoSummary
from clipferry.dependencies import Dependencies
from clipferry.errors import ClipferryError
from clipferry.models import VideoStatus
from clipferry.usecases.retry_video import retry_as_operator

app = typer.Typer(no_args_is_help=True, help="Orders, lists, shows and watches videos; retries failed ones.")
app.command("create")(create)
app.command("show")(show)
app.command("open")(open_)
app.command("watch")(watch)

LISTED: Final = ("uuid", "status", "created_at", "model", "failure_code", "credits", "user_id", "seconds", "provider")
STUCK: Final = ("uuid", "why", "status", "since", "deadline", "last_event", "mirror_attempts", "provider")
COSTS: Final = ("model", "provider", "credits_taken", "provider_cost", "currency", "completed", "videos", "unknown")
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="The largest number of videos to list.")]


@app.command("list")
def list_(
    status: Annotated[
        VideoStatus | None, typer.Option(case_sensitive=False, help="List videos with this status only.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="USER", help="List this user's videos only.")] = None,
    limit: Limit = 20,
    cost: Annotated[bool, typer.Option("--cost", help="Show what the provider says that each cost.")] = False,
    as_json: Json = False,
) -> None:
    """Lists videos, newest first, of one user or of all; deleted ones are left out."""
    with database.connect() as db:
        found = db.run(operator_queries.latest, user_id=user, status=status, limit=limit).all()
        videos = _with_costs(found, db) if cost else found
    priority = ("uuid", "provider_cost", "currency", *LISTED[1:]) if cost else LISTED
    print_records(videos, as_json=as_json, title="Videos", empty="There are no such videos.", priority=priority)


def _with_costs(found: list[VideoSummary], db: Database) -> list[dict[str, object]]:
    known = {row["video_uuid"]: row for row in db.run(provider_costs.of, [video.uuid for video in found]).all()}
    none = {"provider_cost": None, "provider_cost_currency": None}
    return [
        asdict(video) | {"provider_cost": own["provider_cost"], "currency": own["provider_cost_currency"]}
        for video in found
        for own in [known.get(video.uuid, none)]
    ]


@app.command()
def cost(
    days: Annotated[int, typer.Option(min=1, max=3660, help="How far back to count.")] = 30,
    as_json: Json = False,
) -> None:
    """Lists, for each model at each provider, the credits that were taken beside what the provider charged.

    A provider's cost is in its own currency: dollars, credits, or units that its price list has the worth of. `unknown`
    counts the videos whose cost it didn't say.
    """
    with database.connect() as db:
        found = db.run(provider_costs.by_model, days=days).all()
    title, empty = f"Costs of the last {days} days", "No provider has taken a video in this time."
    print_records(found, as_json=as_json, title=title, empty=empty, priority=COSTS)


@app.command()
def stuck(
    late: Annotated[
        int, typer.Option(min=0, max=10**9, metavar="SECONDS", help="How late a video's next check may be.")
    ] = 300,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """Lists unfinished videos whose deadline or next check has passed, and why. Exit status 1 if there are any."""
    with database.connect() as db:
        videos = db.run(operator_queries.stuck, late_seconds=late, limit=limit).all()
    print_records(videos, as_json=as_json, title="Stuck", empty="Nothing is stuck.", priority=STUCK)
    raise typer.Exit(1 if videos else 0)


@app.command()
def retry(
    uuids: Annotated[list[str], typer.Argument(metavar="UUID…", help="Videos with the status FAILED.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Mirrors failed videos again, and puts their owners' credits on hold again.

    Needs all settings. Exit status 1 if a video couldn't be retried.
    """
    unique = list(dict.fromkeys(uuids))
    what = unique[0] if len(unique) == 1 else f"{len(unique)} videos"
    confirm(f"Mirror {what} again, and put the owner's credits on hold?", yes)
    with open_dependencies(needs_aws=True) as dependencies:
        found = dependencies.database.run(operator_queries.states, unique).all()
        completed = {row["uuid"] for row in found if row["status"] == VideoStatus.COMPLETED}
        results = [
            _already_completed(uuid) if uuid in completed else _retry(uuid, dependencies)
            for uuid in with_progress_bar(unique, "Mirroring again")
        ]
    print_records(results, as_json=as_json, title="Retried")
    raise typer.Exit(0 if all(result["retried"] for result in results) else 1)


def _already_completed(uuid: str) -> dict[str, object]:
    detail = "It is COMPLETED: its file is there, and there is nothing to retry."
    return {"uuid": uuid, "retried": False, "status": "COMPLETED", "detail": detail}


def _retry(uuid: str, dependencies: Dependencies) -> dict[str, object]:
    try:
        video = retry_as_operator(
            uuid,
            database=dependencies.database,
            context=dependencies.advance_context,
            check_source=dependencies.check_source,
        )
    except ClipferryError as error:
        return {"uuid": uuid, "retried": False, "status": None, "detail": sentence(error)}
    return {"uuid": uuid, "retried": True, "status": str(video.status), "detail": None}
