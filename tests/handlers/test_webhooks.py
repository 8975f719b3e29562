"""Webhooks at the functions' edges: a request's own address, its secret, and the function that sends them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from clipferry import runtime
from clipferry.db.connection import Database
from clipferry.usecases.queue_webhooks import set_owners_endpoint
from clipferry.webhooks import signature as webhook_signature
from functions.deliver_webhooks.app import lambda_handler
from local.lambda_runtime.events import schedule_event, sqs_event
from local.lambda_runtime.lambda_context import LambdaContext
from local.sam_template.environment import in_process
from tests import books, journeys
from tests.callback_receiver import Receiver, receiving
from tests.http_api import Api, Person, environment

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
ORDER = {"prompt": "A ferry at dawn", "model": "seedance-2.0", "duration": 5}
HOOK = "https://hooks.example.com/clipferry"


@pytest.fixture
def webhooks(database_url: str) -> Iterator[Api]:
    """The API where webhooks are set up; nobody answers at the queue."""
    own = {"WEBHOOK_SECRET": SECRET, "WEBHOOK_QUEUE_URL": "http://127.0.0.1:9/000000000000/webhooks"}
    with in_process(environment(database_url) | own):
        runtime.reset()
        yield Api()
        runtime.reset()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def order(api: Api, headers: dict[str, str], url: str | None = HOOK, **more: str) -> Any:
    body = {**ORDER, "webhookUrl": url}
    return api.call("POST", "/api/v1/video/generate", body, headers={**headers, **more})


def named(database: Database) -> list[tuple[str, str]]:
    sql = """
    select e.user_id, e.url from clipferry.jobs j join clipferry.webhook_endpoints e on e.id = j.webhook_endpoint_id
    """
    return [(row["user_id"], row["url"]) for row in books.rows(database, sql)]


def deliver(event: dict[str, Any]) -> Any:
    return lambda_handler(event, LambdaContext(function_name="deliver_webhooks", timeout_seconds=29))


def message(body: Any) -> dict[str, Any]:
    return sqs_event({"MessageId": "1", "ReceiptHandle": "1", "Body": json.dumps(body)}, queue_arn="arn:aws:sqs:x:1:q")


def test_an_order_by_key_names_an_address_which_hears_of_the_end(
    webhooks: Api, database: Database, ann: Person
) -> None:
    """No provider can be reached, so the video fails at once."""
    books.add_package(database, 1000)
    assert order(webhooks, ann.by_key).status == 502

    assert named(database) == [("ann", HOOK)]
    told = books.value(database, "select body::jsonb ->> 'type' from clipferry.webhook_events")
    assert told == "video.failed"


@pytest.mark.parametrize("kind", ["by_session", "by_cookie"])
def test_a_browser_names_none(webhooks: Api, database: Database, ann: Person, kind: str) -> None:
    books.add_package(database, 1000)
    refused = order(webhooks, getattr(ann, kind))

    assert refused.status == 400
    assert [fault["path"] for fault in refused.payload["error"]["details"]["fields"]] == ["webhookUrl"]
    assert order(webhooks, getattr(ann, kind), None).status == 502, "null is none"
    assert named(database) == []


def test_where_webhooks_are_not_set_up_nobody_names_one(api: Api, database: Database, ann: Person) -> None:
    books.add_package(database, 1000)

    assert order(api, ann.by_key).status == 400
    assert api.call("GET", "/api/v1/webhook/secret", headers=ann.by_key).status == 404


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://10.0.0.1/", "https://localhost/", "https://a@b.example/", "hooks", ""]
)
def test_an_address_that_is_not_public_is_refused(webhooks: Api, database: Database, ann: Person, url: str) -> None:
    books.add_package(database, 1000)

    assert order(webhooks, ann.by_key, url).status == 400
    assert books.rows(database, "select from public.videos") == []


def test_a_key_without_the_scope_names_none_and_reads_no_secret(webhooks: Api, database: Database, ann: Person) -> None:
    books.add_package(database, 1000)
    made = webhooks.call(
        "POST", "/api/v1/key", {"name": "films", "scopes": ["videos:write"]}, headers=ann.by_session
    ).data
    by_key = {"authorization": f"Bearer {made['key']}"}

    assert (order(webhooks, by_key).status, order(webhooks, by_key).code) == (403, "KEY_NOT_ALLOWED")
    assert webhooks.call("GET", "/api/v1/webhook/secret", headers=by_key).status == 403
    assert order(webhooks, by_key, None).status == 502
    assert named(database) == []


def test_another_address_under_the_same_idempotency_key_is_another_request(
    webhooks: Api, database: Database, ann: Person
) -> None:
    books.add_package(database, 1000)
    headers = {**ann.by_key, "idempotency-key": "once"}
    first, again = order(webhooks, headers), order(webhooks, headers)

    assert again.payload == first.payload
    assert order(webhooks, headers, "https://other.example.com/").code == "IDEMPOTENCY_KEY_REUSED"
    assert named(database) == [("ann", HOOK)]


@pytest.mark.parametrize("kind", ["by_session", "by_key", "by_cookie"])
def test_each_user_reads_a_secret_of_ones_own(webhooks: Api, ann: Person, bob: Person, kind: str) -> None:
    for one in (ann, bob):
        read = webhooks.call("GET", "/api/v1/webhook/secret", headers=getattr(one, kind)).data
        assert read == {"secret": webhook_signature.user_secret(SECRET, one.user_id)}


def due(database: Database, receiver: Receiver) -> int:
    """A webhook for the receiver, which is the owner's endpoint."""
    set_owners_endpoint(database=database, url=receiver.url, credits_low=None)
    books.add_package(database, 1000)
    assert journeys.fail(database, journeys.held_video(database))
    return books.value(database, "select id from clipferry.webhook_deliveries")


def test_a_message_is_a_webhook_sent(webhooks: Api, database: Database, ann: Person, receiver: Receiver) -> None:
    delivery_id = due(database, receiver)

    assert deliver(message({"deliveryId": delivery_id})) == {"batchItemFailures": []}
    assert deliver(message({"deliveryId": delivery_id})) == {"batchItemFailures": []}, "twice is harmless"

    [request] = receiver.requests
    assert request.method == "POST"
    assert request.headers["content-type"] == "application/json"
    assert Webhook(SECRET).verify(request.body or b"", dict(request.headers.items()))["type"] == "video.failed"


def test_a_receivers_error_is_no_error_of_the_function_even_without_a_queue(
    webhooks: Api, database: Database, ann: Person, receiver: Receiver
) -> None:
    receiver.answers = [500]
    delivery_id = due(database, receiver)

    assert deliver(message({"deliveryId": delivery_id})) == {"batchItemFailures": []}
    state = books.rows(database, "select state, attempts, last_status from clipferry.webhook_deliveries")
    assert state == [{"state": "PENDING", "attempts": 1, "last_status": 500}]


@pytest.mark.parametrize("body", [{}, {"deliveryId": "1"}, {"deliveryId": 0}, {"deliveryId": True}, [1], None, 2**70])
def test_a_message_that_is_not_ours_fails_and_comes_to_the_dead_letters(
    webhooks: Api, database: Database, body: Any
) -> None:
    with pytest.raises(Exception, match="every message failed"):
        deliver(message(body))


def test_the_minutes_tick_takes_over_the_settings_and_queues_what_is_due(
    webhooks: Api, database: Database, ann: Person
) -> None:
    with in_process({"WEBHOOK_URL": HOOK, "WEBHOOK_CREDITS_LOW": "50"}):
        runtime.reset()
        assert deliver(schedule_event(rule="minute")) == {"queued": 0}
    endpoints = books.rows(database, "select user_id, url, credits_low from clipferry.webhook_endpoints")
    assert endpoints == [{"user_id": None, "url": HOOK, "credits_low": 50}]
