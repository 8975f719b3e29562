"""`clipferry redrive` against moto's SQS: no message is lost, and each is listed with its video."""

from __future__ import annotations

import json

import pytest

from cli import queues as mirror_queues
from clipferry.db.connection import Database
from clipferry.errors import QueueError
from clipferry.models import VideoStatus
from tests import books, journeys
from tests.command_line import Clipferry
from tests.integration.operator_fakes import Sqs


@pytest.fixture
def clipferry(clipferry: Clipferry, queues: Sqs, monkeypatch: pytest.MonkeyPatch) -> Clipferry:
    """The command line on moto's queues."""
    for name, value in queues.settings.items():
        monkeypatch.setenv(name, value)
    return clipferry


def message_for(uuid: str) -> str:
    return json.dumps({"videoUuid": uuid})


def test_every_dead_letter_is_sent_again_and_listed(clipferry: Clipferry, queues: Sqs, database: Database) -> None:
    books.add_user(database)
    books.add_package(database, 100)
    uuids = [journeys.video_at(database, status) for status in (VideoStatus.UPLOADING, VideoStatus.COMPLETED)]
    more = [f"vid_gone_{number}" for number in range(23)]
    queues.add_dead_letters(*(message_for(uuid) for uuid in uuids + more), trace="request-1")

    rows = clipferry("redrive", "--yes", "--json").json

    assert {row["video_uuid"]: row["status"] for row in rows} == {
        uuids[0]: "UPLOADING",
        uuids[1]: "COMPLETED",
        **dict.fromkeys(more, "unknown"),
    }
    assert {row["result"] for row in rows} == {"sent again"}
    assert all(row["sent_at"].endswith("Z") for row in rows)
    moved = queues.receive_all(queues.queue_url)
    assert sorted(json.loads(message["Body"])["videoUuid"] for message in moved) == sorted(uuids + more)
    assert {message["MessageAttributes"]["trace"]["StringValue"] for message in moved} == {"request-1"}
    assert queues.receive_all(queues.dead_letters_url) == []


def test_a_dry_run_lists_the_dead_letters_and_moves_none(clipferry: Clipferry, queues: Sqs) -> None:
    queues.add_dead_letters(*(message_for(f"vid_{number}") for number in range(12)))

    for _ in range(2):
        rows = clipferry("redrive", "--dry-run", "--json").json
        assert len(rows) == 12
        assert {row["result"] for row in rows} == {"would be sent again"}
    assert queues.receive_all(queues.queue_url) == []
    assert len(queues.videos(queues.dead_letters_url)) == 12


def test_messages_beyond_the_limit_stay_in_the_dead_letter_queue(clipferry: Clipferry, queues: Sqs) -> None:
    queues.add_dead_letters(*(message_for(f"vid_{number:02}") for number in range(8)))

    ended = clipferry("redrive", "--yes", "--limit", "3", "--json")
    moved = {row["video_uuid"] for row in ended.json}

    assert len(moved) == 3
    assert "there may be more" in ended.err
    assert set(queues.videos(queues.queue_url)) == moved
    assert len(queues.videos(queues.dead_letters_url)) == 5


def test_a_foreign_message_stays_and_the_exit_status_is_1(clipferry: Clipferry, queues: Sqs) -> None:
    queues.add_dead_letters("somebody else's", message_for("vid_1"))
    ended = clipferry("redrive", "--yes", "--json")

    assert ended.status == 1
    assert {row["video_uuid"]: row["result"] for row in ended.json} == {
        None: "left: not a message of Clipferry",
        "vid_1": "sent again",
    }
    assert queues.videos(queues.queue_url) == ["vid_1"]
    [left] = queues.receive_all(queues.dead_letters_url)
    assert left["Body"] == "somebody else's"


def test_a_message_that_cannot_be_sent_stays_in_the_dead_letter_queue(
    queues: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mirror queue is deleted after the message was received."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    queues.add_dead_letters(message_for("vid_1"))
    with mirror_queues.connect_to(queues.queue_url, region="us-east-1", endpoint=queues.endpoint) as mirror:
        [received] = mirror.receive_dead_letters(hidden_seconds=120)
        queues.client.delete_queue(QueueUrl=queues.queue_url)
        queues.queue_url = ""

        with pytest.raises(QueueError, match="SendMessage"):
            mirror.redrive(received)
        mirror.make_visible([received])

    assert queues.videos(queues.dead_letters_url) == ["vid_1"]


def test_it_asks_first_and_exits_with_2_without_a_terminal(clipferry: Clipferry, queues: Sqs) -> None:
    queues.add_dead_letters(message_for("vid_1"))

    refused = clipferry("redrive")
    assert (refused.status, refused.out) == (2, "")
    assert "--yes" in refused.err
    assert clipferry("redrive", answer="n\n").status == 1
    assert queues.receive_all(queues.queue_url) == []
    ended = clipferry("redrive", answer="y\n")
    assert ended.status == 0
    assert "about 1 dead letters" in ended.err
    assert "vid_1" in ended.out
    assert queues.videos(queues.queue_url) == ["vid_1"]


def test_no_dead_letters_is_a_success(clipferry: Clipferry) -> None:
    ended = clipferry("redrive", "--yes")

    assert (ended.status, ended.out) == (0, "There are no dead letters.\n")


def test_without_a_queue_url_it_exits_with_2_and_names_the_variable(
    clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MIRROR_QUEUE_URL")
    ended = clipferry("redrive")

    assert ended.status == 2
    assert "MIRROR_QUEUE_URL" in ended.err


def test_a_queue_without_a_dead_letter_queue_is_reported_in_a_sentence(
    clipferry: Clipferry, sqs_server: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs_server.renew(with_dead_letters=False)
    monkeypatch.setenv("MIRROR_QUEUE_URL", sqs_server.queue_url)
    ended = clipferry("redrive", "--yes")

    assert ended.status == 1
    assert "has no dead-letter queue" in ended.err
