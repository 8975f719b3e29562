"""`clipferry credits`: shows a user's balance and ledger, and books what an operator may book."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from cli import database
from cli.arguments import NumberCommand
from cli.confirmation import Yes, confirm
from cli.output import Json, print_records, print_result, spinner
from clipferry.db import ledger, users
from clipferry.errors import NotFoundError
from clipferry.usecases.move_credits import expire_credits, give_welcome, grant, take_back

app = typer.Typer(no_args_is_help=True, help="Shows, grants, takes back and expires credits.")

LEDGER: Final = ("created_at", "trans_type", "credits", "balance_after", "video_uuid", "order_no", "remark", "id")

UserId = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]
Amount = Annotated[int, typer.Argument(metavar="AMOUNT", min=1, help="Credits.")]
OrderNo = Annotated[
    str,
    typer.Option("--order-no", help="A reference of your choice. A command that is repeated with it books nothing."),
]


@app.command()
def balance(user_id: UserId, as_json: Json = False) -> None:
    """Shows how many credits a user can spend, has spent, and has on hold."""
    with database.connect() as db, db.transaction() as tx:
        user = users.set_current(tx, user_id)
        found = ledger.balance(tx)
    _require(user.first(), user_id)
    print_records(found.all(), as_json=as_json, title=f"Balance of {user_id}")


@app.command()
def history(
    user_id: UserId,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The largest number of entries to list.")] = 20,
    offset: Annotated[int, typer.Option(min=0, max=10**9, help="The number of newest entries to skip.")] = 0,
    as_json: Json = False,
) -> None:
    """Lists a user's ledger entries, newest first."""
    with database.connect() as db, db.transaction() as tx:
        user = users.set_current(tx, user_id)
        found = ledger.history(tx, limit=limit, offset=offset, trans_type=None)
    _require(user.first(), user_id)
    print_records(
        found.all(), as_json=as_json, title=f"Ledger of {user_id}", empty="The ledger is empty.", priority=LEDGER
    )


@app.command("grant", cls=NumberCommand)
def grant_(
    user_id: UserId,
    amount: Amount,
    order_no: OrderNo,
    days: Annotated[int | None, typer.Option(help="Days until the credits expire; without it they never do.")] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Grants credits to a user."""
    confirm(f"Grant {amount} credits to {user_id}?", yes)
    with database.connect() as db:
        done = grant(
            user_id=user_id,
            amount=amount,
            order_no=order_no,
            database=db,
            expires_in_days=days,
            granted_by="an operator",
        )
    sentence = "Granted." if done else "This order number was booked before; nothing changed."
    print_result(sentence, as_json=as_json, granted=done, order_no=order_no)


@app.command()
def gift(
    user_id: UserId,
    amount: Annotated[int, typer.Option(help="Credits.")] = 50,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Gives a user the welcome gift, once."""
    confirm(f"Give {user_id} the welcome gift of {amount} credits?", yes)
    with database.connect() as db:
        done = give_welcome(user_id=user_id, amount=amount, database=db)
    print_result(
        "Given." if done else "This user has had the welcome gift; nothing changed.", as_json=as_json, given=done
    )


@app.command(cls=NumberCommand)
def refund(user_id: UserId, amount: Amount, order_no: OrderNo, yes: Yes = False, as_json: Json = False) -> None:
    """Takes back credits for a refunded order: the newest first, and never those on hold."""
    confirm(f"Take up to {amount} credits from {user_id}?", yes)
    with database.connect() as db:
        taken = take_back(user_id=user_id, amount=amount, order_no=order_no, database=db)
    print_result(f"Took {taken} of {amount} credits.", as_json=as_json, taken=taken, order_no=order_no)


@app.command()
def expire(yes: Yes = False, as_json: Json = False) -> None:
    """Expires the credit packages that are due, as the daily schedule does."""
    confirm("Expire every credit package that is due?", yes)
    with spinner("Expiring"), database.connect() as db:
        packages = expire_credits(database=db)
    print_result(f"{packages} packages expired.", as_json=as_json, packages=packages)


def _require(user: object, user_id: str) -> None:
    if user is None:
        raise NotFoundError(f"no user {user_id}")
