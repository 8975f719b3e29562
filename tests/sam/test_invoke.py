"""`sam local invoke`, function by function: first the tables, then a video from its order to its file in the bucket."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local.providers.faults import Faults
from tests import cloudformation

MIGRATIONS = Path(__file__).parents[2] / "migrations"

pytestmark = pytest.mark.usefixtures("migrated")


@pytest.fixture(scope="module")
def created(invoke: Any, running_stack: Any, stored_event: Any) -> dict[str, Any]:
    """The answer to an order for a video that the provider finishes at once, and doesn't call back about."""
    running_stack.evolink.next(Faults(callbacks=0))
    answer = invoke("CreateVideoFunction", stored_event("create_video"))
    assert answer["statusCode"] == HTTPStatus.ACCEPTED, answer
    return json.loads(answer["body"])["data"]


@pytest.fixture(scope="module")
def called_back(created: dict[str, Any], invoke: Any, running_stack: Any, event_for: Any) -> dict[str, Any]:
    """The answer to the provider's call, when the video is finished."""
    running_stack.evolink.tasks[created["taskId"]].called_back.wait()  # that is, it has ended
    return invoke("ReceiveCallbackFunction", event_for("receive_callback", created["videoUuid"]))


@pytest.fixture(scope="module")
def mirrored(called_back: Any, created: dict[str, Any], invoke: Any, event_for: Any) -> Any:
    return invoke("MirrorVideoFunction", event_for("mirror_video", created["videoUuid"]))


def test_migrate_applies_what_the_repository_has(migrated: list[str]) -> None:
    assert migrated == sorted(path.name for path in MIGRATIONS.glob("*.sql"))


def test_cloudformation_hears_that_there_is_nothing_left_to_migrate(invoke: Any) -> None:
    with cloudformation.listening() as bucket:
        invoke("MigrateFunction", cloudformation.request(bucket, "Create"))

    assert (bucket.answer["Status"], json.loads(bucket.answer["Reason"])) == ("SUCCESS", {"applied": []})


def test_created_video_is_with_the_provider(created: dict[str, Any], running_stack: Any) -> None:
    assert created["status"] == "GENERATING"
    assert created["provider"] == "evolink"
    assert created["taskId"] in running_stack.evolink.tasks


def test_callback_sends_the_finished_video_to_the_mirror(
    called_back: dict[str, Any], created: dict[str, Any], running_stack: Any
) -> None:
    assert called_back["statusCode"] == HTTPStatus.OK, called_back
    assert json.loads(called_back["body"]) == {"success": True, "data": {"received": True}}

    messages = running_stack.sqs.receive_message(QueueUrl=running_stack.queue_url)["Messages"]
    assert [json.loads(message["Body"]) for message in messages] == [{"videoUuid": created["videoUuid"]}]


def test_stored_callback_is_refused_because_its_signature_is_stale(invoke: Any, stored_event: Any) -> None:
    answer = invoke("ReceiveCallbackFunction", stored_event("receive_callback"))

    assert answer["statusCode"] == HTTPStatus.UNAUTHORIZED, answer
    assert json.loads(answer["body"])["error"]["code"] == "INVALID_SIGNATURE"


def test_mirrored_video_is_in_the_bucket_and_paid_for(
    mirrored: Any, created: dict[str, Any], running_stack: Any
) -> None:
    assert mirrored == {"batchItemFailures": []}

    row = running_stack.row(created["videoUuid"])
    assert row["status"] == "COMPLETED"
    assert row["thumbnail_url"], "the thumbnail's layer is not there, or its child process can't decode"
    stored = running_stack.s3.get_object(Bucket="clipferry", Key=f"videos/{created['videoUuid']}.mp4")
    assert stored["Body"].read() == running_stack.evolink.tasks[created["taskId"]].file.content
    assert row["video_url"] == f"{running_stack.environment['STORAGE_DOMAIN']}/videos/{created['videoUuid']}.mp4"
    assert row["duration"] == 5
    with psycopg.connect(running_stack.database_url) as connection:
        held = connection.execute("select status, credits from public.credit_holds").fetchall()
    assert held == [("SETTLED", created["creditsUsed"])]


def test_message_about_an_unknown_video_is_done_with(invoke: Any, stored_event: Any) -> None:
    assert invoke("MirrorVideoFunction", stored_event("mirror_video")) == {"batchItemFailures": []}


def test_webhook_that_nobody_waits_for_is_done_with(invoke: Any, stored_event: Any) -> None:
    assert invoke("DeliverWebhooksFunction", stored_event("deliver_webhooks")) == {"batchItemFailures": []}


def test_the_minutes_tick_finds_no_webhook_to_queue(mirrored: Any, invoke: Any, stored_event: Any) -> None:
    assert invoke("DeliverWebhooksFunction", stored_event("reconcile")) == {"queued": 0}


def test_list_shows_the_finished_video(mirrored: Any, created: dict[str, Any], invoke: Any, stored_event: Any) -> None:
    answer = invoke("QueryVideosFunction", stored_event("query_videos"))

    assert answer["statusCode"] == HTTPStatus.OK, answer
    [video] = json.loads(answer["body"])["data"]["videos"]
    assert (video["uuid"], video["status"]) == (created["videoUuid"], "COMPLETED")


def test_reconcile_finds_nothing_left_to_do(mirrored: Any, invoke: Any, stored_event: Any) -> None:
    assert invoke("ReconcileFunction", stored_event("reconcile")) == {"lookedAt": 0}


def test_account_shows_what_is_left(mirrored: Any, created: dict[str, Any], invoke: Any, stored_event: Any) -> None:
    answer = invoke("AccountFunction", stored_event("account"))

    assert answer["statusCode"] == HTTPStatus.OK, answer
    balance = json.loads(answer["body"])["data"]
    assert (balance["usedCredits"], balance["frozenCredits"]) == (created["creditsUsed"], 0)


def test_housekeep_finds_the_books_right(mirrored: Any, invoke: Any, stored_event: Any) -> None:
    answer = invoke("HousekeepFunction", stored_event("housekeep"))

    assert answer == {
        "expiredPackages": 0,
        "breaches": 0,
        "removedVideos": 0,
        "removedUploads": 0,
        "removedRejections": 0,
        "abortedUploads": 0,
    }
