"""CloudFormation asks for the migrations, and hears what became of them at the URL that it gave, whatever that was."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from clipferry import runtime
from clipferry.aws import custom_resource
from clipferry.errors import ConfigurationError, InvalidRequestError, NetworkError
from functions.migrate.app import lambda_handler
from local.lambda_runtime.lambda_context import invoker
from local.logs import quiet_logs
from local.postgres_server import free_port
from local.sam_template.environment import in_process
from local.sam_template.read import read_template
from tests.cloudformation import NEWER, STACK, Bucket, listening, request
from tests.database import MIGRATIONS, apply_migrations

PASSWORD = "hunter2-and-no-other"
OLDER = "20261122T100000Z"


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with listening() as bucket:
        yield bucket


@contextmanager
def settings_for(database_url: str) -> Iterator[None]:
    values = {
        "STAGE": "dev",
        "DATABASE_URL": database_url,
        "STORAGE_ENDPOINT": "https://storage.example.com",
        "STORAGE_ACCESS_KEY": "key",
        "STORAGE_SECRET_KEY": "secret",
        "STORAGE_BUCKET": "videos",
        "STORAGE_DOMAIN": "https://cdn.example.com",
        "CALLBACK_HMAC_SECRET": "a secret of more than thirty-two characters",
        "MIRROR_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/clipferry-mirror",
        "DATABASE_DIRECT_URL": "",
        "SECRETS_ARN": "",
    }
    runtime.reset()
    with in_process(values):
        yield
    runtime.reset()


@pytest.fixture
def invoke() -> Callable[[dict[str, Any]], Any]:
    return invoker(read_template().function("MigrateFunction"), lambda_handler)


def names() -> list[str]:
    return sorted(path.name for path in MIGRATIONS.glob("*.sql"))


def test_create_migrates_and_says_so(empty_url: str, bucket: Bucket, invoke: Any) -> None:
    with settings_for(empty_url):
        invoke(request(bucket))

    assert bucket.answer["Status"] == "SUCCESS"
    assert json.loads(bucket.answer["Reason"]) == {"applied": names()}
    assert (bucket.answer["StackId"], bucket.answer["RequestId"]) == (STACK, "6d2d4b7e")
    assert bucket.answer["LogicalResourceId"] == "Migration"
    assert bucket.content_types == [""], "the pre-signed URL is signed for none"
    assert apply_migrations(empty_url, MIGRATIONS, dry_run=True) == []


def test_update_migrates_under_the_same_physical_id(empty_url: str, bucket: Bucket, invoke: Any) -> None:
    with settings_for(empty_url):
        invoke(request(bucket))
        invoke(request(bucket, "Update", PhysicalResourceId="clipferry-migrations", OldResourceProperties={}))

    first, second = bucket.answers
    assert (second["Status"], json.loads(second["Reason"])) == ("SUCCESS", {"applied": []})
    assert first["PhysicalResourceId"] == second["PhysicalResourceId"] == "clipferry-migrations"


def test_failing_migration_fails_the_deployment_with_the_servers_words(
    empty_url: str, bucket: Bucket, invoke: Any
) -> None:
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute("create schema clipferry")
        connection.execute("create table clipferry.jobs (not_ours int)")
    with settings_for(empty_url):
        invoke(request(bucket))

    assert bucket.answer["Status"] == "FAILED"
    assert 'relation "jobs" already exists' in bucket.answer["Reason"]


def test_the_reason_of_a_failure_tells_nobodys_data(bucket: Bucket, database_url: str) -> None:
    def work() -> dict[str, Any]:
        try:
            with psycopg.connect(database_url) as connection:
                connection.execute("create temporary table people (email text unique)")
                connection.execute("insert into people values ('ada@example.com'), ('ada@example.com')")
        except psycopg.Error as error:
            raise ConfigurationError(f"{type(error).__name__}: {error}") from error
        return {}

    custom_resource.serve(request(bucket), resource="r", work=work, seconds_left=lambda: 300.0)

    assert "people_email_key" in bucket.answer["Reason"]
    assert "ada@" not in bucket.answer["Reason"]


def test_delete_does_nothing_and_needs_no_database(bucket: Bucket, invoke: Any) -> None:
    with settings_for(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"):
        invoke(request(bucket, "Delete", PhysicalResourceId="clipferry-migrations"))

    assert bucket.answer["Status"] == "SUCCESS"


@pytest.mark.parametrize("back_to", [OLDER, ""])
def test_rolling_back_succeeds_whatever_the_database_says(bucket: Bucket, invoke: Any, back_to: str) -> None:
    properties = {"ResourceProperties": {"DeployId": back_to}, "OldResourceProperties": {"DeployId": NEWER}}
    with settings_for(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"):
        invoke(request(bucket, "Update", **properties))

    assert bucket.answer["Status"] == "SUCCESS"
    assert "rollback" in bucket.answer["Reason"]


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://clipferry:{PASSWORD}@127.0.0.1:1/clipferry",
        f"postgresql://clipferry:{PASSWORD}@127.0.0.1:port/clipferry",
        f"postgresql://clipferry:{PASSWORD}@x@[127/clipferry",
        f"{PASSWORD} is not a URL",
    ],
    ids=["nobody-listens", "no-port", "no-host", "no-url"],
)
def test_unreachable_database_is_a_failure_that_tells_no_secret(bucket: Bucket, invoke: Any, url: str) -> None:
    with quiet_logs() as log, settings_for(url):
        answer = invoke(request(bucket))
        logged = log()

    assert bucket.answer["Status"] == "FAILED"
    assert bucket.answer["Reason"]
    said = json.dumps([answer, bucket.answers]) + logged
    assert "custom resource failed" in logged
    assert PASSWORD not in said
    assert "secret-of-the-url" not in said


def test_unreachable_database_is_named_by_its_address(bucket: Bucket, invoke: Any) -> None:
    with settings_for(f"postgresql://clipferry:{PASSWORD}@127.0.0.1:1/clipferry"):
        invoke(request(bucket))

    assert "can't connect to 127.0.0.1:1: " in bucket.answer["Reason"]


def test_what_was_made_again_and_the_time_out_of_the_settings(
    empty_url: str, invoke: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeouts: list[Any] = []
    connect = psycopg.connect

    def noting(url: str, **options: Any) -> Any:
        timeouts.append(options["connect_timeout"])
        return connect(url, **options)

    with settings_for(empty_url):
        invoke({})
        with connect(empty_url, autocommit=True) as connection:
            connection.execute("drop index clipferry_videos_list_idx")
        monkeypatch.setenv("DATABASE_CONNECT_TIMEOUT_SECONDS", "17")
        runtime.reset()
        monkeypatch.setattr(psycopg, "connect", noting)
        restored = invoke({})

    assert restored == {"applied": [], "restored": ["index clipferry_videos_list_idx on videos"]}
    assert timeouts == [17, 17], "the migration, and what the settings say of webhooks"


def test_settings_that_are_missing_are_named(bucket: Bucket, invoke: Any) -> None:
    with settings_for(""):
        invoke(request(bucket))

    assert bucket.answer["Status"] == "FAILED"
    assert "DATABASE_URL" in bucket.answer["Reason"]


@pytest.mark.parametrize("request_type", ["", "Upsert", None, {"a": 1}])
def test_garbage_is_answered_and_migrates_nothing(
    empty_url: str, bucket: Bucket, invoke: Any, request_type: Any
) -> None:
    with settings_for(empty_url):
        invoke({"RequestType": request_type, "ResponseURL": bucket.url})

    assert bucket.answer["Status"] == "FAILED"
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("select to_regclass('clipferry.migrations')").fetchone() == (None,)


@pytest.mark.parametrize("url", [None, "", "ftp://127.0.0.1/", "http://example.com/", "http://[", 7])
def test_a_request_without_a_url_to_answer_is_an_error_of_the_function(bucket: Bucket, invoke: Any, url: Any) -> None:
    with settings_for(""), pytest.raises(InvalidRequestError):
        invoke(request(bucket) | {"ResponseURL": url})


def test_unexpected_error_is_answered_by_its_name_alone(bucket: Bucket) -> None:
    def work() -> dict[str, Any]:
        raise RecursionError(PASSWORD)

    answer = custom_resource.serve(request(bucket), resource="r", work=work, seconds_left=lambda: 300.0)

    assert bucket.answer == answer
    assert (answer["Status"], answer["Reason"]) == ("FAILED", "RecursionError")


@pytest.mark.parametrize(("work", "status"), [(dict, "SUCCESS"), (lambda: 1 // 0, "FAILED")], ids=["done", "failed"])
def test_a_bucket_that_fails_changes_nothing_of_the_outcome_and_is_tried_again_after_a_pause(
    bucket: Bucket, work: Any, status: str
) -> None:
    bucket.refuse, pauses = 7, list[float]()

    custom_resource.serve(request(bucket), resource="r", work=work, seconds_left=lambda: 300.0, sleep=pauses.append)

    assert bucket.answer["Status"] == status
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_a_bucket_that_never_takes_the_answer_is_an_error_of_the_function_and_no_other_answer(bucket: Bucket) -> None:
    bucket.refuse, left, pauses = 99, iter([300.0, 20.0, 12.0, 6.0, 5.0]), list[float]()

    with pytest.raises(NetworkError, match="503"):
        custom_resource.serve(request(bucket), resource="r", work=dict, seconds_left=left.__next__, sleep=pauses.append)

    assert (pauses, bucket.refuse, bucket.answers) == ([1, 2], 96, [])


def test_the_answer_goes_through_the_proxy_as_every_request_to_aws_does(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")
    bucket.url, left = "https://bucket.invalid/answers/1?X-Amz-Signature=secret-of-the-url", iter([300.0, 0.0])

    with pytest.raises(NetworkError, match=r"bucket\.invalid: ConnectionRefusedError") as raised:
        custom_resource.serve(request(bucket), resource="r", work=dict, seconds_left=left.__next__)

    assert "secret-of-the-url" not in str(raised.value)


def signed(seconds_ago: float, form: str) -> str:
    """Returns the query of a URL that CloudFormation signed so long ago, in the form of SigV4 or of SigV2."""
    then = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return {"v4": f"&X-Amz-Date={then:%Y%m%dT%H%M%SZ}", "v2": f"&Expires={then.timestamp() + 7200:.0f}"}[form]


@pytest.mark.parametrize("form", ["v4", "v2"])
@pytest.mark.parametrize(("kind", "seconds_ago", "worked"), [("Create", 60, 1), ("Create", 100, 0), ("Update", 400, 0)])
def test_a_request_that_comes_late_does_not_migrate_behind_a_rollback(
    bucket: Bucket, form: str, kind: str, seconds_ago: float, worked: int
) -> None:
    bucket.url += signed(seconds_ago, form)
    done: list[int] = []

    custom_resource.serve(
        request(bucket, kind), resource="r", work=lambda: done.append(1) or {}, seconds_left=lambda: 300.0
    )

    assert len(done) == worked
    assert bucket.answer["Status"] == ("SUCCESS" if worked else "FAILED")
    assert worked or "s old, so it may be over" in bucket.answer["Reason"]


@pytest.mark.parametrize("garbage", ["&X-Amz-Date=yesterday", "&Expires=never", ""])
def test_a_request_whose_url_tells_no_time_is_worked_on(bucket: Bucket, garbage: str) -> None:
    bucket.url += garbage

    custom_resource.serve(request(bucket), resource="r", work=dict, seconds_left=lambda: 300.0)

    assert bucket.answer["Status"] == "SUCCESS"


def test_work_that_takes_too_long_is_answered_before_the_function_ends(bucket: Bucket) -> None:
    def work() -> dict[str, Any]:
        while not bucket.answers:
            threading.Event().wait(0.01)
        return {}

    custom_resource.serve(request(bucket), resource="r", work=work, seconds_left=lambda: custom_resource.MARGIN_SECONDS)

    assert (bucket.answer["Status"], bucket.answer["Reason"]) == ("FAILED", "ran out of time")


def test_long_reason_stays_within_what_cloudformation_reads(bucket: Bucket) -> None:
    custom_resource.serve(
        request(bucket), resource="r", work=lambda: {"applied": ["x" * 5000]}, seconds_left=lambda: 300.0
    )

    assert len(json.dumps(bucket.answer)) < 4096


def test_plain_invocation_migrates_and_a_dry_run_does_not(empty_url: str, invoke: Any) -> None:
    with settings_for(empty_url):
        assert invoke({"dryRun": True}) == {"applied": names()}
        assert invoke({}) == {"applied": names()}
        assert invoke({}) == {"applied": []}


def test_function_carries_the_migrations_of_the_repository() -> None:
    assert (Path(__file__).parents[2] / "functions/migrate/migrations").resolve() == MIGRATIONS.resolve()
