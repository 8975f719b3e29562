"""SnapStart, played: a function is imported and used, a snapshot is taken, and more than one wakes up from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from local.sam_template.read import read_template
from tests.http_api import environment
from tests.secrets_manager import FakeSecretsManager, secrets_manager

ROOT = Path(__file__).parents[2]
HOOKS = """
before, after = [], []
def register_before_snapshot(function, *args, **kwargs):
    before.append((function, args, kwargs))
    return function
def register_after_restore(function, *args, **kwargs):
    after.append((function, args, kwargs))
    return function
def run(registered):
    for function, args, kwargs in registered:
        function(*args, **kwargs)
"""
ASK = """
import gc, json, os, random, socket, sys
import snapshot_restore_py as hooks
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.connect") else None)
from functions.query_videos import app
from local.lambda_runtime.events import http_event
from local.lambda_runtime.lambda_context import LambdaContext

def ask():
    event = http_event("GET", "/api/v1/health", route_key="GET /api/v1/health", query="", headers={}, body=b"")
    answer = app.lambda_handler(event, LambdaContext(function_name="query_videos", timeout_seconds=29))
    return answer["statusCode"]

def remembered():
    marker = os.environ["MARKER"]
    return sum(
        1 for thing in gc.get_objects() for part in gc.get_referents(thing)
        if isinstance(part, (str, bytes)) and marker in (part if isinstance(part, str) else part.decode("latin1"))
        and part is not marker and thing is not os.environ._data
    )

def connections():
    import psycopg
    return sum(1 for t in gc.get_objects() if isinstance(t, psycopg.Connection) and not t.closed)
"""


def run(tmp_path: Path, script: str, environ: dict[str, str]) -> Any:
    (tmp_path / "snapshot_restore_py.py").write_text(HOOKS)
    path = os.pathsep.join([str(tmp_path), str(ROOT), str(ROOT / "layers" / "shared")])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **{k: v for k, v in environ.items() if v}},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def deployed(database_url: str, owner: FakeSecretsManager) -> dict[str, str]:
    return {**environment(database_url), "DATABASE_URL": "", "CALLBACK_HMAC_SECRET": "", **owner.environment}


@pytest.fixture
def marked(database_url: str) -> dict[str, str]:
    """A secret that can be recognised wherever a copy of it is."""
    return {"DATABASE_URL": database_url, "CALLBACK_HMAC_SECRET": "marked-hunter2-0123456789abcdef"}


def test_what_was_connected_and_read_before_a_snapshot_is_gone_in_it_and_back_after(
    tmp_path: Path, database_url: str, marked: dict[str, str]
) -> None:
    script = """
random.seed(1)
told = {"hooks": [len(hooks.before), len(hooks.after)], "opened by import": list(opened)}
told["first"] = [ask(), connections(), remembered() > 0]
hooks.run(hooks.before)
told["in the snapshot"] = [connections(), remembered()]
from clipferry.net.trust import default_tls
told["ready"] = ["clipferry.providers.kie" in sys.modules, default_tls.cache_info().currsize]
state = random.getstate()
hooks.run(hooks.after)
told["random is another"] = random.getstate() != state
told["woken"] = [ask(), connections(), remembered() > 0]
print(json.dumps(told))
"""
    with secrets_manager(marked) as owner:
        environ = deployed(database_url, owner)
        started = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "MARKER": "marked-hunter2"}
        told = run(tmp_path, ASK + script, {**environ, **started})
        assert len(owner.asked) == 2, "once before, once after"
    assert told == {
        "hooks": [1, 1],
        "opened by import": [],
        "first": [200, 1, True],
        "in the snapshot": [0, 0],
        "ready": [True, 1],
        "random is another": True,
        "woken": [200, 1, True],
    }


def test_without_the_hooks_the_snapshot_would_keep_a_connection_and_the_secret(
    tmp_path: Path, database_url: str, marked: dict[str, str]
) -> None:
    script = "ask(); hooks.run(hooks.before); print(json.dumps([len(hooks.before), connections(), remembered() > 0]))"
    with secrets_manager(marked) as owner:
        environ = {**deployed(database_url, owner), "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}
        told = run(tmp_path, ASK + script, {**environ, "MARKER": "marked-hunter2"})
    assert told == [0, 1, True]


def test_two_that_wake_from_one_snapshot_make_different_videos(tmp_path: Path, database_url: str) -> None:
    script = """
import secrets, uuid
read, write = os.pipe()
random.seed(1)
hooks.run(hooks.before)
for _ in range(2):
    if os.fork() == 0:
        hooks.run(hooks.after)
        drawn = [secrets.token_urlsafe(16), uuid.uuid4().hex, str(random.random())]
        os.write(write, (json.dumps(drawn) + "\\n").encode())
        os._exit(0)
os.wait(); os.wait()
lines = os.read(read, 4096).decode().splitlines()
print(json.dumps([json.loads(line) for line in lines]))
"""
    environ = {**environment(database_url), "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    one, other = run(tmp_path, ASK + script, environ)
    assert all(drawn != others for drawn, others in zip(one, other, strict=True))


def test_every_function_is_guarded_and_none_connects_or_needs_settings_to_be_imported(tmp_path: Path) -> None:
    modules = [function.module for function in read_template().functions]
    script = f"""
import importlib, json, sys
import snapshot_restore_py as hooks
opened = []
sys.addaudithook(lambda event, args: opened.append(event) if event.startswith("socket.") else None)
for name in {modules!r}:
    importlib.import_module(name)
print(json.dumps([len(hooks.before), len(hooks.after), [e for e in opened if "connect" in e or "getaddrinfo" in e]]))
"""
    assert run(tmp_path, script, {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}) == [1, 1, []]


def test_a_runtime_without_the_hooks_starts_all_the_same_when_snapstart_is_off(tmp_path: Path) -> None:
    script = 'import sys; import clipferry.runtime; print(int("snapshot_restore_py" in sys.modules))'
    assert run(tmp_path, script, {}) == 0
