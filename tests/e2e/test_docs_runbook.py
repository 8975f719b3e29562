"""Every command for operators, of README, docs/runbook.md and docs/incidents.md, that needs no AWS is run in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import need
from tests.stack_world import World, evolink_stack

ROOT = Path(__file__).parents[2]
PAGES = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("runbook.md", "incidents.md")]
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
README = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Operate it\n")[2].partition("\n## ")[0]
RUN = [block for page in (*PAGES, README) for block in BLOCK.findall(page) if not block.startswith("# needs AWS")]
SAID = {
    "vid_…": '"$UUID"',
    "users create EMAIL": "users create of-the-readme@example.com --id of-the-readme",
    "users erase USER": "users erase of-the-readme --yes",
    " USER ": ' "$USER_ID" ',
    "mirror URL KEY": 'mirror "$SOURCE_URL" videos/of-the-readme.mp4 --yes --allow-loopback',
}
"""The values that README leaves to its reader."""


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    with evolink_stack(migrated_url) as running:
        yield World.of_developer(*running)


def variables(world: World) -> dict[str, str]:
    """The videos that the pages' commands name: one that went well, one that failed and whose file is there again."""
    uuid = world.generate().data["videoUuid"]
    assert world.ends(uuid) == "COMPLETED"
    failed = world.failed_video()
    world.bring_back(failed)
    world.waits(lambda: None not in world.verdicts(uuid))
    callback = world.rows("select id from clipferry.callback_inbox where video_uuid = %(uuid)s limit 1", uuid=uuid)
    return {
        "UUID": uuid,
        "FAILED_UUID": failed,
        "CALLBACK": str(callback[0]["id"]),
        "USER_ID": "dev-user",
        "SOURCE_URL": world.video(uuid)["original_video_url"],
    }


def test_every_command_does_what_the_pages_say(world: World) -> None:
    need("openssl")
    known = variables(world)
    environment = {
        **os.environ,
        **{name: value for name, value in world.stack.environment.items() if value},
        **known,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    for block in RUN:
        for said, meant in SAID.items():
            block = block.replace(said, meant)  # noqa: PLW2901
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, (block, done.stdout, done.stderr)
    assert world.ends(known["FAILED_UUID"]) == "COMPLETED"


def test_most_of_the_pages_can_be_run() -> None:
    assert len(RUN) > 10
