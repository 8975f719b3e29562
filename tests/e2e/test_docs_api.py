"""Every line of docs/api.md and its pages is run in their order, and answers what they show."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clipferry import errors
from clipferry.errors import ClipferryError
from local.sam_template.read import read_template
from tests.programs import need
from tests.stack_world import WEBHOOK_SECRET, World, evolink_stack

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("api-videos.md", "api-files.md", "api-cancel.md", "api-account.md", "api-keys.md", "api-sdk.md")
PAGE = (DOCS / "api.md").read_text(encoding="utf-8")
ROUTES = "".join((DOCS / name).read_text(encoding="utf-8") for name in PAGES)
ENTRY = re.compile(r"^## `(?P<route>\w+ \S+)` · (?P<status>\d{3})\n(?P<text>.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
VARIES = {"id", "fileSize", "generationTime", "holdId", "created_at", "completed_at", "total"} | {
    "usedCredits",
    "availableCredits",
    "balanceAfter",
    "nextCursor",
}
"""Numbers that depend on the moment, or on what came before."""
MAY_BE_NULL = {"thumbnailUrl"}
"""There is none where this machine can't make pictures."""
WITH_KIE = {"answer.data[0].qualities", "answer.data[0].modes[0].promptLength.max"}
"""What `make dev` offers in KIE's name, too, who isn't in this stack."""
EACH_TIME_ANEW = re.compile(
    r"(?<=http://127\.0\.0\.1:)\d+|(?<=vid_)[\w-]{21}|(?<=task-unified-)\d+-\w+|(?<=/dev-user/)[\w-]{21}"
    r"|\d{4}-\d\d-\d\dT[\d:.]+(?=Z)|(?<=TXN)\w+|(?<=whsec_)[\w+/=]+|(?<=cf_)[\w-]+|(?<=\?)X-Amz-Algorithm=.*"
)
"""The parts of a text that no two answers have in common."""
STATUS = "curl() { command curl --write-out '\\n%{http_code}' \"$@\"; }\n"


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the page, and the answer that it shows, if any."""

    route: str
    status: int
    command: str
    shown: Any


@dataclass(slots=True)
class Reader:
    """Somebody who follows the pages; `known` are the variables that it speaks of."""

    world: World
    folder: Path
    known: dict[str, str]

    def run(self, step: Step) -> Any:
        finished = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", STATUS + step.command],
            env={**os.environ, **self.known},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        body, _, status = finished.stdout.rpartition("\n")
        assert (finished.returncode, int(status)) == (0, step.status), (step.command, finished)
        return json.loads(body) if body.strip() else None

    def remember(self, answer: Any) -> None:
        data = answer.get("data", {}) if isinstance(answer, dict) else {}
        if isinstance(answer, dict) and answer.get("object") == "video":
            self.known["UUID"] = answer["id"]
            assert self.world.ends(answer["id"]) == "COMPLETED"
        if "videoUuid" in data:
            self.known["UUID"] = data["videoUuid"]
            assert self.world.ends(data["videoUuid"]) == "COMPLETED"
            self.known["CALLBACK_URL"] = self.world.callback_url(data["videoUuid"])
        if "key" in data and "prefix" in data:
            self.known["KEY_ID"] = str(data["id"])
        if "uploadUrl" in data:
            self.known["UPLOAD_URL"] = data["uploadUrl"]


def steps() -> Iterator[Step]:
    for entry in ENTRY.finditer(ROUTES):
        yield from steps_of(entry["text"], route=entry["route"], status=int(entry["status"]))
    yield from steps_of(PAGE.partition("\n## Errors\n")[2], route="an error", status=400)


def steps_of(text: str, *, route: str, status: int) -> Iterator[Step]:
    blocks = [(block["language"], block["content"]) for block in BLOCK.finditer(text)]
    for number, (language, content) in enumerate(blocks):
        if language == "sh":
            following = blocks[number + 1 : number + 2]
            shown = json.loads(following[0][1]) if following and following[0][0] == "json" else None
            yield Step(route, status, content, shown)


def assert_alike(shown: Any, real: Any, place: str = "answer") -> None:
    """The same fields, types and values, but for what differs each time; a list may be shown in part."""
    name = place.rpartition(".")[2]
    if name in MAY_BE_NULL and real is None:
        return
    assert type(shown) is type(real), f"{place}: {real!r}"
    if isinstance(shown, dict):
        assert list(shown) == list(real), place
        for field, value in shown.items():
            assert_alike(value, real[field], f"{place}.{field}")
    elif isinstance(shown, list) and any(isinstance(item, dict) for item in shown):
        for one, other in zip(shown[:1], real[:1], strict=True):  # the page shows one of each list
            assert_alike(one, other, f"{place}[0]")
    elif isinstance(shown, list):
        assert shown == [item for item in real if item in shown] or place in WITH_KIE, f"{place}: {real!r}"
    elif name in VARIES and str(real).isdigit():
        assert str(shown).isdigit(), f"{place}: {real!r}"
    elif isinstance(shown, str):
        assert EACH_TIME_ANEW.sub("…", shown) == EACH_TIME_ANEW.sub("…", real), f"{place}: {real!r}"
    else:
        assert shown == real or place in WITH_KIE, f"{place}: {real!r}"


def test_a_sample_that_is_out_of_date_is_found() -> None:
    real = {"videoUuid": f"vid_{'a' * 21}", "creditsUsed": 15, "id": 7, "durations": [4, 5, 6], "videoUrl": None}
    assert_alike({**real, "videoUuid": f"vid_{'b' * 21}", "id": 1, "durations": [4, 6]}, real)

    for stale in ({"creditsUsed": 30}, {"videoUuid": "video_1"}, {"durations": [4, 7]}, {"videoUrl": "x"}, {"new": 1}):
        with pytest.raises(AssertionError):
            assert_alike({**real, **stale}, real)


@pytest.fixture
def reader(migrated_url: str, tmp_path: Path) -> Iterator[Reader]:
    need("curl")
    (tmp_path / "first-frame.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with evolink_stack(migrated_url, WEBHOOK_SECRET=WEBHOOK_SECRET) as (stack, evolink):
        world = World.of_developer(stack, evolink)
        yield Reader(world, tmp_path, {"API": f"{stack.url}/api/v1", "V1": f"{stack.url}/v1", "TOKEN": world.token})


def test_every_command_of_the_page_answers_what_the_page_shows(reader: Reader) -> None:
    for step in steps():
        if step.route.endswith("/retry"):
            reader.known["UUID"] = failed = reader.world.failed_video()
            reader.world.bring_back(failed)
        if step.route.endswith("/cancel"):
            reader.known["UUID"] = reader.world.cancelled_video()
        answer = reader.run(step)
        reader.remember(answer)
        if step.shown is not None:
            assert_alike(step.shown, answer)


def test_every_route_has_its_commands_and_is_in_the_index() -> None:
    routes = {route.key for route in read_template().routes if route.method != "HEAD"} - {"$default"}

    assert {entry["route"] for entry in ENTRY.finditer(ROUTES)} == routes
    assert set(re.findall(r"^\| \[`(\w+ \S+)`\]", PAGE, re.MULTILINE)) == routes


def test_the_page_begins_with_the_address_and_the_token_of_make_dev() -> None:
    first = BLOCK.search(PAGE)

    assert first is not None
    assert first["content"] == "API=http://127.0.0.1:8787/api/v1\nTOKEN=dev-session-token\n"


def test_every_code_that_a_caller_may_meet_is_in_the_table() -> None:
    public = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, ClipferryError)]
    named = {
        f"{status} {code}"
        for status, cell in re.findall(r"^\| (\d{3}) \| ([^|]+) \|", PAGE, re.MULTILINE)
        for code in re.findall(r"`([A-Z_]+)`", cell)
    }
    internal = {
        "503 QUEUE_UNAVAILABLE",
        "502 SOURCE_GONE",
        "502 SOURCE_INVALID",
        "502 NOT_A_VIDEO",
        "502 NETWORK_ERROR",
    }
    assert named == {f"{error.status} {error.code}" for error in public} - internal
