"""`clipferry webhooks` on a real database, and its test against a receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook

from clipferry.db.connection import Database
from tests import books, journeys
from tests.callback_receiver import Receiver, receiving
from tests.command_line import Clipferry
from tests.http_api import environment
from tests.integration.operator_fakes import Sqs
from tests.integration.webhook_journey import OWNERS, SECRET, Journey


@pytest.fixture
def journey(database: Database) -> Journey:
    books.add_user(database)
    books.add_package(database, 1000)
    return Journey(database, answer=500)


@pytest.fixture
def receiver(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """The owner's endpoint, whose address has no query."""
    with receiving() as receiver:
        url = receiver.url.partition("?")[0]
        for name, value in (environment(database_url) | {"WEBHOOK_URL": url, "WEBHOOK_SECRET": SECRET}).items():
            monkeypatch.setenv(name, value)
        yield receiver


def failed(journey: Journey) -> str:
    uuid = journeys.held_video(journey.database)
    assert journeys.fail(journey.database, uuid)
    return uuid


def test_deliveries_are_listed_newest_first_and_by_state_and_video(clipferry: Clipferry, journey: Journey) -> None:
    first, second = failed(journey), failed(journey)
    journey.let_pass(300, step=300)

    rows = clipferry("webhooks", "list", "--json").json
    assert [(row["video_uuid"], row["state"], row["last_status"]) for row in rows] == [
        (second, "PENDING", 500),
        (first, "PENDING", 500),
    ]
    assert [row["video_uuid"] for row in clipferry("webhooks", "list", "--video", first, "--json").json] == [first]
    assert clipferry("webhooks", "list", "--state", "delivered", "--json").json == []
    assert "video.failed" in clipferry("webhooks", "list").out
    [endpoint] = clipferry("webhooks", "list", "--endpoints", "--json").json
    assert (endpoint["url"], endpoint["pending"], endpoint["switched_off"]) == (OWNERS, 2, None)


def test_an_event_is_shown_as_it_is_sent(clipferry: Clipferry, journey: Journey) -> None:
    uuid = failed(journey)
    [row] = clipferry("webhooks", "list", "--json").json

    shown = clipferry("webhooks", "show", row["event_id"], "--json").json
    assert shown["body"]["data"]["videoUuid"] == uuid
    assert [delivery["url"] for delivery in shown["deliveries"]] == [OWNERS]
    table = clipferry("webhooks", "show", row["event_id"]).out
    assert json.dumps(uuid) in table
    assert f"PENDING: {OWNERS}" in table
    assert clipferry("webhooks", "show", "evt_unknown").status == 1


def test_a_replay_sends_the_same_again(clipferry: Clipferry, journey: Journey) -> None:
    journey.answer = 200
    failed(journey)
    journey.let_pass(300, step=300)
    assert journey.states() == ["DELIVERED"]
    event_id = journey.received[0].event_id

    assert [row["event_id"] for row in clipferry("webhooks", "replay", event_id, "--yes", "--json").json] == [event_id]
    journey.let_pass(300, step=300)

    assert [request.event_id for request in journey.received] == [event_id, event_id]
    assert len({request.body for request in journey.received}) == 1


def test_what_was_given_up_is_replayed_together(clipferry: Clipferry, journey: Journey) -> None:
    failed(journey)
    failed(journey)
    books.execute(
        journey.database, "update clipferry.webhook_deliveries set state = 'GIVEN_UP', next_attempt_at = null"
    )
    journey.answer = 200

    assert len(clipferry("webhooks", "replay", "--undelivered", "--yes", "--json").json) == 2
    journey.let_pass(300, step=300)

    assert journey.states() == ["DELIVERED", "DELIVERED"]
    assert clipferry("webhooks", "replay", "--undelivered", "--yes").status == 1
    assert clipferry("webhooks", "replay", "--yes").status == 2


def test_the_test_is_signed_and_switches_the_endpoint_on_again(
    clipferry: Clipferry, database: Database, receiver: Receiver
) -> None:
    url = receiver.url.partition("?")[0]
    Journey(database, url=url)
    books.execute(database, "update clipferry.webhook_endpoints set switched_off = 'GONE', switched_off_at = now()")
    receiver.answers = [500]

    refused = clipferry("webhooks", "test", "--json")
    assert (refused.status, refused.json["status"], refused.json["accepted"]) == (1, 500, False)
    assert books.value(database, "select switched_off from clipferry.webhook_endpoints") == "GONE"
    accepted = clipferry("webhooks", "test", "--json")
    assert (accepted.status, accepted.json["status"]) == (0, 200)
    assert books.value(database, "select switched_off from clipferry.webhook_endpoints") is None
    request = receiver.requests[1]
    assert Webhook(SECRET).verify(request.body or b"", dict(request.headers.items()))["type"] == "webhook.test"


def test_without_an_endpoint_there_is_nothing_to_test(
    clipferry: Clipferry, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEBHOOK_URL")

    assert clipferry("webhooks", "test").status == 2


def test_the_webhooks_dead_letters_are_sent_again(
    clipferry: Clipferry, queues: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_QUEUE_URL", queues.queue_url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", queues.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    queues.add_dead_letters('{"deliveryId": 7}', '{"videoUuid": "vid_1"}')

    ended = clipferry("redrive", "--webhooks", "--yes", "--json")

    assert ended.status == 1
    assert {row["delivery_id"]: row["result"] for row in ended.json} == {
        7: "sent again",
        None: "left: not a message of Clipferry",
    }
    assert [message["Body"] for message in queues.receive_all(queues.queue_url)] == ['{"deliveryId": 7}']
