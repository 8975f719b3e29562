"""What `make deploy` ends with: the smoke test, against the local stack, and against what is not Clipferry."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from clipferry.db.connection import Database
from clipferry.usecases.manage_keys import create_key
from local.postgres_server import free_port
from tests.stack_world import World
from tests.web import web

SMOKE = Path(__file__).parents[2] / "tools/smoke.py"


def smoke(url: str, key: str = "") -> tuple[int, list[str]]:
    """Exit status, and a line for each check."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_proxy")}
    done = subprocess.run(
        [sys.executable, str(SMOKE), url],
        env=environment | {"CLIPFERRY_API_KEY": key},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()


def test_every_check_passes_on_a_running_stack(world: World) -> None:
    status, lines = smoke(world.stack.url)

    assert status == 0, lines
    assert [line.split(maxsplit=1)[0] for line in lines] == ["ok", "ok", "ok"]


def test_an_api_key_gets_a_presigned_upload(world: World) -> None:
    database = Database(world.stack.database_url)
    _, key = create_key(user_id=world.user_id, name="smoke", is_admin=False, database=database)
    database.close()

    status, lines = smoke(world.stack.url + "/", key)

    assert status == 0, lines
    assert lines[-1] == "  ok      an upload with a key is presigned"


def test_an_unknown_api_key_fails_and_is_not_printed(world: World) -> None:
    status, lines = smoke(world.stack.url, "cf_nobody")

    assert status == 1
    assert "FAILED" in lines[-1]
    assert "cf_nobody" not in "".join(lines)


def test_every_check_fails_where_nobody_listens() -> None:
    status, lines = smoke(f"http://127.0.0.1:{free_port()}")

    assert status == 1
    assert all("FAILED" in line for line in lines)


def test_a_server_that_is_not_clipferry_fails() -> None:
    for body in (b"<html>hello</html>", b"[]", b'{"data": null}', b'"ok"'):
        with web(200, body) as server:
            status, lines = smoke(server.url)
        assert status == 1
        assert all("FAILED" in line for line in lines)


def test_a_server_that_asks_for_a_password_everywhere_is_not_clipferry() -> None:
    with web(401, b'{"message": "Unauthorized"}') as server:
        status, lines = smoke(server.url)

    assert status == 1
    assert all("FAILED" in line for line in lines)


def test_an_address_that_redirects_fails(world: World) -> None:
    with web(307, Location=world.stack.url + "/api/v1/health") as server:
        status, lines = smoke(server.url)

    assert status == 1
    assert all("FAILED" in line for line in lines)
