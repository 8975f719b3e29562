"""`clipferry mirror`: copies one file into the bucket, after a yes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.r2.server import FakeR2
from tests import command_line
from tests.command_line import Clipferry
from tests.integration.mirror_fixtures import KEY, Behaviour, FilmServer, film, serving, sha256
from tests.integration.operator_fakes import bucket_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source() -> Iterator[FilmServer]:
    with serving(Behaviour(film(300_000))) as server:
        yield server


@pytest.fixture
def clipferry(r2: FakeR2, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clipferry:
    """The command line on the bucket, without a database."""
    for name, value in (bucket_settings(r2) | {"SECRETS_ARN": ""}).items():
        monkeypatch.setenv(name, value)
    return command_line.runner("postgresql://127.0.0.1:1/none", monkeypatch, capsys)


def test_the_file_is_in_the_bucket_and_the_result_is_json(clipferry: Clipferry, source: FilmServer, r2: FakeR2) -> None:
    ended = clipferry("mirror", source.url, KEY, "--allow-loopback", "--yes", "--json")

    assert ended.status == 0
    assert (ended.json["url"], ended.json["size"]) == (f"https://cdn.example.com/{KEY}", 300_000)
    assert ended.json["sha256"] == sha256(source.behaviour.content)
    assert r2.bucket.objects[KEY].content == source.behaviour.content


def test_it_asks_first_and_says_what_it_would_replace(clipferry: Clipferry, source: FilmServer, r2: FakeR2) -> None:
    mirror = ("mirror", source.url, KEY, "--allow-loopback")
    assert clipferry(*mirror).status == 2
    assert clipferry(*mirror, answer="n\n").status == 1
    assert r2.bucket.objects == {}
    ended = clipferry(*mirror, answer="y\n")
    assert ended.status == 0
    assert ended.out.splitlines()[0] == f"https://cdn.example.com/{KEY}"
    assert "300000 bytes" in ended.out
    again = clipferry(*mirror, answer="n\n")
    assert "replacing the 300000 bytes that are there" in again.err


def test_progress_goes_to_standard_error_and_the_result_to_standard_output(source: FilmServer, r2: FakeR2) -> None:
    """Standard error is a terminal here, and standard output a pipe."""
    environment = os.environ | bucket_settings(r2) | {"SECRETS_ARN": "", "TERM": "xterm"}
    source.behaviour.rate = 400_000
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-m", "cli", "mirror", source.url, KEY, "--allow-loopback", "--yes", "--json"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=other_end) as running:
        os.close(other_end)
        shown = read_all(terminal)
        assert running.stdout is not None
        printed = running.stdout.read()

    assert running.returncode == 0
    assert json.loads(printed)["size"] == 300_000
    assert KEY.encode() in shown
    assert b"/s" in shown


def read_all(terminal: int) -> bytes:
    """Reads a terminal until its last writer closes it, which is an error on Linux and an empty read elsewhere."""
    content = b""
    try:
        while piece := os.read(terminal, 65_536):
            content += piece
    except OSError:
        pass
    finally:
        os.close(terminal)
    return content


def test_a_source_that_is_gone_is_reported_in_a_sentence(clipferry: Clipferry, source: FilmServer) -> None:
    source.behaviour.fault, source.behaviour.times = "404", 100
    ended = clipferry("mirror", source.url, KEY, "--allow-loopback", "--yes")

    assert ended.status == 1
    assert "no longer where the provider put it" in ended.err


def test_plain_http_and_loopback_are_refused_unless_they_are_allowed(
    clipferry: Clipferry, source: FilmServer, r2: FakeR2
) -> None:
    ended = clipferry("mirror", source.url, KEY, "--yes")

    assert ended.status == 2  # the bucket's endpoint in this test isn't https either
    assert r2.bucket.objects == {}


def test_without_a_bucket_it_exits_with_2_and_names_the_variable(
    clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STORAGE_BUCKET")
    ended = clipferry("mirror", "https://example.com/film.mp4", KEY)

    assert ended.status == 2
    assert "STORAGE_BUCKET" in ended.err
