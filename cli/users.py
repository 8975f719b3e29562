"""`clipferry users`: creates a user where no front end does, and erases what is kept about one."""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict
from typing import Annotated

import typer

from cli import database
from cli.confirmation import Yes, confirm
from cli.output import Json, print_json, print_line, print_records, spinner, stop
from cli.settings import open_dependencies
from clipferry.db import users
from clipferry.errors import ClipferryError
from clipferry.usecases.erase_user import erase_user


class UserTakenError(ClipferryError):
    """Another user has this e-mail address or id."""

    code = "USER_TAKEN"


app = typer.Typer(no_args_is_help=True, help="Creates users, and erases what is kept about one.")


@app.command()
def create(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The user's address; nobody else may have it.")],
    user_id: Annotated[str, typer.Option("--id", metavar="USER", help="The user's id; without it a new one.")] = "",
    name: Annotated[str, typer.Option(help="The user's name; without it the beginning of the address.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="Let the user grant credits.")] = False,
    as_json: Json = False,
) -> None:
    """Creates a user who has no credits yet and can't sign in: for a product without a front end, by API keys alone.

    `clipferry credits grant` and `clipferry keys create` give it both.
    """
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        stop(f"{email} is no e-mail address.")
    wanted = user_id or f"user_{secrets.token_hex(12)}"
    with database.connect() as db:
        user = db.run(
            users.create, id=wanted, email=email, name=name or email.partition("@")[0], is_admin=admin
        ).first()
    if user is None:
        raise UserTakenError(f"{email}, {wanted}")
    if as_json:
        print_json([asdict(user)])
    else:
        print_line(f"Created {user.id}. Next: clipferry credits grant {user.id} 100 --order-no first-credits")
        print_line(f"                     clipferry keys create {user.id}")


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
