"""`clipferry` beside a running `make dev`: it finds it, says so, prints its settings and follows its log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clipferry.settings import Settings
from local.state import kept_state
from tests.command_line import Clipferry

ROOT = Path(__file__).parents[2]
Begin = Callable[..., Path]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, clipferry: Clipferry) -> Iterator[Begin]:
    """Announces a stack as `make dev` does, and returns its log; the shell names no stack."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    os.environ["CLIPFERRY_LOCAL"] = str(tmp_path)
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)
    with ExitStack() as scope:

        def begin(port: str = "8787", **environment: str) -> Path:
            state = scope.enter_context(kept_state(port))
            values = {"DATABASE_URL": database_url, "STAGE": "local", "SECRETS_ARN": "", **environment}
            url = f"http://127.0.0.1:{port}"
            state.announce({"url": url, "token": "t", "log": str(state.log), "environment": values})
            return state.log

        yield begin


def write(log: Path, *lines: dict[str, Any], ago: timedelta = timedelta()) -> None:
    with log.open("a") as opened:
        for line in lines:
            opened.write(json.dumps({"timestamp": (datetime.now(UTC) - ago).isoformat(), **line}) + "\n")


def test_a_command_acts_on_the_stack_that_runs_and_says_so(clipferry: Clipferry, begin: Begin) -> None:
    begin()
    ended = clipferry("videos", "list", "--json")

    assert (ended.status, ended.json) == (0, [])
    assert ended.err == "On the local stack at http://127.0.0.1:8787.\n"


def test_a_database_that_the_shell_names_comes_first(clipferry: Clipferry, begin: Begin, database_url: str) -> None:
    begin(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    os.environ["DATABASE_URL"] = database_url

    assert clipferry("videos", "list", "--json").err == ""


def test_one_that_was_killed_is_not_found_not_even_while_its_successor_begins(
    clipferry: Clipferry, begin: Begin, tmp_path: Path
) -> None:
    (tmp_path / "8787").mkdir()
    (tmp_path / "8787" / "lock").touch()
    facts = {"url": "http://127.0.0.1:8787", "token": "t", "log": "log", "environment": {}}
    (tmp_path / "8787" / "stack.json").write_text(json.dumps(facts))
    ended = clipferry("videos", "list")

    assert ended.status == 2
    assert "make dev" in ended.err
    with kept_state("8787"):
        assert "127.0.0.1:8787" not in clipferry("videos", "list").err


def test_of_several_one_is_chosen_by_its_port(clipferry: Clipferry, begin: Begin) -> None:
    begin()
    begin("8788", STORAGE_BUCKET="second")

    listed = clipferry("videos", "list")
    assert listed.status == 2
    assert "8787, 8788" in listed.err
    assert clipferry("env", "local").status == 2
    assert "export STORAGE_BUCKET=second" in clipferry("env", "local", "--port", "8788").out
    assert clipferry("env", "local", "--port", "8789").status == 2


def test_env_local_is_for_a_shell_and_for_sam(clipferry: Clipferry, begin: Begin, database_url: str) -> None:
    begin(ALLOWED_ORIGINS="it's $HOME")
    shown = subprocess.run(
        ["bash", "-euc", clipferry("env", "local").out + "\nenv -0"],
        env={"STORAGE_BUCKET": "another's"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    values = dict(pair.split("=", 1) for pair in shown.split("\0") if pair)

    assert (values["DATABASE_URL"], values["ALLOWED_ORIGINS"]) == (database_url, "it's $HOME")
    assert "STORAGE_BUCKET" not in values
    assert clipferry("env", "local", "--sam").json["Parameters"]["DATABASE_URL"] == database_url


def test_a_catalogue_of_ones_own_is_not_promised_to_a_container(clipferry: Clipferry, begin: Begin) -> None:
    begin(MODELS_FILE="my-models.toml")
    ended = clipferry("env", "local", "--sam")

    assert ended.json["Parameters"]["MODELS_FILE"] == ""
    assert "built-in catalogue" in ended.err


def test_logs_are_read_from_its_file_and_filtered(clipferry: Clipferry, begin: Begin) -> None:
    log = begin()
    line = {"level": "INFO", "message": "video created", "function_name": "CreateVideoFunction", "video_uuid": "vid_1"}
    write(log, {**line, "message": "of yesterday"}, ago=timedelta(days=1))
    write(log, line, {**line, "function_name": "MirrorVideoFunction", "message": "video completed"})
    write(log, {**line, "video_uuid": "vid_2"})

    words = [text.split(" ", 1)[1] for text in clipferry("logs", "--video", "vid_1").out.splitlines()]
    assert words == [
        "create_video INFO video created video_uuid=vid_1",
        "mirror_video INFO video completed video_uuid=vid_1",
    ]
    assert len(clipferry("logs", "mirror_video", "--json").out.splitlines()) == 1
    assert clipferry("logs", "--word", "ERROR").status == 1


FOREGROUND = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in what it runs in the background
runpy.run_module("cli", run_name="__main__")
"""


def test_logs_go_on_when_the_stack_starts_again(begin: Begin) -> None:
    log = begin()
    write(log, {"message": "first", "function_name": "stack"})
    command = [sys.executable, "-u", "-c", FOREGROUND, "logs", "-f", "--json"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["message"] == "first"
        write(log, {"message": "second", "function_name": "stack"})
        assert json.loads(following.stdout.readline())["message"] == "second"
        log.write_text("")
        write(log, {"message": "3", "function_name": "stack"})
        assert json.loads(following.stdout.readline())["message"] == "3"
        following.send_signal(signal.SIGINT)
        assert following.wait() == 0
