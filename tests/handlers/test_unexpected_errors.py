"""Every 500 is counted for its function, as the alarm in its canary reads it; what users cause at will is taken off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from clipferry import runtime
from clipferry.api.app import build_app
from clipferry.errors import (
    ClipferryError,
    DatabaseUnavailableError,
    ProviderRefusedError,
    ProviderUnreachableError,
    ReplayedError,
)
from local.lambda_runtime.events import http_event
from local.lambda_runtime.lambda_context import LambdaContext
from local.sam_template.environment import in_process
from tests.http_api import Api, Person, environment
from tests.log_lines import captured, metrics

ORDER = {"prompt": "A ferry at dusk", "model": "seedance-2.0", "duration": 5, "quality": "480p"}
BROKEN = {
    "CreateVideoFunction": ("POST", "/api/v1/video/generate", ORDER),
    "ReceiveCallbackFunction": ("POST", "CALLBACK", {"id": "task-1", "status": "completed"}),
    "QueryVideosFunction": ("GET", "/api/v1/video/list", None),
    "AccountFunction": ("GET", "/api/v1/credit/history", None),
}
OLDER = """
alter table public.videos rename column credits_used to gone;
alter table clipferry.callback_inbox rename column received_at to gone;
alter table public.credit_transactions rename column created_at to gone
"""
AS_IT_WAS = """
alter table public.videos rename column gone to credits_used;
alter table clipferry.callback_inbox rename column gone to received_at;
alter table public.credit_transactions rename column gone to created_at
"""


@contextmanager
def older_tables(database_url: str) -> Iterator[None]:
    """New code whose migration hasn't run sends statements that PostgreSQL doesn't understand."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(OLDER)
        try:
            yield
        finally:
            connection.execute(AS_IT_WAS)


@pytest.mark.parametrize("function", BROKEN)
def test_statement_that_the_database_does_not_understand_is_counted(
    api: Api, ann: Person, database_url: str, function: str
) -> None:
    method, path, body = BROKEN[function]
    if path == "CALLBACK":
        path = runtime.dependencies().sign_callback("https://api.example.com/api/v1/video/callback")("evolink", "vid_1")
        path = path.removeprefix("https://api.example.com")
    with older_tables(database_url), captured() as log:
        answer = api.call(method, path, body, ann.by_session)

    assert (answer.status, answer.code) == (500, "INTERNAL_ERROR")
    assert metrics(log()) == [("UnexpectedErrors", 1, {"function": function})]


def test_settings_that_make_no_sense_are_counted(database_url: str) -> None:
    with in_process({**environment(database_url), "STAGE": "nowhere"}), captured() as log:
        runtime.reset()
        answer = Api().call("GET", "/api/v1/video/list")
        runtime.reset()

    assert (answer.status, answer.code) == (500, "CONFIGURATION_ERROR")
    assert metrics(log()) == [("UnexpectedErrors", 1, {"function": "QueryVideosFunction"})]


def test_a_database_that_is_away_is_not_counted_as_an_unexpected_error(database_url: str) -> None:
    """A 503 says nothing about the code that was deployed."""
    away = {**environment(database_url), "DATABASE_URL": "postgresql://u:p@127.0.0.1:9/x"}
    with in_process(away), captured() as log:
        runtime.reset()
        answer = Api().call("GET", "/api/v1/video/list", headers={"authorization": "Bearer token"})
        runtime.reset()

    assert (answer.status, answer.code) == (503, "DATABASE_UNAVAILABLE")
    assert metrics(log()) == []


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (ProviderRefusedError("no", failure="CONTENT_POLICY"), [("ApiServerErrors", -1, {})]),
        (ReplayedError({"status": 502, "error": {"code": "PROVIDER_ERROR"}}), [("ApiServerErrors", -1, {})]),
        (ReplayedError({"status": 402, "error": {"code": "INSUFFICIENT_CREDITS"}}), []),
        (ProviderRefusedError("no", failure="PROVIDER_OUT_OF_FUNDS"), []),
        (ProviderUnreachableError("no"), []),
        (DatabaseUnavailableError("no"), []),
    ],
    ids=["prompt", "repeat", "repeat below 500", "funds", "unreachable", "database"],
)
def test_an_error_that_a_user_can_cause_at_will_is_taken_off_the_count(
    error: ClipferryError, counted: list[tuple[str, float, dict[str, str]]]
) -> None:
    if isinstance(error, ProviderRefusedError):
        error.details = {"videoUuid": "vid_1", "errorCode": error.failure}
    app = build_app()

    @app.get("/api/v1/health")
    def fail() -> None:
        raise error

    with captured() as log:
        app.resolve(http_event("GET", "/api/v1/health"), LambdaContext(function_name="tested", timeout_seconds=29))

    assert metrics(log()) == counted
