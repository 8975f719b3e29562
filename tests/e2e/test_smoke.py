"""What `make deploy` ends with: the smoke test, against the local stack, and against what is not Clipferry."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from clipferry.db.connection import Database
from clipferry.usecases.manage_keys import create_key
from local.postgres_server import free_port
from tests.stack_world import World

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


@contextmanager
def answering(status: int, body: bytes, **headers: str) -> Iterator[str]:
    """A server that gives everything the same answer."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *args: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


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
        with answering(200, body) as url:
            status, lines = smoke(url)
        assert status == 1
        assert all("FAILED" in line for line in lines)


def test_a_server_that_asks_for_a_password_everywhere_is_not_clipferry() -> None:
    with answering(401, b'{"message": "Unauthorized"}') as url:
        status, lines = smoke(url)

    assert status == 1
    assert all("FAILED" in line for line in lines)


def test_an_address_that_redirects_fails(world: World) -> None:
    with answering(307, b"", Location=world.stack.url + "/api/v1/health") as url:
        status, lines = smoke(url)

    assert status == 1
    assert all("FAILED" in line for line in lines)
