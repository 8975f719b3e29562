"""Metrics are counted as the alarms read them: by these names and dimensions, and as 0 where all is well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import pytest

from clipferry.db.connection import Database
from clipferry.errors import (
    ProviderError,
    ProviderRefusedError,
    ProviderSilentError,
    ProviderUnreachableError,
    TaskNotFoundError,
)
from clipferry.models import Submission, TaskReport, VideoStatus
from clipferry.storage import Storage
from clipferry.transfer.interface import TransferConfig
from clipferry.usecases.advance_video import advance_video
from clipferry.usecases.mirror_video import mirror_video
from clipferry.usecases.submit_video import submit_video
from clipferry.verdicts import TaskState
from tests import books, journeys
from tests.integration.mirror_fixtures import PART, Behaviour, film, serving, strict_r2
from tests.log_lines import captured, metrics
from tests.orders import order
from tests.scripted_provider import ScriptedProvider, sign_callback

pytestmark = pytest.mark.usefixtures("rich_ann")


def answering(outcome: Submission | TaskReport | ProviderError) -> ScriptedProvider:
    """A provider that answers whatever it is asked with `outcome`."""

    def answer(_: object) -> Any:
        if isinstance(outcome, ProviderError):
            raise outcome
        return outcome

    return ScriptedProvider(submit=answer, ask=answer)


def errors(log: str) -> list[tuple[float, dict[str, str]]]:
    return [(value, dimensions) for name, value, dimensions in metrics(log) if name == "ProviderErrors"]


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        (Submission(task_id="task"), 0),
        (ProviderRefusedError("HTTP 400 policy", failure="CONTENT_POLICY"), 0),
        (ProviderRefusedError("HTTP 402", failure="PROVIDER_OUT_OF_FUNDS"), 1),
        (ProviderRefusedError("HTTP 400", failure="INVALID_INPUT"), 1),
        (ProviderUnreachableError("connection refused"), 1),
        (ProviderSilentError("time-out"), 1),
    ],
)
def test_a_submit_counts_as_the_providers_error_or_not(
    database: Database, outcome: Submission | ProviderError, counted: int
) -> None:
    video_uuid = journeys.held_video(database)
    with captured() as log, suppress(ProviderError):
        submit_video(
            [order(video_uuid=video_uuid, provider="evolink")],
            database=database,
            providers={"evolink": answering(outcome)},
            sign_callback=sign_callback,
            polling=journeys.TIMING,
        )

    assert errors(log()) == [(counted, {"provider": "evolink"})]


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        (TaskReport(state=TaskState.RUNNING), 0),
        (TaskNotFoundError("no such task"), 0),
        (ProviderError("HTTP 500 to a question"), 1),
        (ProviderSilentError("time-out"), 1),
    ],
)
def test_a_status_query_counts_as_the_providers_error_or_not(
    database: Database, outcome: TaskReport | ProviderError, counted: int
) -> None:
    uuid = journeys.video_at(database, VideoStatus.GENERATING)
    with captured() as log:
        journeys.advance(database, uuid, {"evolink": answering(outcome)})

    assert errors(log()) == [(counted, {"provider": "evolink"})]


@pytest.mark.parametrize(("claimed", "adopted"), [("theirs", [(1, {"provider": "evolink"})]), (None, [])])
def test_a_task_that_only_a_callback_has_named_is_counted(
    database: Database, claimed: str | None, adopted: list[tuple[float, dict[str, str]]]
) -> None:
    """It may be another product's on the same account of the provider."""
    video = journeys.read(database, journeys.held_video(database))
    context = journeys.context_of({"evolink": ScriptedProvider()})
    with captured() as log:
        advance_video(video, claimed_task=claimed, database=database, context=context)

    assert [(value, d) for name, value, d in metrics(log()) if name == "TasksAdopted"] == adopted


@pytest.fixture
def uuid(database: Database) -> str:
    """A video that waits to be mirrored."""
    uuid = journeys.held_video(database)
    assert journeys.record(database, uuid)
    assert journeys.start_upload(database, uuid)
    return uuid


@pytest.fixture
def bucket() -> Iterator[Any]:
    with strict_r2() as r2:
        yield r2


def mirror(database: Database, uuid: str, bucket: Any, behaviour: Behaviour, *, secret_key: str) -> str:
    """Mirrors the video, and returns what was logged."""
    storage = Storage(
        endpoint=bucket.url,
        region="auto",
        access_key=bucket.access_key,
        secret_key=secret_key,
        bucket=bucket.name,
        public_domain="https://cdn.example.com",
        allow_loopback=True,
        config=TransferConfig(
            part_size=PART, workers=1, cpus=1000.0, single_seconds=0, pause_seconds=0.01, stall_seconds=0.5
        ),
    )
    with serving(behaviour) as source, closing(storage), captured() as log:
        set_source = "update public.videos set original_video_url = %(url)s where uuid = %(uuid)s"
        books.execute(database, set_source, url=source.url, uuid=uuid)
        mirror_video(
            uuid,
            database=database,
            storage=storage,
            providers={},
            polling=journeys.TIMING,
            seconds_left=lambda: 300.0,
        )
    return log()


def test_a_bucket_whose_key_was_revoked_interrupts_the_mirror_and_says_that_it_is_the_bucket(
    database: Database, uuid: str, bucket: Any
) -> None:
    log = mirror(database, uuid, bucket, Behaviour(film(PART)), secret_key="revoked")

    assert metrics(log) == [("MirrorsInterrupted", 1, {"reason": "STORAGE_UNAVAILABLE"})]
    assert journeys.status_of(database, uuid) == "UPLOADING"


@pytest.mark.parametrize(("fault", "reason"), [("500", "SOURCE_ERROR"), ("html", "SOURCE_INVALID")])
def test_a_source_that_fails_interrupts_the_mirror_and_says_that_it_is_the_source(
    database: Database, uuid: str, bucket: Any, fault: str, reason: str
) -> None:
    behaviour = Behaviour(film(PART), fault=fault, times=1000, after=0)

    log = mirror(database, uuid, bucket, behaviour, secret_key=bucket.secret_key)

    assert metrics(log) == [("MirrorsInterrupted", 1, {"reason": reason}), ("SourceErrors", 1, {})]


def test_a_source_that_is_gone_fails_the_video_and_says_why(database: Database, uuid: str, bucket: Any) -> None:
    behaviour = Behaviour(film(PART), fault="404", times=1000)

    log = mirror(database, uuid, bucket, behaviour, secret_key=bucket.secret_key)

    assert metrics(log) == [("VideosFailed", 1, {"reason": "FILE_UNAVAILABLE"}), ("VideosCompleted", 0, {})]
