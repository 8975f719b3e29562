"""What the handlers of the local stack get to see as their environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack

import pytest

from clipferry.errors import ConfigurationError
from local import fake_providers, services
from local.sam_template.environment import handler_environment, in_process
from local.services import Service

QUEUE_URL = "http://127.0.0.1:4566/123456789012/mirror"
NEEDED = {
    "DATABASE_URL": "postgresql://localhost/clipferry",
    "STORAGE_ENDPOINT": "http://127.0.0.1:4566",
    "STORAGE_ACCESS_KEY": "key",
    "STORAGE_SECRET_KEY": "secret",
    "STORAGE_BUCKET": "bucket",
}


def made(own: Mapping[str, str], *used: Service) -> dict[str, str]:
    queue = {"Ref": QUEUE_URL, "Arn": "arn:aws:sqs:us-east-1:123456789012:mirror", "QueueName": "mirror"}
    return handler_environment(
        queues={"MirrorQueue": queue},
        url="http://127.0.0.1:8787",
        files_url="http://127.0.0.1:8787/files",
        services=used,
        own={**NEEDED, **own},
    )


def test_what_only_a_deployment_knows_is_filled_in() -> None:
    values = made({})

    assert values["MIRROR_QUEUE_URL"] == QUEUE_URL
    assert values["AI_CALLBACK_URL"] == "http://127.0.0.1:8787/api/v1/video/callback"
    assert values["STORAGE_DOMAIN"] == "http://127.0.0.1:8787/files"
    assert (values["STAGE"], values["ALLOW_LOOPBACK"]) == ("local", "true")
    assert len(values["CALLBACK_HMAC_SECRET"]) == 64
    assert values["CALLBACK_HMAC_SECRET_PREVIOUS"] == ""  # what the shell may have is forgotten


def test_your_own_settings_replace_the_templates() -> None:
    values = made({"VIDEO_MAX_CONCURRENT": "7", "AI_CALLBACK_URL": "https://tunnel.example/callback", "HOME": "/"})

    assert values["VIDEO_MAX_CONCURRENT"] == "7"
    assert values["AI_CALLBACK_URL"] == "https://tunnel.example/callback"
    assert "HOME" not in values


def test_it_stays_local_whatever_the_shell_says() -> None:
    values = made({"STAGE": "prod", "ALLOW_LOOPBACK": "false", "MIRROR_QUEUE_URL": "https://sqs.example/prod"})

    assert (values["STAGE"], values["ALLOW_LOOPBACK"]) == ("local", "true")
    assert values["MIRROR_QUEUE_URL"] == QUEUE_URL


def test_a_fake_never_sees_a_real_key() -> None:
    with ExitStack() as scope:
        fakes, _ = fake_providers.start(scope, {})
        values = made({"EVOLINK_API_KEY": "sk-real", "KIE_API_KEY": "sk-real"}, *fakes)

    assert values["EVOLINK_API_KEY"] == "local"
    assert values["KIE_API_KEY"] == "local"


def test_a_provider_of_your_own_keeps_its_key() -> None:
    own = {"KIE_BASE_URL": "https://api.kie.ai", "KIE_API_KEY": "sk-real"}
    with ExitStack() as scope:
        values = made(own, *fake_providers.start(scope, own)[0])

    assert (values["KIE_BASE_URL"], values["KIE_API_KEY"]) == ("https://api.kie.ai", "sk-real")


def test_every_wrong_setting_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"(?s)VIDEO_MAX_CONCURRENT.*STATUS_REFRESH_SECONDS"):
        made({"VIDEO_MAX_CONCURRENT": "0", "STATUS_REFRESH_SECONDS": "soon"})


def test_the_processs_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPFERRY_TEST_SET", "before")
    monkeypatch.setenv("CLIPFERRY_TEST_FORGOTTEN", "before")
    before = dict(os.environ)

    with in_process({"CLIPFERRY_TEST_SET": "within", "CLIPFERRY_TEST_FORGOTTEN": "", "CLIPFERRY_TEST_NEW": "within"}):
        assert os.environ["CLIPFERRY_TEST_SET"] == "within"
        assert os.environ["CLIPFERRY_TEST_NEW"] == "within"
        assert "CLIPFERRY_TEST_FORGOTTEN" not in os.environ

    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("database_url", "here"),
    [
        ("postgresql://user:secret@127.0.0.1:5432/app", True),
        ("postgresql://localhost/app", True),
        ("postgresql:///app", True),
        ("postgresql:///app?host=/run/postgresql", True),
        ("postgresql://user@db.example.com/app", False),
        ("postgresql://user@localhost/app?hostaddr=192.0.2.1", False),
        ("postgresql://127.0.0.1,db.example.com/app", False),
    ],
)
def test_only_a_database_on_this_machine_gets_the_user_that_everybody_knows(database_url: str, here: bool) -> None:
    assert services.is_on_this_machine(database_url) is here
