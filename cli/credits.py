"""`clipferry credits`: a user's balance and ledger, and the movements that an operator may make."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import database
from cli.confirmation import Yes, confirm
from cli.output import Json, say, show, working
from clipferry.db import ledger, users
from clipferry.errors import NotFoundError
from clipferry.usecases.move_credits import expire_credits, give_welcome, grant, take_back

app = typer.Typer(no_args_is_help=True, help="Credits: balance, history, grant, gift, refund, expire.")

OrderNo = Annotated[str, typer.Option("--order-no", help="Makes a repeat harmless: one order number, one movement.")]


@app.command()
def balance(user_id: str, as_json: Json = False) -> None:
    """Show what a user can spend, has used, and has held."""
    with database.opened() as books, books.transaction() as tx:
        user = users.enter(tx, user_id)
        found = ledger.balance(tx)
    _require(user.first(), user_id)
    show(found.all(), as_json=as_json, title=f"Balance of {user_id}")


@app.command()
def history(user_id: str, limit: int = 20, offset: int = 0, as_json: Json = False) -> None:
    """Show a user's ledger, newest first."""
    with database.opened() as books, books.transaction() as tx:
        user = users.enter(tx, user_id)
        found = ledger.history(tx, limit=limit, offset=offset, trans_type=None)
    _require(user.first(), user_id)
    show(found.all(), as_json=as_json, title=f"Ledger of {user_id}", empty="The ledger is empty.")


@app.command("grant")
def grant_(
    user_id: str,
    amount: int,
    order_no: OrderNo,
    days: Annotated[int | None, typer.Option(help="Expires after so many days.")] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Give a user credits."""
    confirm(f"Grant {amount} credits to {user_id}?", yes)
    with database.opened() as books:
        done = grant(user_id=user_id, amount=amount, order_no=order_no, database=books, expires_in_days=days)
    sentence = "Granted." if done else "This order number was granted before; nothing changed."
    say(sentence, as_json=as_json, granted=done, order_no=order_no)


@app.command()
def gift(user_id: str, amount: int = 50, yes: Yes = False, as_json: Json = False) -> None:
    """Give a new user the welcome gift, once."""
    confirm(f"Give {user_id} a welcome of {amount} credits?", yes)
    with database.opened() as books:
        done = give_welcome(user_id=user_id, amount=amount, database=books)
    say("Given." if done else "This user has had the gift; nothing changed.", as_json=as_json, given=done)


@app.command()
def refund(user_id: str, amount: int, order_no: OrderNo, yes: Yes = False, as_json: Json = False) -> None:
    """Take credits back for a refunded order: the newest first, never what is held."""
    confirm(f"Take up to {amount} credits from {user_id}?", yes)
    with database.opened() as books:
        taken = take_back(user_id=user_id, amount=amount, order_no=order_no, database=books)
    say(f"Took {taken} of {amount} credits.", as_json=as_json, taken=taken, order_no=order_no)


@app.command()
def expire(yes: Yes = False, as_json: Json = False) -> None:
    """Expire what is due now, as the daily schedule does."""
    confirm("Expire every package whose time has come?", yes)
    with working("Expiring"), database.opened() as books:
        packages = expire_credits(database=books)
    say(f"{packages} packages expired.", as_json=as_json, packages=packages)


def _require(user: object, user_id: str) -> None:
    if user is None:
        raise NotFoundError(f"no user {user_id}")
