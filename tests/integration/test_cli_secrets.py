"""The command line with a function's environment, whose secrets are in Secrets Manager."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.r2.server import FakeR2
from tests import command_line
from tests.command_line import Clipferry
from tests.integration import operator_fakes
from tests.integration.mirror_fixtures import KEY, Behaviour, film, serving
from tests.integration.operator_fakes import Sqs
from tests.secrets_manager import FakeSecretsManager, refusal, secrets_manager
from tests.web import web

SECRET = ("DATABASE_URL", "STORAGE_ACCESS_KEY", "STORAGE_SECRET_KEY", "EVOLINK_API_KEY", "CALLBACK_HMAC_SECRET")


@pytest.fixture
def vault(database_url: str, r2: FakeR2, queues: Sqs, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSecretsManager]:
    with web(401, operator_fakes.REFUSED) as callback:
        everything = operator_fakes.settings(
            database_url=database_url, r2=r2, queues=queues, callback=callback, public=callback.url
        )
        with secrets_manager({name: everything[name] for name in SECRET}) as server:
            environment = {**everything, **dict.fromkeys(SECRET, ""), **server.environment}
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            yield server


@pytest.fixture
def clipferry(
    vault: FakeSecretsManager, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Clipferry:
    """The command line with an empty DATABASE_URL."""
    return command_line.runner("", monkeypatch, capsys)


def test_the_database_url_is_read_from_the_secret(clipferry: Clipferry, vault: FakeSecretsManager) -> None:
    assert clipferry("verify", "--json").json == []
    assert clipferry("migrate", "--dry-run").out == "The database is up to date.\n"
    assert len(vault.asked) == 2


def test_the_bucket_is_read_from_the_secret(clipferry: Clipferry, r2: FakeR2) -> None:
    with serving(Behaviour(film(2000))) as source:
        ended = clipferry("mirror", source.url, KEY, "--allow-loopback", "--yes")

    assert ended.status == 0
    assert KEY in r2.bucket.objects


def test_doctor_checks_the_values_of_the_secret(
    clipferry: Clipferry, vault: FakeSecretsManager, tmp_path: Path
) -> None:
    assert isinstance(vault.secret, dict)
    vault.secret = {**vault.secret, "CALLBACK_HMAC_SECRET": "hunter2"}
    ended = clipferry("doctor", "--build", str(tmp_path), "--json")

    outcomes = {finding["check"]: finding["outcome"] for finding in ended.json}
    assert outcomes["secrets"] == "failed"
    assert (outcomes["migrations"], outcomes["bucket"], outcomes["queue"]) == ("ok", "ok", "ok")
    assert "hunter2" not in ended.out + ended.err


def test_an_unreadable_secret_is_reported_in_a_sentence(
    clipferry: Clipferry, vault: FakeSecretsManager, tmp_path: Path
) -> None:
    vault.fail(400, refusal("AccessDeniedException"), times=20)

    for command in (["verify"], ["mirror", "https://example.com/a.mp4", KEY, "--yes"]):
        ended = clipferry(*command)
        assert ended.status in (1, 2)
        assert "AccessDenied" in ended.err
        assert "Traceback" not in ended.err
    ended = clipferry("doctor", "--build", str(tmp_path), "--json")
    assert ended.status == 1
    assert [(finding["check"], finding["outcome"]) for finding in ended.json] == [("settings", "failed")]
