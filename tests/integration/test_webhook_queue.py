"""The webhooks' queue, and the connection that asks it for what its transactions have written."""

from __future__ import annotations

from contextlib import closing

import pytest

from clipferry.aws.sigv4 import Credentials
from clipferry.db import webhook_endpoints
from clipferry.db.connection import Database
from clipferry.errors import ConfigurationError, InvalidRequestError
from clipferry.webhooks.queue import WebhookQueue, read_message
from tests import books, journeys
from tests.integration.operator_fakes import Sqs

KEYS = Credentials(access_key="testing", secret_key="testing", session_token="")


@pytest.fixture
def _endpoint(database: Database) -> None:
    books.add_user(database)
    books.add_package(database, 100)
    with database.transaction() as tx:
        webhook_endpoints.set_owners(tx, url="https://app.example.com/webhooks", credits_low=None)


@pytest.mark.usefixtures("_endpoint")
def test_a_committed_end_is_on_the_queue_and_one_rolled_back_is_not(database_url: str, queues: Sqs) -> None:
    queue = WebhookQueue(queues.queue_url, region="us-east-1", endpoint_url=queues.endpoint, credentials=lambda: KEYS)
    with closing(queue), closing(Database(database_url, announce=queue.announce)) as database:
        assert journeys.fail(database, journeys.held_video(database))
        assert not journeys.fail(database, journeys.video_at(database, journeys.VideoStatus.COMPLETED))
        written = books.rows(database, "select id from clipferry.webhook_deliveries order by id")

    bodies = [message["Body"] for message in queues.receive_all(queues.queue_url)]
    assert [read_message(body) for body in bodies] == [row["id"] for row in written]
    assert len(written) == 2


@pytest.mark.usefixtures("_endpoint")
def test_a_queue_that_cannot_be_asked_fails_no_transaction(database_url: str) -> None:
    def no_credentials() -> Credentials:
        raise ConfigurationError("no credentials")

    nowhere = "http://127.0.0.1:9"
    for credentials in (lambda: KEYS, no_credentials):
        queue = WebhookQueue(f"{nowhere}/1/w", region="us-east-1", endpoint_url=nowhere, credentials=credentials)
        with closing(queue), closing(Database(database_url, announce=queue.announce)) as database:
            assert journeys.fail(database, journeys.held_video(database))


@pytest.mark.parametrize("body", ["", "[]", "7", '{"deliveryId": "7"}', '{"deliveryId": 1.0}', "{", "[" * 100_000])
def test_a_message_that_is_not_ours_is_refused(body: str) -> None:
    with pytest.raises(InvalidRequestError):
        read_message(body)
