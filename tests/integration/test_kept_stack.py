"""What `make dev` made is there the next time, and nothing else: no process, no folder, however it ended."""

from __future__ import annotations

import signal
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from cli import local_stack
from local.postgres_server import free_port
from tests.kept_stack import KeptStack, waits

ORDER = {"prompt": "A ferry that stays", "model": "seedance-2.0", "duration": 5}


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


def seen(stack: KeptStack) -> tuple[list[str], bytes, int]:
    """Returns the videos, the newest one's bytes and the balance."""
    videos = stack.ask("GET", "/api/v1/video/list").data["videos"]
    with urllib.request.urlopen(videos[0]["videoUrl"], timeout=30) as response:
        content = response.read()
    return (
        [video["uuid"] for video in videos],
        content,
        stack.ask("GET", "/api/v1/credit/balance").data["availableCredits"],
    )


@pytest.fixture
def places() -> Iterator[dict[str, str]]:
    """Folders for the stack's state and for its temporary files.

    They aren't pytest's, which only their owner may enter: root's PostgreSQL is another user's.
    """
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "tmp").mkdir()
        yield {"CLIPFERRY_LOCAL": f"{folder}/state", "TMPDIR": f"{folder}/tmp"}


@pytest.fixture
def start(places: dict[str, str]) -> Iterator[Callable[..., KeptStack]]:
    """Starts a stack, which ends with the test at the latest."""
    started: list[KeptStack] = []

    def start(port: int, **environment: str) -> KeptStack:
        started.append(KeptStack.start(port, {**places, **environment}))
        return started[-1]

    yield start
    for stack in started:
        stack.process.kill()
        stack.ended()
    for left in Path(places["CLIPFERRY_LOCAL"]).glob("*/postgres/data/postmaster.pid"):
        with suppress(psutil.NoSuchProcess, FileNotFoundError):
            psutil.Process(int(left.read_text().split()[0])).kill()


def test_it_stays_whether_it_was_stopped_hung_up_or_killed(
    places: dict[str, str], start: Callable[..., KeptStack], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIPFERRY_LOCAL", places["CLIPFERRY_LOCAL"])
    port = free_port()
    stack = start(port)
    state = Path(places["CLIPFERRY_LOCAL"]) / str(port)
    uuid = stack.ask("POST", "/api/v1/video/generate", ORDER).data["videoUuid"]
    waits(lambda: stack.ask("GET", f"/api/v1/video/{uuid}/status").data["status"] == "COMPLETED")
    before, processes = seen(stack), stack.processes(state)
    assert before[0] == [uuid]
    (found,) = local_stack.running()
    assert (found.url, found.environment["STAGE"]) == (f"http://127.0.0.1:{port}", "local")
    stack.shows(f"/api/v1/video/{uuid}/status")
    assert "/api/v1/video/generate \x1b[32m202\x1b[0m" in stack.said
    assert stack.said.count(f" video completed {uuid}") == 1
    assert '"_aws"' not in stack.said

    stack.hang_up()
    assert stack.ended() == 0
    assert all_gone(processes)
    assert local_stack.running() == []

    stack = start(port)
    assert seen(stack) == before
    processes = stack.processes(state)
    guardian = next(each for each in processes if "local.postgres_server" in each.cmdline())
    guardian.kill()
    waits(lambda: all_gone([guardian]))
    stack.process.kill()
    stack.ended()
    assert not all_gone(processes), "PostgreSQL runs on, and nobody is there to end it"

    stack = start(port)
    assert all_gone(processes)
    assert seen(stack) == before
    processes = stack.processes(state)
    unfinished = stack.ask("POST", "/api/v1/video/generate", ORDER).data["videoUuid"]
    stack.process.kill()
    stack.ended()
    waits(lambda: all_gone(processes))

    stack = start(port)
    waits(lambda: stack.ask("GET", f"/api/v1/video/{unfinished}/status").data["status"] == "COMPLETED")
    stack.process.terminate()
    assert stack.ended() == 0

    stack = start(port, RESET="1")
    assert stack.ask("GET", "/api/v1/video/list").data["videos"] == []
    assert list((state / "bucket/objects").iterdir()) == []
    processes = stack.processes(state)
    stack.process.send_signal(signal.SIGINT)
    assert stack.ended() == 0
    assert "Clipferry has stopped." in stack.said
    assert "Traceback" not in stack.said
    assert all_gone(processes)
    assert list(Path(places["TMPDIR"]).iterdir()) == []
