"""A function in its container beside a running `make dev`, by the line that events/README.md gives."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from local.postgres_server import free_port
from tests.kept_stack import KeptStack, waits
from tests.sam.sam_cli import ARCHITECTURE, ROOT, sam_environment

SETTINGS = ROOT / ".local/env.json"
LINE = "make invoke FUNCTION=CreateVideoFunction EVENT=events/create_video.json ENV=.local/env.json"


@pytest.fixture
def state() -> Iterator[str]:
    """The stack's folder; PostgreSQL's user may enter it, too."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield f"{folder}/state"


@pytest.mark.parametrize("page", ["events/README.md", "docs/local-stack.md"])
def test_the_page_gives_the_line(page: str) -> None:
    assert re.search(rf"^ *{re.escape(LINE)}$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)


def test_a_video_ordered_in_a_container_is_finished_by_the_running_stack(built: Path, state: str) -> None:
    stack = KeptStack.start(free_port(), {"CLIPFERRY_LOCAL": state})
    try:
        options = f"--template {built / 'template.yaml'} --parameter-overrides Architecture={ARCHITECTURE}"
        done = subprocess.run(
            [*LINE.split(), "SAM=:", f"ARGS={options}"],  # built it is already, elsewhere
            cwd=ROOT,
            env=sam_environment() | {"CLIPFERRY_LOCAL": state},
            capture_output=True,
            text=True,
            check=True,
        )
        answer = json.loads(done.stdout.splitlines()[-1])
        assert answer["statusCode"] == 202, answer
        uuid = json.loads(answer["body"])["data"]["videoUuid"]

        waits(lambda: stack.ask("GET", f"/api/v1/video/{uuid}/status").data["status"] == "COMPLETED")
        assert stat.S_IMODE(SETTINGS.stat().st_mode) == 0o600, "a key of your own may be in it"
    finally:
        stack.process.terminate()
        assert stack.ended() == 0
