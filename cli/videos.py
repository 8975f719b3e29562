"""`clipferry videos`: everybody's videos, those that are stuck, and mirroring a failed one again."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import database
from cli.confirmation import Yes, confirm
from cli.output import Json, counted, show
from cli.settings import configured
from clipferry.db import operator_queries
from clipferry.dependencies import Dependencies
from clipferry.errors import ClipferryError
from clipferry.models import VideoStatus
from clipferry.usecases.retry_video import retry_as_operator

app = typer.Typer(no_args_is_help=True, help="Videos: list, retry, stuck.")

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At the most.")]


@app.command("list")
def list_(
    status: Annotated[VideoStatus | None, typer.Option(case_sensitive=False)] = None,
    user: Annotated[str | None, typer.Option(help="Only this user's.")] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List videos, newest first: everybody's, or a user's."""
    with database.opened() as books, books.transaction() as tx:
        found = operator_queries.latest(tx, user_id=user, status=status, limit=limit)
    show(found.all(), as_json=as_json, title="Videos", empty="There are no such videos.")


@app.command()
def stuck(
    late: Annotated[
        int, typer.Option(min=0, metavar="SECONDS", help="How long after its time a question may come.")
    ] = 300,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List unfinished videos that nothing has moved in time, and what should have; exit 1 if there are any."""
    with database.opened() as books, books.transaction() as tx:
        found = operator_queries.stuck(tx, late_seconds=late, limit=limit)
    videos = found.all()
    show(videos, as_json=as_json, title="Stuck", empty="Nothing is stuck.")
    raise typer.Exit(1 if videos else 0)


@app.command()
def retry(
    uuids: Annotated[list[str], typer.Argument(metavar="UUID…")], yes: Yes = False, as_json: Json = False
) -> None:
    """Mirror FAILED videos again, for their owners, whose credits are held again. Needs all of the settings.

    Exit 1 when one of them couldn't be.
    """
    once = list(dict.fromkeys(uuids))
    what = once[0] if len(once) == 1 else f"{len(once)} videos"
    confirm(f"Mirror {what} again, and hold the owner's credits for it?", yes)
    with configured(sends=True) as needs:
        results = [_retried(uuid, needs) for uuid in counted(once, "Mirroring again")]
    show(results, as_json=as_json, title="Retried")
    raise typer.Exit(0 if all(result["retried"] for result in results) else 1)


def _retried(uuid: str, needs: Dependencies) -> dict[str, object]:
    try:
        video = retry_as_operator(
            uuid,
            database=needs.database,
            providers=needs.providers,
            check_source=needs.check_source,
            queue=needs.mirror_queue,
            polling=needs.polling,
        )
    except ClipferryError as error:
        return {"uuid": uuid, "retried": False, "status": None, "detail": f"{error.message} {error}"}
    return {"uuid": uuid, "retried": True, "status": str(video.status), "detail": None}
