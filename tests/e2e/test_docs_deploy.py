"""What docs/deploy.md says to do after a deployment is done, beside the local stack."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from local.sam_template.intrinsics import parse
from tests.programs import need
from tests.stack_world import World

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
OPTIONS = (ROOT / "docs/deploy-options.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_first_video_is_made_as_the_page_says(world: World) -> None:
    need("curl")
    [sql] = blocks("sql")
    world.rows(sql)
    commands = [block for block in blocks("sh") if not block.startswith("# needs ")]
    assert len(commands) == 1
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        **{name: value for name, value in world.stack.environment.items() if value},
        "API": world.stack.url,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands[0]],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert '"COMPLETED"' in done.stderr
    [video] = world.rows("select uuid, status, video_url from videos where user_id = 'first'")
    assert video["status"] == "COMPLETED"
    assert video["uuid"] in done.stdout


def test_pages_speak_of_parameters_and_targets_that_there_are() -> None:
    template = parse((ROOT / "template.yaml").read_text())
    [shown] = [tomllib.loads(block) for block in blocks("toml")]
    given = {word.partition("=")[0] for word in shown["dev"]["global"]["parameters"]["parameter_overrides"]}
    given |= set(re.findall(r"`(?:\")?([A-Z][A-Za-z]+[a-z])=", PAGE + OPTIONS))
    assert given <= set(template["Parameters"])
    assert {"ApiUrl", "DomainTarget"} <= set(template["Outputs"])
    targets = set(re.findall(r"\bmake ([a-z-]+) [A-Z]+=", PAGE + OPTIONS))
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets
    assert targets <= made
