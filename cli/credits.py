"""`clipferry credits`: a user's balance and ledger, and the movements that an operator may make."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import database
from cli.output import Json, console, show
from clipferry.db import credits as books_of_credits
from clipferry.errors import NotFoundError
from clipferry.usecases.move_credits import expire_credits, give_welcome, grant, take_back

app = typer.Typer(no_args_is_help=True, help="Credits: balance, history, grant, gift, refund, expire.")

OrderNo = Annotated[str, typer.Option("--order-no", help="Makes a repeat harmless: one order number, one movement.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask.")]


@app.command()
def balance(user_id: str, as_json: Json = False) -> None:
    """Show what a user can spend, has used, and has held."""
    with database.opened() as books, books.transaction() as tx:
        user = books_of_credits.enter_user(tx, user_id)
        found = books_of_credits.balance(tx)
    _require(user.first(), user_id)
    show(found.all(), as_json=as_json, title=f"Balance of {user_id}")


@app.command()
def history(user_id: str, limit: int = 20, offset: int = 0, as_json: Json = False) -> None:
    """Show a user's ledger, newest first."""
    with database.opened() as books, books.transaction() as tx:
        user = books_of_credits.enter_user(tx, user_id)
        found = books_of_credits.history(tx, limit=limit, offset=offset, trans_type=None)
    _require(user.first(), user_id)
    show(found.all(), as_json=as_json, title=f"Ledger of {user_id}", empty="The ledger is empty.")


@app.command("grant")
def grant_(
    user_id: str,
    amount: int,
    order_no: OrderNo,
    days: Annotated[int | None, typer.Option(help="Expires after so many days.")] = None,
    yes: Yes = False,
) -> None:
    """Give a user credits."""
    _confirm(f"Grant {amount} credits to {user_id}?", yes)
    with database.opened() as books:
        done = grant(user_id=user_id, amount=amount, order_no=order_no, database=books, expires_in_days=days)
    console.print("Granted." if done else "This order number was granted before; nothing changed.")


@app.command()
def gift(user_id: str, amount: int = 50, yes: Yes = False) -> None:
    """Give a new user the welcome gift, once."""
    _confirm(f"Give {user_id} a welcome of {amount} credits?", yes)
    with database.opened() as books:
        done = give_welcome(user_id=user_id, amount=amount, database=books)
    console.print("Given." if done else "This user has had the gift; nothing changed.")


@app.command()
def refund(user_id: str, amount: int, order_no: OrderNo, yes: Yes = False) -> None:
    """Take credits back for a refunded order: the newest first, never what is held."""
    _confirm(f"Take up to {amount} credits from {user_id}?", yes)
    with database.opened() as books:
        taken = take_back(user_id=user_id, amount=amount, order_no=order_no, database=books)
    console.print(f"Took {taken} of {amount} credits.")


@app.command()
def expire() -> None:
    """Expire what is due now, as the daily schedule does."""
    with database.opened() as books:
        packages = expire_credits(database=books)
    console.print(f"{packages} packages expired.")


def _require(user: object, user_id: str) -> None:
    if user is None:
        raise NotFoundError(f"no user {user_id}")


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True)
