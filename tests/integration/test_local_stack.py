"""The local stack as a whole: what it starts, what it leaves alone, and that nothing of it is left."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import pytest

from clipferry.errors import ConfigurationError
from clipferry.storage import Storage
from local import services
from local.development_user import CREDITS, TOKEN, USER_ID, add_development_user
from local.providers.evolink import fake_evolink
from local.providers.kie import fake_kie
from local.stack import local_stack

ROOT = Path(__file__).parents[2]


def get(url: str, path: str) -> tuple[int, dict[str, object]]:
    with closing(HTTPConnection(url.removeprefix("http://"), timeout=20)) as connection:
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def test_it_runs_twice_in_one_process_and_leaves_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    environment, threads = dict(os.environ), threading.active_count()
    urls = []
    for _ in range(2):
        with local_stack(environment={}, quiet=True) as stack:
            urls.append(stack.url)
            health, _ = get(stack.url, "/api/v1/health")
            listed, answer = get(stack.url, "/api/v1/video/list")
            assert (health, listed) == (200, 200)
            assert answer["data"] == {"videos": [], "nextCursor": None, "hasMore": False}
            assert stack.evolink is not None
            assert [service.origin for service in stack.services[:4]] == ["embedded"] * 4

    assert dict(os.environ) == environment
    assert threading.active_count() == threads
    for url in urls:
        with pytest.raises(ConnectionRefusedError):
            get(url, "/")
    assert capfd.readouterr().out == ""


def send(method: str, url: str, headers: dict[str, str]) -> tuple[int, str | None]:
    """Returns the status, and which origins' pages may read it."""
    host, _, path = url.removeprefix("http://").partition("/")
    with closing(HTTPConnection(host, timeout=20)) as connection:
        connection.request(method, f"/{path}", body=b"png" if method == "PUT" else None, headers=headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.headers["access-control-allow-origin"]


def test_its_bucket_takes_just_what_was_presigned_and_from_a_browser() -> None:
    """What works locally has to work at R2, which checks the signature of every upload."""
    png = {"Content-Type": "image/png"}
    with ExitStack() as scope:
        values = services.storage(scope, {}).values
        names = ("endpoint", "region", "access_key", "secret_key", "bucket")
        storage = Storage(
            **{name: values[f"STORAGE_{name.upper()}"] for name in names}, public_domain=None, allow_loopback=True
        )
        scope.callback(storage.close)
        signed = storage.get_signed_upload_url(key="uploads/a b.png", content_type="image/png")

        assert send("OPTIONS", signed, {"Origin": "http://127.0.0.1:8787"}) == (204, "*")
        assert send("PUT", signed, {"Content-Type": "text/html"}) == (403, "*")
        assert send("PUT", signed.replace("a%20b", "c"), png)[0] == 403
        assert send("PUT", signed[:-1] + ("0" if signed[-1] != "0" else "1"), png)[0] == 403
        assert send("PUT", signed.partition("?")[0], png)[0] == 401
        assert send("PUT", signed, png) == (200, "*")
        assert storage.head("uploads/a b.png") is not None


def test_a_setting_that_is_wrong_ends_what_was_started_already(database_url: str) -> None:
    threads = threading.active_count()
    with (
        pytest.raises(ConfigurationError, match="VIDEO_MAX_CONCURRENT"),
        local_stack(environment={"DATABASE_URL": database_url, "VIDEO_MAX_CONCURRENT": "none"}),
    ):
        pass

    assert threading.active_count() == threads


def test_the_development_user_is_added_once_with_books_that_add_up(database_url: str) -> None:
    add_development_user(database_url)
    add_development_user(database_url)

    with psycopg.connect(database_url) as connection:
        packages = connection.execute("select user_id, remaining_credits from public.credit_packages").fetchall()
        ledger = connection.execute("select user_id, credits, balance_after from public.credit_transactions").fetchall()
        sessions = connection.execute(
            """select token from public.session where "expiresAt" > timezone('utc', now())"""
        ).fetchall()
    assert packages == [(USER_ID, CREDITS)]
    assert ledger == [(USER_ID, CREDITS, CREDITS)]
    assert sessions == [(TOKEN,)]


def test_make_dev_says_so_when_its_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "local.dev"],
            cwd=ROOT,
            env={**os.environ, "PORT": str(port), "CLIPFERRY_LOCAL": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert f"port {port} of 127.0.0.1 is taken" in done.stderr
    assert "Traceback" not in done.stderr


def test_make_dev_starts_nothing_with_settings_that_cannot_work(tmp_path: Path) -> None:
    wrong = {
        "MODELS_FILE": "typo.toml",
        "DATABASE_URL": "mysql://localhost/films",
        "STORAGE_ENDPOINT": "https://r2.invalid",
    }
    done = subprocess.run(
        [sys.executable, "-m", "local.dev"],
        cwd=ROOT,
        env={**os.environ, **wrong, "CLIPFERRY_LOCAL": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [
        "MODELS_FILE",
        "DATABASE_URL",
        "STORAGE_ENDPOINT",
        "STORAGE_ENDPOINT",
    ]


def test_the_demo_makes_a_video_and_shows_what_it_cost() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.demo", "A heron lands"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    for words in ("A heron lands", "PENDING", "GENERATING", "UPLOADING", "COMPLETED", "SHA-256", "VIDEO_CONSUME"):
        assert words in done.stdout
    assert '"level"' not in done.stdout


def test_the_demo_says_why_it_failed_with_the_end_of_the_log_and_no_traceback() -> None:
    with fake_evolink(api_key="another") as evolink, fake_kie(api_key="another") as kie:
        done = subprocess.run(
            [sys.executable, "-m", "local.demo"],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": "",
                "EVOLINK_BASE_URL": evolink.base_url,
                "EVOLINK_API_KEY": "k",
                "KIE_BASE_URL": kie.base_url,
                "KIE_API_KEY": "k",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert "was answered with 502" in done.stderr
    assert "The end of the handlers' log" in done.stderr
    assert "\nTraceback" not in done.stderr
