"""`clipferry keys`: creates, lists and revokes API keys for servers and scripts."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from cli import database
from cli.arguments import NumberCommand
from cli.output import Json, print_json, print_line, print_records
from clipferry.models import MOST_CREDITS, Scope
from clipferry.usecases.manage_keys import create_key, list_keys, revoke_key

app = typer.Typer(no_args_is_help=True, help="Creates, lists and revokes API keys.")

LISTED: Final = ("id", "name", "prefix", "user_id", "last_used_at", "revoked_at", "expires_at", "scopes")


@app.command()
def create(
    user_id: Annotated[str, typer.Argument(metavar="USER", help="The id of the user whom the key belongs to.")],
    name: Annotated[str, typer.Option(help="A name that says what the key is for.")] = "key",
    admin: Annotated[bool, typer.Option("--admin", help="Allow the key of an admin to grant credits.")] = False,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it may do; again for more. All, if left out.")] = None,
    expires_in_days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Days that it works for.")] = None,
    monthly_credits: Annotated[
        int | None, typer.Option(min=1, max=MOST_CREDITS, help="Credits that it may use in a month.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Creates an API key for a user and prints it. It isn't stored, so it can't be shown again."""
    with database.connect() as db:
        record, key = create_key(
            user_id=user_id,
            name=name,
            is_admin=admin,
            scopes=scope or None,
            expires_in_days=expires_in_days,
            monthly_credits=monthly_credits,
            database=db,
        )
    if as_json:
        print_json([{"id": record.id, "key": key}])
    else:
        print_line(f"Key {record.id} for {record.user_id}. Copy it now; it can't be shown again:")
        print_line(key)


@app.command("list")
def list_(
    user_id: Annotated[str | None, typer.Argument(metavar="USER", help="List this user's keys only.")] = None,
    as_json: Json = False,
) -> None:
    """Lists API keys, of one user or of all; the keys themselves aren't shown."""
    with database.connect() as db:
        found = list_keys(database=db, user_id=user_id)
    print_records(found, as_json=as_json, title="API keys", empty="There are no keys.", priority=LISTED)


@app.command(cls=NumberCommand)
def revoke(
    key_id: Annotated[int, typer.Argument(metavar="ID", help="The key's id; `keys list` shows it.")],
    as_json: Json = False,
) -> None:
    """Revokes an API key: it is refused from the next request on."""
    with database.connect() as db:
        record = revoke_key(key_id, database=db)
    print_records([record], as_json=as_json, title="Revoked")
