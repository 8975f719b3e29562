"""Secrets that come from Secrets Manager and change: every function takes the new ones, and no deployment does it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from clipferry import callback_signature, runtime
from clipferry.db.connection import Database
from local.sam_template.environment import in_process
from tests.http_api import AUTH_SECRET, Answer, Api, Person, environment
from tests.log_lines import captured, events, metrics
from tests.secrets_manager import Clock, FakeSecretsManager, refusal, secrets_manager

SECRET = ("DATABASE_URL", "STORAGE_ACCESS_KEY", "STORAGE_SECRET_KEY", "EVOLINK_API_KEY", "CALLBACK_HMAC_SECRET")
ME = "/api/v1/user/me"
AGE = 30
"""Seconds that the secret is kept."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The runtime's, which stands still: how often the secret is read doesn't depend on how long a call takes."""
    clock = Clock()
    monkeypatch.setattr(runtime, "now", clock.moment)
    return clock


@pytest.fixture
def owner(database_url: str, clock: Clock) -> Iterator[FakeSecretsManager]:
    """A stack whose environment has no secret, as the template deploys it, and the owner's Secrets Manager."""
    everything = {**environment(database_url), "BETTER_AUTH_SECRET": ""}
    secret = {name: everything[name] for name in SECRET} | {"BETTER_AUTH_SECRET": AUTH_SECRET}
    without = {**everything, **dict.fromkeys(SECRET, ""), "SECRETS_MAX_AGE_SECONDS": str(AGE)}
    with secrets_manager(secret) as server, in_process({**without, **server.environment}):
        runtime.reset()
        yield server
        runtime.reset()


@pytest.fixture
def api(owner: FakeSecretsManager) -> Api:
    return Api()


def change(owner: FakeSecretsManager, **values: Any) -> None:
    assert isinstance(owner.secret, dict)
    owner.secret = {**owner.secret, **values}


def ring(api: Api, secret: str) -> Answer:
    url = callback_signature.callback_url(
        "https://api.example.com/api/v1/video/callback",
        provider="evolink",
        video_uuid="vid_nobodys",
        secret=secret,
        now=runtime.now(),
    )
    return api.call("POST", urlsplit(url).path + "?" + urlsplit(url).query, {"id": "x"})


def test_the_secret_is_read_by_the_first_request_and_kept(api: Api, owner: FakeSecretsManager, ann: Person) -> None:
    assert owner.asked == []
    assert [api.call("GET", ME, headers=ann.by_cookie).status for _ in range(5)] == [200] * 5
    assert len(owner.asked) == 1


def test_what_is_set_in_the_environment_wins(api: Api, owner: FakeSecretsManager) -> None:
    with in_process({"CALLBACK_HMAC_SECRET": "the environments own secret"}):
        assert ring(api, "the environments own secret").status == 200
        assert ring(api, "the secret of the callbacks").status == 401
    assert len(owner.asked) == 1


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("AccessDeniedException", 500, "CONFIGURATION_ERROR"),
        ("ResourceNotFoundException", 500, "CONFIGURATION_ERROR"),
        ("ThrottlingException", 503, "SECRETS_UNAVAILABLE"),
    ],
)
def test_without_any_secret_the_answer_says_no_more_than_that(
    kind: str, status: int, code: str, api: Api, owner: FakeSecretsManager, ann: Person
) -> None:
    owner.fail(400, refusal(kind), times=2 if status == 503 else 1)
    with captured() as log:
        refused = api.call("GET", ME, headers=ann.by_session)
    assert (refused.status, refused.code) == (status, code)
    assert refused.headers.get("retry-after") == ("5" if status == 503 else None)
    assert kind not in str(refused.payload)
    assert kind in str(events(log()))
    assert api.call("GET", ME, headers=ann.by_session).status == 200


def test_a_rotated_signing_secret_is_taken(api: Api, owner: FakeSecretsManager, clock: Clock) -> None:
    assert ring(api, "the secret of the callbacks").status == 200
    change(owner, CALLBACK_HMAC_SECRET="rotated", CALLBACK_HMAC_SECRET_PREVIOUS="the secret of the callbacks")
    clock.now += AGE
    assert ring(api, "rotated").status == 200
    assert ring(api, "the secret of the callbacks").status == 200
    change(owner, CALLBACK_HMAC_SECRET_PREVIOUS="")
    clock.now += AGE
    assert ring(api, "the secret of the callbacks").status == 401


def test_a_rotated_key_of_the_bucket_is_signed_with(
    api: Api, owner: FakeSecretsManager, ann: Person, clock: Clock
) -> None:
    order = {"filename": "a.png", "contentType": "image/png"}

    def signed_by() -> str:
        answer = api.call("POST", "/api/v1/upload/presign", order, ann.by_session)
        return answer.data["uploadUrl"].partition("X-Amz-Credential=")[2].partition("%2F")[0]

    assert signed_by() == "access-key"
    change(owner, STORAGE_ACCESS_KEY="rotated-key")
    clock.now += AGE
    assert signed_by() == "rotated-key"


def test_nothing_is_made_anew_while_the_secret_stays_as_it_is(
    api: Api, owner: FakeSecretsManager, ann: Person, clock: Clock
) -> None:
    api.call("GET", ME, headers=ann.by_session)
    before = runtime.dependencies().providers, runtime.dependencies().database, runtime.dependencies().mirror_queue
    clock.now += AGE
    api.call("GET", ME, headers=ann.by_session)
    assert (
        runtime.dependencies().providers,
        runtime.dependencies().database,
        runtime.dependencies().mirror_queue,
    ) == before
    assert len(owner.asked) == 2
    change(owner, EVOLINK_API_KEY="rotated")
    clock.now += AGE
    assert runtime.dependencies().providers is not before[0]
    assert runtime.dependencies().database is not before[1]
    assert runtime.dependencies().mirror_queue is not before[2]


@pytest.mark.parametrize(
    ("body", "status"), [(refusal("AccessDeniedException"), 400), (b"garbage of hunter2", 200), (b"", 500)]
)
def test_when_it_cannot_be_read_again_the_old_one_is_used(
    body: bytes, status: int, api: Api, owner: FakeSecretsManager, ann: Person, clock: Clock
) -> None:
    api.call("GET", ME, headers=ann.by_session)
    owner.fail(status, body, times=2 if status == 500 else 1)
    clock.now += AGE
    with captured() as log:
        assert [api.call("GET", ME, headers=ann.by_session).status for _ in range(3)] == [200] * 3
    assert metrics(log()) == [("SecretReadErrors", 1, {})]
    assert "hunter2" not in log()


def test_a_changed_secret_that_makes_no_sense_is_not_used(
    api: Api, owner: FakeSecretsManager, ann: Person, clock: Clock
) -> None:
    api.call("GET", ME, headers=ann.by_session)
    good = owner.secret
    change(owner, CALLBACK_HMAC_SECRET="")
    clock.now += AGE
    with captured() as log:
        assert [api.call("GET", ME, headers=ann.by_session).status for _ in range(3)] == [200] * 3
    (line,) = [line for line in events(log()) if line["level"] == "ERROR"]
    assert "CALLBACK_HMAC_SECRET: " in line["detail"]
    assert metrics(log()) == [("SecretReadErrors", 1, {})]
    owner.secret = good
    clock.now += AGE
    assert ring(api, "the secret of the callbacks").status == 200


@pytest.fixture
def roles(database_url: str, owner: FakeSecretsManager) -> Iterator[tuple[str, str]]:
    """Two users of the database, by their URLs; the secret has the first."""
    place = urlsplit(database_url)
    drop = "drop role if exists rotation_a; drop role if exists rotation_b;"
    with psycopg.connect(database_url, autocommit=True) as books:
        books.execute(drop)
        books.execute("create role rotation_a login superuser; create role rotation_b login superuser")
        urls = tuple(
            place._replace(netloc=f"rotation_{name}:hunter2-{name}@{place.netloc.rpartition('@')[2]}").geturl()
            for name in "ab"
        )
        change(owner, DATABASE_URL=urls[0])
        yield urls[0], urls[1]
        runtime.reset()
        books.execute(drop)


def connections(database_url: str, role: str) -> int:
    with psycopg.connect(database_url) as books:
        counted = books.execute("select count(*) from pg_stat_activity where usename = %s", [role]).fetchone()
    assert counted is not None
    return counted[0]


def end_but(number: int, database_url: str, role: str) -> None:
    """Waits until the server has heard that all others are closed."""
    for _ in range(500):
        if connections(database_url, role) == number:
            return
        time.sleep(0.01)
    raise AssertionError(connections(database_url, role))


def lock_out(database_url: str, role: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as books:
        books.execute(f"alter role {role} nologin")  # type: ignore[arg-type]
        books.execute("select pg_terminate_backend(pid, 30000) from pg_stat_activity where usename = %s", [role])


def test_a_database_that_refuses_is_asked_again_with_what_the_secret_says_now(
    api: Api, owner: FakeSecretsManager, ann: Person, roles: tuple[str, str], database_url: str
) -> None:
    with in_process({"SECRETS_MAX_AGE_SECONDS": "300"}):
        assert api.call("GET", ME, headers=ann.by_session).status == 200
        change(owner, DATABASE_URL=roles[1])
        lock_out(database_url, "rotation_a")
        assert api.call("GET", ME, headers=ann.by_session).status == 200
        assert len(owner.asked) == 2
        assert api.call("GET", ME, headers=ann.by_session).status == 200
        end_but(1, database_url, "rotation_b")  # the one that was opened in a hurry is closed
        change(owner, DATABASE_URL=roles[0])
        lock_out(database_url, "rotation_b")
        refused = [api.call("GET", ME, headers=ann.by_session) for _ in range(3)]
        assert [answer.code for answer in refused] == ["DATABASE_UNAVAILABLE"] * 3
        assert len(owner.asked) == 2, "not more than once a minute"


def test_the_workers_of_a_call_work_with_what_it_began_with(
    owner: FakeSecretsManager, roles: tuple[str, str], database_url: str, clock: Clock
) -> None:
    def handler(_event: Any, _context: Any) -> Any:
        with runtime.dependencies().databases(4) as databases:
            databases[0].connect()
            change(owner, DATABASE_URL=roles[1])
            clock.now += AGE
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(Database.connect, databases))
            return [connections(database_url, f"rotation_{name}") for name in "ab"]

    call = runtime.invocation(handler)
    assert call({}, None) == [4, 0]
    end_but(1, database_url, "rotation_a")  # the warm one outlives the call
    assert call({}, None)[1] == 4
    end_but(0, database_url, "rotation_a")


def test_workers_that_are_refused_together_read_the_secret_once(
    owner: FakeSecretsManager, roles: tuple[str, str], database_url: str
) -> None:
    with in_process({"SECRETS_MAX_AGE_SECONDS": "300"}):
        runtime.dependencies().database.connect()
        change(owner, DATABASE_URL=roles[1])
        lock_out(database_url, "rotation_a")
        with runtime.dependencies().databases(4) as databases, ThreadPoolExecutor(4) as pool:
            list(pool.map(Database.connect, databases))
            assert connections(database_url, "rotation_b") == 4
        assert len(owner.asked) == 2


def test_a_database_that_refuses_for_good_says_nothing_of_its_password(
    api: Api, ann: Person, roles: tuple[str, str], database_url: str
) -> None:
    lock_out(database_url, "rotation_a")
    with captured() as log:
        refused = api.call("GET", ME, headers=ann.by_session)
    assert (refused.status, refused.code) == (503, "DATABASE_UNAVAILABLE")
    assert "hunter2" not in log() + str(refused.payload)
    assert roles[0] not in log()


def test_connections_with_the_old_secret_are_closed(
    api: Api,
    owner: FakeSecretsManager,
    ann: Person,
    roles: tuple[str, str],
    database_url: str,
    clock: Clock,
) -> None:
    assert api.call("GET", ME, headers=ann.by_session).status == 200
    assert connections(database_url, "rotation_a") == 1
    change(owner, DATABASE_URL=roles[1])
    clock.now += AGE
    assert api.call("GET", ME, headers=ann.by_session).status == 200
    end_but(0, database_url, "rotation_a")
    assert connections(database_url, "rotation_b") == 1
