"""`clipferry keys`: API keys for servers and scripts."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import database
from cli.output import Json, console, show
from clipferry.usecases.manage_keys import create_key, list_keys, revoke_key

app = typer.Typer(no_args_is_help=True, help="API keys: create, list, revoke.")


@app.command()
def create(
    user_id: str,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "key",
    admin: Annotated[bool, typer.Option("--admin", help="May grant credits.")] = False,
    as_json: Json = False,
) -> None:
    """Make a key for a user. It is shown once and can't be read again."""
    with database.opened() as books:
        record, key = create_key(user_id=user_id, name=name, is_admin=admin, database=books)
    if as_json:
        show([{"id": record.id, "key": key}], as_json=True, title="")
    else:
        console.print(f"Key {record.id} for {record.user_id}. Keep it now, it isn't stored:")
        typer.echo(key)


@app.command("list")
def list_(user_id: Annotated[str | None, typer.Argument()] = None, as_json: Json = False) -> None:
    """List a user's keys, or everybody's."""
    with database.opened() as books:
        found = list_keys(database=books, user_id=user_id)
    show(found, as_json=as_json, title="API keys", empty="There are no keys.")


@app.command()
def revoke(key_id: int, as_json: Json = False) -> None:
    """Revoke a key: it is refused from the next request on."""
    with database.opened() as books:
        record = revoke_key(key_id, database=books)
    show([record], as_json=as_json, title="Revoked")
