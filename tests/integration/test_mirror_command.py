"""`python -m clipferry`: a whole process, as anybody may use it and as the benchmark does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clipferry.errors import ConfigurationError
from clipferry.setting_rules.bucket_settings import REQUIRED, read_bucket_settings
from clipferry.storage import Storage
from local.certificates import make_certificate, serving_tls
from local.r2.server import FakeR2
from tests.forbidden_imports import COMMAND, loaded, trespassers
from tests.integration.mirror_fixtures import KEY, Behaviour, film, serving, sha256

SIZE = 20_000_000
BARE = {name: value for name, value in os.environ.items() if not name.startswith(("STORAGE_", "AWS_"))}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "clipferry", *arguments]
    return subprocess.run(command, env=BARE | environment, capture_output=True, text=True, check=False, timeout=60)


def keys_of(r2: FakeR2) -> dict[str, str]:
    values = (r2.url.replace("127.0.0.1", "localhost"), r2.access_key, r2.secret_key, r2.name)
    return dict(zip(REQUIRED, values, strict=True))


def test_it_mirrors_over_tls_and_says_what_it_did(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "localhost.pem", "localhost")
    behaviour = Behaviour(film(SIZE))
    with FakeR2(tls=serving_tls(certificate)) as r2, serving(behaviour, serving_tls(certificate)) as source:
        done = run(source.url, KEY, "--allow-loopback", SSL_CERT_FILE=str(certificate), **keys_of(r2))
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{SIZE} bytes  sha256 {sha256(behaviour.content)}  ")
        assert r2.bucket.objects[KEY].content == behaviour.content


def test_a_whole_run_loads_nothing_that_it_has_no_use_for() -> None:
    """A lazy import would only move the cost, so the modules are looked at when the film is in the bucket."""
    with FakeR2() as r2, serving(Behaviour(film(SIZE))) as source:
        arguments = [source.url, KEY, "--allow-loopback", "--quiet"]
        modules = loaded(
            f"from clipferry.__main__ import main\nassert main({arguments!r}) == 0", BARE | dict(keys_of(r2))
        )
        assert KEY in r2.bucket.objects
    assert trespassers(modules, COMMAND) == []


@pytest.mark.parametrize(("behaviour", "status", "words"), [
    (Behaviour(film(100), fault="404", times=99), 1, "SOURCE_GONE"),
    (Behaviour(b"<html>" + bytes(100)), 1, "SOURCE_INVALID"),
])  # fmt: skip
def test_a_source_that_fails_is_1(behaviour: Behaviour, status: int, words: str) -> None:
    with FakeR2() as r2, serving(behaviour) as source:
        done = run(source.url, KEY, "--allow-loopback", **keys_of(r2))
        assert (done.returncode, done.stdout) == (status, "")
        assert done.stderr.startswith(f"{words}: ")
        assert r2.bucket.objects == {}


def test_loopback_and_plain_http_are_for_those_who_ask() -> None:
    with FakeR2() as r2, serving(Behaviour(film(100))) as source:
        done = run(source.url, KEY, **keys_of(r2))
        assert (done.returncode, source.behaviour.requests) == (2, 0)
        assert "https" in done.stderr


def test_a_setting_that_is_missing_is_2_and_named() -> None:
    done = run("https://example.com/film.mp4", KEY)
    assert (done.returncode, done.stdout) == (2, "")
    assert all(name in done.stderr for name in REQUIRED)


COPIED = {
    "STORAGE_ENDPOINT": "https://account.r2.cloudflarestorage.com\n",
    "STORAGE_ACCESS_KEY": " access\r\n",
    "STORAGE_SECRET_KEY": "secret\n",
    "STORAGE_BUCKET": "films ",
    "STORAGE_DOMAIN": "https://cdn.example.com\n",
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STORAGE_ENDPOINT", "https://account.r2.cloudflarestorage.com/films"),
        ("STORAGE_ENDPOINT", "https://films.account.r2.cloudflarestorage.com"),
        ("STORAGE_ACCESS_KEY", "hunter2\nhunter2"),
        ("STORAGE_SECRET_KEY", "hunter2 hunter2"),
        ("STORAGE_DOMAIN", "cdn.example.com"),
        ("STORAGE_DOMAIN", "javascript:alert(1)//"),
    ],
)
def test_a_setting_that_cannot_work_is_named_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as refused:
        read_bucket_settings(COPIED | {name: value}, plain_http=False)

    assert "hunter2" not in str(refused.value)


def test_blanks_and_newlines_around_settings_are_stripped() -> None:
    settings = read_bucket_settings(COPIED, plain_http=False)
    storage = Storage(**settings._asdict())
    signed = storage.get_signed_upload_url(key="a.png", content_type="image/png")
    storage.close()

    assert signed.startswith("https://account.r2.cloudflarestorage.com/films/a.png?")
    assert "Credential=access%2F" in signed
    assert storage.public_url("a.png") == "https://cdn.example.com/a.png"
    assert "secret" not in repr(settings)


def test_a_bucket_that_refuses_is_3() -> None:
    with FakeR2() as r2, serving(Behaviour(film(100))) as source:
        done = run(source.url, KEY, "--allow-loopback", **keys_of(r2) | {"STORAGE_SECRET_KEY": "another"})
        assert (done.returncode, done.stdout) == (3, "")
        assert "SignatureDoesNotMatch" in done.stderr
        assert "another" not in done.stderr


def test_no_time_is_4() -> None:
    with FakeR2() as r2, serving(Behaviour(film(SIZE), rate=100_000)) as source:
        done = run(source.url, KEY, "--allow-loopback", "--seconds", "0.5", **keys_of(r2))
        assert done.returncode == 4
        assert r2.bucket.uploads == {}
