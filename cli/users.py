"""`clipferry users`: erases what is kept about a user."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import database
from cli.confirmation import Yes, confirm
from cli.output import Json, print_records, spinner
from cli.settings import open_dependencies
from clipferry.usecases.erase_user import erase_user

app = typer.Typer(no_args_is_help=True, help="Erases what is kept about a user.")


@app.callback()
def users() -> None:
    """Erases what is kept about a user."""


@app.command()
def erase(
    user_id: Annotated[str, typer.Argument(metavar="USER", help="The user's id.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erases a user's videos, prompts, uploads, callbacks, events and API keys at once: it can't be undone.

    The ledger stays, with ids, amounts, dates and remarks; so do e-mail, name, picture and sessions, which are the
    front end's (docs/privacy.md). Needs the functions' settings. Exit status 1 while a video of the user is in the
    making. Doing it again is harmless, and continues what a failure of the bucket has interrupted.
    """
    confirm(f"Erase all that {user_id} wrote and sent, the films included? It can't be undone.", yes)
    with open_dependencies() as dependencies, spinner("Erasing"), database.connect() as db:
        erased = erase_user(user_id, database=db, storage=dependencies.storage)
    print_records([erased], as_json=as_json, title=f"Erased {user_id}")
