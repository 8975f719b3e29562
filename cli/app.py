"""Operates a Clipferry installation: its videos, credits, API keys, callbacks, queues and database.

It works on DATABASE_URL and the settings of the environment; `clipferry env STACK` sets those of a deployed stack.

Exit status: 0 for success, 1 if something failed or was found to be wrong, 2 for wrong usage or a missing setting.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import callbacks, database, keys, users, videos, webhooks
from cli.credits import app as credits_app
from cli.doctor.command import doctor
from cli.env import env
from cli.errors import sentence
from cli.logs import logs
from cli.mirror import mirror
from cli.output import Json, print_error, print_json, print_line, print_records, print_traceback, spinner
from cli.redrive import redrive
from cli.status import status
from clipferry import observability
from clipferry.db import schema, timeline, verification
from clipferry.db.schema import Changes
from clipferry.errors import ClipferryError
from clipferry.observability.control_characters import has_controls
from clipferry.usecases import verify_credits

MIGRATIONS = Path(__file__).parents[1] / "migrations"

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(videos.app, name="videos")
app.add_typer(keys.app, name="keys")
app.add_typer(credits_app, name="credits")
app.add_typer(callbacks.app, name="callbacks")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(users.app, name="users")
app.command()(env)
app.command()(doctor)
app.command()(logs)
app.command()(redrive)
app.command()(status)
app.command()(mirror)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print_line(f"clipferry {version('clipferry')}")
        raise typer.Exit


@app.callback(help=__doc__)
def options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the installed version and exit."),
    ] = False,
) -> None:
    """Takes the options that come before the command."""


@app.command()
def verify(as_json: Json = False) -> None:
    """Checks every invariant of credits, holds and ledger, and lists each breach. Exit status 1 if there is one.

    A constraint or an index that another tool has dropped is a breach, too; `clipferry migrate` makes it again.
    """
    with spinner("Checking the invariants"), database.connect() as db:
        breaches = verify_credits.verify(database=db)
    print_records(breaches, as_json=as_json, title="Breaches", empty="The credits are right: every invariant holds.")
    raise typer.Exit(1 if breaches else 0)


@app.command()
def explain(
    uuid: Annotated[str, typer.Argument(metavar="UUID", help="The video.")],
    as_json: Json = False,
) -> None:
    """Lists everything that happened to one video, in order. Exit status 1 if nothing is known of it.

    It shows changes of status, callbacks, queries to the provider, mirror attempts, holds and ledger entries.
    """
    with database.connect() as db:
        moments = db.run(timeline.read, uuid).all()
    empty = f"Nothing is known of {uuid}."
    print_records(moments, as_json=as_json, title=f"Video {uuid}", empty=empty, elapsed="at")
    raise typer.Exit(0 if moments else 1)


@app.command()
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list the migrations that would be applied.")] = False,
    as_json: Json = False,
) -> None:
    """Applies the migrations that the database doesn't have yet, and makes again what another tool has dropped."""
    with spinner("Migrating"):
        changes = schema.bring_up_to_date(
            database.url(), MIGRATIONS, dry_run=dry_run, connect_timeout=database.connect_timeout()
        )
    if as_json:
        print_json(list(_change_records(changes, done=not dry_run)))
        return
    _print_changes(changes, done=not dry_run)
    if changes.applied and not dry_run:
        _print_opening_balances()


def _change_records(changes: Changes, *, done: bool) -> Iterator[dict[str, Any]]:
    yield from ({"migration": name, "applied": done} for name in changes.applied)
    yield from ({"guard": name, "restored": done} for name in changes.restored)
    yield from ({"guard": name, "validated": done} for name in changes.validated)
    yield from ({"broken": rule.rule, "table": rule.table, "rows": rule.rows} for rule in changes.broken)


def _print_changes(changes: Changes, *, done: bool) -> None:
    lines = [f"{'applied' if done else 'would apply'} {name}" for name in changes.applied]
    lines += [f"{'made again' if done else 'would make again'}: {name}" for name in changes.restored]
    lines += [f"validated: {name}" for name in changes.validated]
    for line in lines or ["The database is up to date."]:
        print_line(line)
    for rule in changes.broken:
        rows = ", ".join(rule.rows)
        print_line(f"{rule.rule} is broken on {rule.table} by rows from before: {rows} (docs/migrating.md)")


def _print_opening_balances() -> None:
    with database.connect() as db:
        unexplained = db.run(verification.opening_balances, limit=100).all()
    if unexplained:
        print_line("Opening balances: credits that the ledger does not explain (docs/migrating.md)")
        print_records(unexplained, as_json=False, title="")


def main() -> None:
    """Runs the command line; an expected error is printed as a sentence, without a traceback.

    Nothing that a command takes holds control characters, and its usage errors quote what it was given.
    """
    unprintable = [argument for argument in sys.argv[1:] if has_controls(argument)]
    if unprintable:
        print_error(f"An argument holds control characters: {unprintable[0]}")
        raise SystemExit(2)
    try:
        with observability.disabled():
            app()
    except ClipferryError as error:
        print_error(sentence(error))
        raise SystemExit(1) from None
    except Exception as error:  # noqa: BLE001 - the interpreter would print a stranger's text as it is
        print_traceback(error)
        raise SystemExit(1) from None
