"""The secret over real HTTP: against moto's Secrets Manager, and against one that checks signatures and fails."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.loaders import Loader

from clipferry.aws.secret_location import endpoint_of, region_of
from clipferry.aws.secrets_manager import PAUSE_SECONDS, RETRY_SECONDS, Secret, SecretsManager
from clipferry.aws.sigv4 import Credentials
from clipferry.errors import ConfigurationError, SecretsUnavailableError
from tests.log_lines import captured, events, metrics
from tests.secrets_manager import ARN, KEYS, REGION, Clock, FakeSecretsManager, refusal, secrets_manager

VALUES = {"DATABASE_URL": "postgresql://db/hunter2", "EVOLINK_API_KEY": "sk-hunter2", "KIE_API_KEY": ""}
ROLE = Credentials(
    access_key=KEYS["AWS_ACCESS_KEY_ID"],
    secret_key=KEYS["AWS_SECRET_ACCESS_KEY"],
    session_token=KEYS["AWS_SESSION_TOKEN"],
)


@pytest.fixture
def fake() -> Iterator[FakeSecretsManager]:
    with secrets_manager(VALUES) as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    """How long the reader waited, in seconds, each time that it did."""
    return []


@pytest.fixture
def manager(fake: FakeSecretsManager, waits: list[float]) -> Iterator[SecretsManager]:
    manager = SecretsManager(
        region=REGION, endpoint_url=fake.url, credentials=lambda: ROLE, allow_plain_http=True, sleep=waits.append
    )
    yield manager
    manager.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def secret(manager: SecretsManager, clock: Clock) -> Secret:
    return Secret(ARN, manager=manager, names=VALUES.keys(), max_age_seconds=300, clock=clock)


def test_a_secret_of_motos_is_read(aws: str, aws_client: Callable[..., Any]) -> None:
    owner = aws_client("secretsmanager", REGION)
    arn = owner.create_secret(Name="clipferry", SecretString=json.dumps(VALUES))["ARN"]
    manager = SecretsManager(region=REGION, endpoint_url=aws, credentials=lambda: ROLE, allow_plain_http=True)
    assert manager.read(arn) == manager.read("clipferry") == VALUES
    owner.put_secret_value(SecretId="clipferry", SecretString=json.dumps({"EVOLINK_API_KEY": "new"}))
    assert manager.read(arn) == {"EVOLINK_API_KEY": "new"}
    with pytest.raises(ConfigurationError, match="ResourceNotFoundException for another"):
        manager.read("another")
    owner.create_secret(Name="binary", SecretBinary=b"{}")
    with pytest.raises(ConfigurationError, match="no SecretString"):
        manager.read("binary")
    manager.close()


def test_the_request_is_signed_with_the_role_and_its_token(manager: SecretsManager, fake: FakeSecretsManager) -> None:
    assert manager.read(ARN) == VALUES
    assert fake.asked == [{"SecretId": ARN}]


def test_the_fake_refuses_another_signature(fake: FakeSecretsManager) -> None:
    wrong = Credentials(access_key=ROLE.access_key, secret_key="another", session_token=ROLE.session_token)
    manager = SecretsManager(region=REGION, endpoint_url=fake.url, credentials=lambda: wrong, allow_plain_http=True)
    with pytest.raises(ConfigurationError, match="InvalidSignatureException"):
        manager.read(ARN)
    manager.close()


@pytest.mark.parametrize(
    ("secret_id", "region"),
    [(ARN, REGION), ("clipferry", "us-east-1"), ("arn:aws:secretsmanager::1:secret:x", "us-east-1"), ("", "us-east-1")],
)
def test_the_arn_says_the_region(secret_id: str, region: str) -> None:
    assert region_of(secret_id, "us-east-1") == region


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (503, b"<html>"),
        (429, b"{}"),
        (400, refusal("ThrottlingException")),
        (400, refusal("TooManyRequestsException")),
        (500, refusal("InternalServiceError")),
    ],
)
def test_what_passes_is_tried_once_more_after_a_short_wait(
    status: int, body: bytes, manager: SecretsManager, fake: FakeSecretsManager
) -> None:
    fake.fail(status, body)
    assert manager.read(ARN) == VALUES
    fake.fail(status, body, times=2)
    with pytest.raises(SecretsUnavailableError) as raised:
        manager.read(ARN)
    assert (raised.value.status, raised.value.retryable) == (503, True)
    assert len(fake.asked) == 4


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, refusal("AccessDeniedException", "hunter2"), "AccessDeniedException"),
        (400, refusal("DecryptionFailure", "hunter2"), "DecryptionFailure"),
        (400, b"hunter2", "without an error type"),
        (400, b"[" * 100_000, "without an error type"),
        (404, b"[]", "404"),
        (200, b"hunter2", "not a JSON object"),
        (200, b'["hunter2"]', "not a JSON object"),
        (200, b"\xff", "not a JSON object"),
        (200, b"{}", "no SecretString"),
        (200, json.dumps({"SecretString": "hunter2"}).encode(), "the secret is not a JSON object"),
        (200, json.dumps({"SecretString": '"hunter2"'}).encode(), "the secret is not a JSON object"),
        (200, json.dumps({"SecretString": '{"A": 12345, "B": null, "C": "hunter2"}'}).encode(), "strings: A, B"),
    ],
)
def test_what_does_not_pass_is_said_at_once_and_shows_nothing(
    status: int, body: bytes, said: str, manager: SecretsManager, fake: FakeSecretsManager
) -> None:
    fake.fail(status, body)
    with pytest.raises(ConfigurationError, match=said) as raised:
        manager.read(ARN)
    assert raised.value.status == 500
    assert "hunter2" not in str(raised.value)
    assert "12345" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert len(fake.asked) == 1


def test_an_answer_that_is_too_long_or_too_slow_or_nobody_is_unavailable(
    manager: SecretsManager, fake: FakeSecretsManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.fail(200, b" " * 300_000, times=2)
    with pytest.raises(SecretsUnavailableError):
        manager.read(ARN)
    monkeypatch.setattr("clipferry.aws.secrets_manager.TOTAL_SECONDS", 0.2)
    fake.fail(200, b"{}", times=2, seconds=1)
    with pytest.raises(SecretsUnavailableError, match=r"Timeout|timed out"):
        manager.read(ARN)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        gone = SecretsManager(region=REGION, endpoint_url=nobody, credentials=lambda: ROLE, allow_plain_http=True)
        with pytest.raises(SecretsUnavailableError):
            gone.read(ARN)


def test_without_an_address_of_ones_own_only_https_is_spoken() -> None:
    SecretsManager(region=REGION, endpoint_url=endpoint_of(ARN, REGION), credentials=lambda: ROLE).close()
    for url in ("ftp://127.0.0.1", "http://127.0.0.1"):
        with pytest.raises(ConfigurationError):
            SecretsManager(region=REGION, endpoint_url=url, credentials=lambda: ROLE)


def test_throttled_instances_do_not_come_back_together(
    manager: SecretsManager, fake: FakeSecretsManager, waits: list[float]
) -> None:
    for _ in range(6):
        fake.fail(400, refusal("ThrottlingException"))
        manager.read(ARN)

    least, longest = PAUSE_SECONDS
    assert len(set(waits)) == 6
    assert all(least <= wait <= longest for wait in waits)


def partitions() -> dict[str, tuple[str, str]]:
    """The region and the suffix of each partition that botocore knows."""
    known = Loader().load_data("partitions")["partitions"]
    return {one["id"]: (next(iter(one["regions"])), one["outputs"]["dnsSuffix"]) for one in known}


@pytest.mark.parametrize(("partition", "region", "suffix"), [(p, *told) for p, told in partitions().items()])
def test_the_arn_says_the_partition_and_so_the_address(partition: str, region: str, suffix: str) -> None:
    arn = f"arn:{partition}:secretsmanager:{region}:210987654321:secret:clipferry-AbCdEf"

    assert endpoint_of(arn, region) == f"https://secretsmanager.{region}.{suffix}"


def test_a_bare_name_is_in_the_main_partition() -> None:
    assert endpoint_of("clipferry/dev", "eu-west-1") == "https://secretsmanager.eu-west-1.amazonaws.com"


def test_a_secret_is_read_once_in_its_age(secret: Secret, fake: FakeSecretsManager, clock: Clock) -> None:
    first = secret.values()
    clock.now += 299
    assert secret.values() is first
    assert len(fake.asked) == 1
    clock.now += 1
    assert secret.values() is first, "unchanged, it is the same object"
    assert len(fake.asked) == 2


def test_a_changed_secret_is_taken_when_the_old_one_has_its_age(
    secret: Secret, fake: FakeSecretsManager, clock: Clock
) -> None:
    secret.values()
    fake.secret = {**VALUES, "EVOLINK_API_KEY": "new"}
    clock.now += 300
    assert secret.values()["EVOLINK_API_KEY"] == "new"


def test_a_clock_that_is_set_back_makes_it_old(secret: Secret, fake: FakeSecretsManager, clock: Clock) -> None:
    secret.values()
    clock.now -= 3600
    secret.values()
    assert len(fake.asked) == 2


@pytest.mark.parametrize("body", [refusal("AccessDeniedException"), b"hunter2"])
def test_when_it_cannot_be_read_again_the_old_one_stays_for_a_minute(
    body: bytes, secret: Secret, fake: FakeSecretsManager, clock: Clock
) -> None:
    first = secret.values()
    clock.now += 300
    fake.fail(400, body)
    with captured() as log:
        assert secret.values() is first
    assert [line["level"] for line in events(log())] == ["WARNING"]
    assert metrics(log()) == [("SecretReadErrors", 1, {})]
    assert "hunter2" not in log()
    clock.now += RETRY_SECONDS - 1
    assert secret.values() is first
    assert len(fake.asked) == 2
    fake.secret = {"EVOLINK_API_KEY": "new"}
    clock.now += 1
    assert secret.values() == {"EVOLINK_API_KEY": "new"}


def test_when_it_was_never_read_every_call_tries(secret: Secret, fake: FakeSecretsManager) -> None:
    fake.fail(400, refusal("AccessDeniedException"), times=2)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="AccessDenied"):
            secret.values()
    assert secret.values() == VALUES


def test_reading_at_once_happens_at_most_once_a_minute(secret: Secret, fake: FakeSecretsManager, clock: Clock) -> None:
    secret.values()
    clock.now += 5
    fake.secret = {"EVOLINK_API_KEY": "second"}
    assert secret.values_now() == {"EVOLINK_API_KEY": "second"}
    fake.secret = {"EVOLINK_API_KEY": "third"}
    clock.now += RETRY_SECONDS - 1
    assert secret.values_now() == {"EVOLINK_API_KEY": "second"}
    assert len(fake.asked) == 2
    clock.now += 1
    assert secret.values_now() == {"EVOLINK_API_KEY": "third"}


def test_of_many_threads_that_want_it_at_once_one_reads_and_the_others_wait(
    secret: Secret, fake: FakeSecretsManager
) -> None:
    secret.values()
    fake.fail(200, json.dumps({"SecretString": json.dumps({"EVOLINK_API_KEY": "new"})}).encode(), seconds=0.3)
    everybody = threading.Barrier(8, timeout=10)

    def ask(_: int) -> Mapping[str, str]:
        everybody.wait()
        return secret.values_now()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert found == [{"EVOLINK_API_KEY": "new"}] * 8
    assert len(fake.asked) == 2


def test_keys_that_are_no_settings_are_named_once_and_left(
    secret: Secret, fake: FakeSecretsManager, clock: Clock
) -> None:
    fake.secret = {**VALUES, "database_url": "hunter2", "engine": "hunter2"}
    with captured() as log:
        assert secret.values()["DATABASE_URL"] == VALUES["DATABASE_URL"]
        clock.now += 300
        secret.values()
    (line,) = events(log())
    assert line["keys"] == ["database_url", "engine"]
    assert "hunter2" not in log()


def test_of_many_threads_one_reads_and_nobody_waits_for_what_is_there(
    secret: Secret, fake: FakeSecretsManager, clock: Clock
) -> None:
    everybody, found = threading.Barrier(8), []

    def ask() -> None:
        everybody.wait()
        found.append(secret.values())

    def all_at_once() -> None:
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    all_at_once()
    assert len(fake.asked) == 1
    assert all(values is found[0] for values in found)
    clock.now += 300
    fake.secret = {"EVOLINK_API_KEY": "new"}
    all_at_once()
    assert len(fake.asked) == 2
    assert secret.values() == {"EVOLINK_API_KEY": "new"}
