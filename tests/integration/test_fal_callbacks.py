"""fal's callbacks name a request without its app: the video gets the whole name, and nobody else gets the task."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from clipferry import callback_signature
from clipferry.db.connection import Database
from clipferry.net.http_client import HttpClient
from clipferry.providers.base import Provider
from clipferry.providers.fal import Fal
from clipferry.providers.transport import JsonApi
from clipferry.usecases.receive_callback import Callback, receive_callback
from clipferry.verdicts import Verdict
from local.providers.fal import FakeFal, fake_fal
from local.providers.faults import Faults
from tests import books, journeys
from tests.orders import order

SECRET = "the callback secret of these tests"
KEY = "key"
ENDPOINT = "fal-ai/veo3.1/fast"

pytestmark = pytest.mark.usefixtures("rich_ann")


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeFal]:
    with fake_fal(api_key=KEY, seconds=3600, film=b"film") as fake:
        fake.faults = Faults(callbacks=0)
        yield fake


@pytest.fixture
def fal(fake: FakeFal) -> Iterator[Fal]:
    client = HttpClient(fake.base_url, allow_plain_http=True)
    endpoints = ("bytedance/seedance-2.0/text-to-video", ENDPOINT)
    yield Fal(JsonApi(client, KEY, scheme="Key", sleep=lambda _: None), endpoints=lambda: endpoints)
    client.close()


def pending(database: Database) -> str:
    uuid = journeys.held_video(database)
    books.execute(database, "update public.videos set provider = 'fal' where uuid = %(u)s", u=uuid)
    return uuid


def ordered(fal: Fal) -> str:
    return fal.submit(order(model=ENDPOINT), callback_url="http://127.0.0.1:9/c", timeout=10).task_id


def call_back(database: Database, providers: Mapping[str, Provider], uuid: str, request_id: str) -> str | None:
    """fal calls back; returns the verdict that is kept."""
    url = callback_signature.callback_url(
        "https://us/c", provider="fal", video_uuid=uuid, secret=SECRET, now=datetime.now(UTC)
    )
    query = parse_qs(urlsplit(url).query)
    body = {"request_id": request_id, "gateway_request_id": request_id, "status": "OK", "payload": {}}
    receive_callback(
        Callback(
            provider="fal",
            video_uuid=uuid,
            timestamp=query["ts"][0],
            signature=query["sig"][0],
            headers={},
            body=json.dumps(body).encode(),
        ),
        database=database,
        context=journeys.context_of(providers),
        secrets=(SECRET,),
        now=datetime.now(UTC),
    )
    return books.value(
        database,
        "select verdict from clipferry.callback_inbox where video_uuid = %(u)s order by id desc limit 1",
        u=uuid,
    )


def task_of(database: Database, uuid: str) -> str | None:
    return books.value(database, "select external_task_id from public.videos where uuid = %(u)s", u=uuid)


def test_a_callback_after_a_lost_submit_brings_the_whole_name_of_the_task(database: Database, fal: Fal) -> None:
    uuid = pending(database)
    task = ordered(fal)

    assert call_back(database, {"fal": fal}, uuid, task.rpartition("/")[2]) == Verdict.RUNNING
    assert task_of(database, uuid) == task == f"fal-ai/veo3.1/requests/{task.rpartition('/')[2]}"


def test_a_callback_of_the_recorded_task_is_about_no_other(database: Database, fal: Fal) -> None:
    uuid = pending(database)
    task = ordered(fal)
    books.execute(
        database,
        "update public.videos set external_task_id = %(t)s, status = 'GENERATING' where uuid = %(u)s",
        t=task,
        u=uuid,
    )

    assert call_back(database, {"fal": fal}, uuid, task.rpartition("/")[2]) == Verdict.RUNNING
    assert call_back(database, {"fal": fal}, uuid, "another") == Verdict.OTHER_TASK


def test_a_task_that_a_video_has_is_not_given_to_another_by_the_shorter_name(database: Database, fal: Fal) -> None:
    first, second = pending(database), pending(database)
    task = ordered(fal)
    short = task.rpartition("/")[2]
    call_back(database, {"fal": fal}, first, short)

    assert call_back(database, {"fal": fal}, second, short) == Verdict.NOT_ITS_TASK
    assert (task_of(database, first), task_of(database, second)) == (task, None)
