"""`clipferry`: what an operator needs on a Sunday night. Exit codes: 0 well, 1 something is wrong, 2 used wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import callbacks, database, keys, videos
from cli.credits import app as credits_app
from cli.doctor.command import doctor
from cli.env import env
from cli.logs import logs
from cli.mirror import mirror
from cli.output import Json, console, show, working
from cli.redrive import redrive
from clipferry import observability
from clipferry.db import migrations, timeline, verification
from clipferry.errors import ClipferryError
from clipferry.usecases.verify_credits import verify_credits

MIGRATIONS = Path(__file__).parents[1] / "migrations"

app = typer.Typer(no_args_is_help=True, help=__doc__, pretty_exceptions_enable=False)
app.add_typer(videos.app, name="videos")
app.add_typer(keys.app, name="keys")
app.add_typer(credits_app, name="credits")
app.add_typer(callbacks.app, name="callbacks")
app.command()(env)
app.command()(doctor)
app.command()(logs)
app.command()(redrive)
app.command()(mirror)


@app.command()
def verify(as_json: Json = False) -> None:
    """Recompute every invariant of the books; exit 1 and name each breach if there is one."""
    with working("Recomputing the books"), database.opened() as books:
        breaches = verify_credits(database=books)
    show(breaches, as_json=as_json, title="Breaches", empty="The books are right: every invariant holds.")
    raise typer.Exit(1 if breaches else 0)


@app.command()
def explain(uuid: str, as_json: Json = False) -> None:
    """Tell the story of one video: states, callbacks, questions to the provider, mirror attempts, holds and ledger."""
    with database.opened() as books, books.transaction() as tx:
        found = timeline.of_video(tx, uuid)
    moments = found.all()
    show(moments, as_json=as_json, title=f"Video {uuid}", empty=f"Nothing is known of {uuid}.")
    raise typer.Exit(0 if moments else 1)


@app.command()
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only name what would be applied.")] = False,
    as_json: Json = False,
) -> None:
    """Bring the database to this version's schema."""
    with working("Migrating"):
        names = migrations.apply(database.url(), MIGRATIONS, dry_run=dry_run)
    if as_json:
        show([{"migration": name, "applied": not dry_run} for name in names], as_json=True, title="")
        return
    for name in names:
        console.print(f"{'would apply' if dry_run else 'applied'} {name}")
    if not names:
        console.print("The database is up to date.")
    if names and not dry_run:
        _list_openings()


def _list_openings() -> None:
    with database.opened() as books, books.transaction() as tx:
        found = verification.openings(tx, limit=100)
    unexplained = found.all()
    if unexplained:
        show(
            unexplained,
            as_json=False,
            title="Opening balances: credits that the ledger does not explain (docs/migrating.md)",
        )


def main() -> None:
    """Runs the command line; an error of ours is a sentence, not a traceback."""
    try:
        with observability.disabled():
            app()
    except ClipferryError as error:
        typer.echo(f"{error.message} {error}", err=True)
        raise SystemExit(1) from None
