"""`clipferry redrive` against moto's SQS: nothing is lost, and everything is named."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from cli import queues as mirror_queues
from clipferry.db.connection import Database
from clipferry.errors import QueueError
from clipferry.models import VideoStatus
from clipferry.observability import logger
from tests import books, command_line, journeys
from tests.command_line import Clipferry
from tests.integration import operator_fakes
from tests.integration.operator_fakes import Sqs


@pytest.fixture(scope="module")
def server() -> Iterator[Sqs]:
    with operator_fakes.sqs() as queues:
        yield queues


@pytest.fixture
def queues(server: Sqs) -> Sqs:
    server.renew()
    return server


@pytest.fixture
def clipferry(
    database_url: str, queues: Sqs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Clipferry]:
    for name, value in {
        "MIRROR_QUEUE_URL": queues.queue_url,
        "AWS_ENDPOINT_URL_SQS": queues.endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    level = logger.log_level
    yield command_line.runner(database_url, monkeypatch, capsys)
    logger.setLevel(level)


def letter(uuid: str) -> str:
    return json.dumps({"videoUuid": uuid})


def test_every_dead_letter_goes_back_and_is_named(clipferry: Clipferry, queues: Sqs, database: Database) -> None:
    books.add_user(database)
    books.add_package(database, 100)
    uuids = [journeys.video_at(database, status) for status in (VideoStatus.UPLOADING, VideoStatus.COMPLETED)]
    more = [f"vid_gone_{number}" for number in range(23)]
    queues.bury(*(letter(uuid) for uuid in uuids + more), trace="request-1")

    rows = clipferry("redrive", "--yes", "--json").json

    assert {row["video_uuid"]: row["status"] for row in rows} == {
        uuids[0]: "UPLOADING",
        uuids[1]: "COMPLETED",
        **dict.fromkeys(more, "unknown"),
    }
    assert {row["result"] for row in rows} == {"sent again"}
    assert all(row["sent_at"].endswith("Z") for row in rows)
    moved = queues.waiting(queues.queue_url)
    assert sorted(json.loads(message["Body"])["videoUuid"] for message in moved) == sorted(uuids + more)
    assert {message["MessageAttributes"]["trace"]["StringValue"] for message in moved} == {"request-1"}
    assert queues.waiting(queues.letters_url) == []


def test_a_dry_run_says_what_lies_there_and_leaves_it(clipferry: Clipferry, queues: Sqs) -> None:
    queues.bury(*(letter(f"vid_{number}") for number in range(12)))

    for _ in range(2):
        rows = clipferry("redrive", "--dry-run", "--json").json
        assert len(rows) == 12
        assert {row["result"] for row in rows} == {"would be sent again"}
    assert queues.waiting(queues.queue_url) == []
    assert len(queues.videos(queues.letters_url)) == 12


def test_a_limit_leaves_the_rest_where_it_is(clipferry: Clipferry, queues: Sqs) -> None:
    queues.bury(*(letter(f"vid_{number:02}") for number in range(8)))

    ended = clipferry("redrive", "--yes", "--limit", "3", "--json")
    moved = {row["video_uuid"] for row in ended.json}

    assert len(moved) == 3
    assert "there may be more" in ended.err
    assert set(queues.videos(queues.queue_url)) == moved
    assert len(queues.videos(queues.letters_url)) == 5


def test_a_letter_that_is_not_ours_stays_and_makes_it_exit_1(clipferry: Clipferry, queues: Sqs) -> None:
    queues.bury("somebody else's", letter("vid_1"))
    ended = clipferry("redrive", "--yes", "--json")

    assert ended.status == 1
    assert {row["video_uuid"]: row["result"] for row in ended.json} == {
        None: "left: not one of ours",
        "vid_1": "sent again",
    }
    assert queues.videos(queues.queue_url) == ["vid_1"]
    [left] = queues.waiting(queues.letters_url)
    assert left["Body"] == "somebody else's"


def test_what_cannot_be_sent_stays_among_the_dead(queues: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue goes away after the letter was received."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    queues.bury(letter("vid_1"))
    with mirror_queues.at(queues.queue_url, region="us-east-1", endpoint=queues.endpoint) as mirror:
        [received] = mirror.receive_dead_letters(hidden_seconds=120)
        queues.client.delete_queue(QueueUrl=queues.queue_url)
        queues.queue_url = ""

        with pytest.raises(QueueError, match="SendMessage"):
            mirror.send_back(received)
        mirror.put_back([received])

    assert queues.videos(queues.letters_url) == ["vid_1"]


def test_it_asks_first_and_not_where_nobody_can_answer(clipferry: Clipferry, queues: Sqs) -> None:
    queues.bury(letter("vid_1"))

    refused = clipferry("redrive")
    assert (refused.status, refused.out) == (2, "")
    assert "--yes" in refused.err
    assert clipferry("redrive", answer="n\n").status == 1
    assert queues.waiting(queues.queue_url) == []
    ended = clipferry("redrive", answer="y\n")
    assert ended.status == 0
    assert "about 1 dead letters" in ended.err
    assert "vid_1" in ended.out
    assert queues.videos(queues.queue_url) == ["vid_1"]


def test_no_dead_letters_is_well(clipferry: Clipferry) -> None:
    ended = clipferry("redrive", "--yes")

    assert (ended.status, ended.out) == (0, "There are no dead letters.\n")


def test_without_a_queue_it_says_what_to_set(clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIRROR_QUEUE_URL")
    ended = clipferry("redrive")

    assert ended.status == 2
    assert "MIRROR_QUEUE_URL" in ended.err


def test_a_queue_without_dead_letters_is_a_sentence(
    clipferry: Clipferry, server: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.renew(with_letters=False)
    monkeypatch.setenv("MIRROR_QUEUE_URL", server.queue_url)
    ended = clipferry("redrive", "--yes")

    assert ended.status == 1
    assert "has no dead-letter queue" in ended.err
