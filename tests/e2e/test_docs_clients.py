"""Every program of docs/clients.md and docs/clients-webhooks.md runs, and does what the page says."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.providers.evolink import FakeEvolink
from local.stack import Stack
from tests import node_programs
from tests.callback_receiver import receiving, until
from tests.e2e.first_frame import PICTURE
from tests.programs import need
from tests.stack_world import ORDER, WEBHOOK_SECRET, World, evolink_stack

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
JOURNEYS = {"python": "order-42", "ts": "order-43", "sh": "order-44"}
"""Each language's program, and the Idempotency-Key that it sends."""


def blocks(page: str) -> list[tuple[str, str]]:
    return BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))


JOURNEY, RECEIVERS = dict(blocks("clients.md")), dict(blocks("clients-webhooks.md"))
SHOW_SECRET = blocks("clients-webhooks.md")[0][1]


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who follows the page with a key of its own."""

    world: World
    folder: Path
    environment: dict[str, str]

    def run(self, language: str, source: str) -> str:
        """Runs a program to its end; returns what it has printed."""
        if language == "ts":
            return node_programs.run(node_programs.write(self.folder, "program.ts", source), self.environment)
        command = [sys.executable, "-W", "ignore", "-c"] if language == "python" else ["bash", "-euo", "pipefail", "-c"]
        done = subprocess.run(
            [*command, source],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def started(self, language: str, source: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
        """Runs a program that doesn't end by itself."""
        if language == "ts":
            command = [str(node_programs.NODE), node_programs.write(self.folder, "receiver.ts", source).name]
        else:
            command = [sys.executable, "-c", source]
        with subprocess.Popen(
            command, cwd=self.folder, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture(scope="module")
def running(migrated_url: str) -> Iterator[tuple[Stack, FakeEvolink]]:
    with evolink_stack(migrated_url, STATUS_REFRESH_SECONDS="1", WEBHOOK_SECRET=WEBHOOK_SECRET) as running:
        yield running


@pytest.fixture
def reader(world: World, tmp_path: Path) -> Reader:
    (tmp_path / "first-frame.png").write_bytes(PICTURE)
    key = world.call("POST", "/api/v1/key", {"name": "reader"}).data["key"]
    return Reader(world, tmp_path, {"CLIPFERRY_URL": world.stack.url, "CLIPFERRY_KEY": key})


@pytest.mark.parametrize("language", JOURNEYS)
def test_the_journey_ends_with_the_film_on_disk_and_the_video_deleted(reader: Reader, language: str) -> None:
    if language == "sh":
        need("curl")
    printed = reader.run(language, JOURNEY[language])
    [video] = reader.world.rows("select * from videos where user_id = %(user_id)s", user_id=reader.world.user_id)
    [key] = reader.world.rows(
        "select key from clipferry.idempotency_keys where user_id = %(user_id)s", user_id=reader.world.user_id
    )

    assert (video["status"], video["is_deleted"], key["key"]) == ("COMPLETED", True, JOURNEYS[language])
    assert (video["duration"], video["aspect_ratio"], video["parameters"]["quality"]) == (4, "16:9", "720p")
    assert video["parameters"]["generateAudio"] is False
    assert video["start_image_url"].startswith(f"{reader.world.stack.url}/files/uploads/{reader.world.user_id}/")
    film = (reader.folder / "ferry.mp4").read_bytes()
    assert (len(film), film[4:8]) == (video["file_size"], b"ftyp")
    assert video["uuid"] in printed
    reader.world.books_are_right()


@pytest.mark.parametrize("language", ["python", "ts"])
def test_a_receiver_takes_what_we_have_signed_and_nothing_else(reader: Reader, language: str) -> None:
    secret = re.search(r'"secret":"(whsec_[^"]+)"', reader.run("sh", SHOW_SECRET))
    assert secret is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"CLIPFERRY_WEBHOOK_SECRET": secret[1], "PORT": str(port)}
    with reader.started(language, RECEIVERS[language], environment) as receiver:
        until(lambda: _answers(port))
        by_key = {"Authorization": f"Bearer {reader.environment['CLIPFERRY_KEY']}"}
        order = {**ORDER, "webhookUrl": f"http://127.0.0.1:{port}/"}
        uuid = reader.world.call("POST", "/api/v1/video/generate", order, **by_key).data["videoUuid"]
        assert receiver.stdout is not None
        assert receiver.stdout.readline() == f"video.completed {uuid}\n"
        assert (
            _post(port, b"{}", {"webhook-id": "evt_1", "webhook-timestamp": "1", "webhook-signature": "v1,AA=="}) == 401
        )


def test_the_signature_by_hand_is_ours(reader: Reader) -> None:
    need("openssl")
    secret = reader.world.call("GET", "/api/v1/webhook/secret").data["secret"]
    by_key = {"Authorization": f"Bearer {reader.environment['CLIPFERRY_KEY']}"}
    with receiving() as receiver:
        reader.world.call("POST", "/api/v1/video/generate", {**ORDER, "webhookUrl": receiver.url}, **by_key)
        until(lambda: receiver.requests)
    [request] = receiver.requests
    reader.environment.update(
        CLIPFERRY_WEBHOOK_SECRET=secret,
        WEBHOOK_ID=request.headers["webhook-id"],
        WEBHOOK_TIMESTAMP=request.headers["webhook-timestamp"],
        BODY=(request.body or b"").decode(),
    )

    assert f"v1,{reader.run('sh', RECEIVERS['sh']).strip()}" in request.headers["webhook-signature"].split()


def test_the_typescript_of_the_page_is_well_typed(tmp_path: Path) -> None:
    node_programs.check_types(
        node_programs.write(tmp_path, "journey.ts", JOURNEY["ts"]),
        node_programs.write(tmp_path, "receiver.ts", RECEIVERS["ts"]),
    )


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _post(port: int, body: bytes, headers: dict[str, str]) -> int:
    from http.client import HTTPConnection

    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status
