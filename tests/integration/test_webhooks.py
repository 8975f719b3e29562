"""What becomes of a webhook: told with the video's end, once and under one id, whatever happens on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import psycopg
import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from clipferry.db import erasure, finish_video, retention, timeline, video_metadata, webhook_deliveries
from clipferry.db.connection import Database
from clipferry.errors import DatabaseUnavailableError, NoAnswerError, RequestNotSentError
from clipferry.models import VideoStatus
from clipferry.net.guarded_post import PostAnswer
from clipferry.usecases.deliver_webhook import PAUSES, pause_seconds
from clipferry.usecases.queue_webhooks import set_owners_endpoint
from clipferry.verdicts import Attempt, FailureCode
from clipferry.webhooks import signature as webhook_signature
from tests import books, journeys
from tests.integration.webhook_journey import OLD_SECRET, OWNERS, SECRET, USERS, Journey, Received
from tests.log_lines import captured, metrics

HOUR, DAY = 3600.0, 24 * 3600.0
OF = """
select d.id from clipferry.webhook_deliveries d join clipferry.webhook_endpoints e on e.id = d.endpoint_id
where e.user_id is not distinct from %(user)s order by d.id
"""
EVENTS = "select id, kind, body from clipferry.webhook_events order by created_at, id"


@pytest.fixture
def journey(database: Database, database_url: str) -> Iterator[Journey]:
    """An owner's endpoint, and a user with credits. Whoever ends a video announces it on the journey's queue."""
    books.add_user(database)
    books.add_package(database, 1000)

    def announce(delivery_ids: list[int]) -> None:
        journey.announce(delivery_ids)

    with closing(Database(database_url, announce=announce)) as announcing:
        journey = Journey(announcing)
        yield journey
        assert books.breaches(database) == []


def completed(journey: Journey) -> str:
    return journeys.video_at(journey.database, VideoStatus.COMPLETED)


def kinds(journey: Journey) -> list[str]:
    return [row["kind"] for row in books.rows(journey.database, EVENTS)]


def bodies_of_ids(received: list[Received]) -> dict[str, set[bytes]]:
    found: dict[str, set[bytes]] = {}
    for request in received:
        found.setdefault(request.event_id, set()).add(request.body)
    return found


def test_a_completed_video_is_told_at_once_and_once(journey: Journey) -> None:
    uuid = completed(journey)
    journey.let_pass(DAY, step=HOUR)

    [request] = journey.received
    assert (request.at, request.url, journey.states()) == (0, OWNERS, ["DELIVERED"])
    payload = Webhook(SECRET).verify(request.body, request.headers)
    assert payload == request.payload
    assert payload["type"] == "video.completed"
    assert (
        payload["data"].items()
        >= {
            "videoUuid": uuid,
            "userId": "ann",
            "status": "COMPLETED",
            "model": "ferry-1",
            "videoUrl": f"https://cdn.example.com/videos/{uuid}.mp4",
            "duration": 5,
            "fileSize": 1_000_000,
            "creditsUsed": 10,
        }.items()
    )
    assert "error" not in payload["data"]
    assert "prompt" not in request.body.decode()


def test_a_failed_video_is_told_with_its_reason_and_costs_nothing(journey: Journey) -> None:
    uuid = journeys.video_at(journey.database, VideoStatus.FAILED)
    journey.let_pass(0)

    [request] = journey.received
    data = Webhook(SECRET).verify(request.body, request.headers)["data"]
    assert request.payload["type"] == "video.failed"
    assert (
        data.items()
        >= {
            "videoUuid": uuid,
            "status": "FAILED",
            "errorCode": "PROVIDER_FAILED",
            "error": FailureCode.PROVIDER_FAILED.sentence,
            "creditsUsed": 0,
        }.items()
    )
    assert "videoUrl" not in data


def test_what_a_request_says_of_its_video_is_told_with_its_end(journey: Journey) -> None:
    uuid = journeys.video_at(journey.database, VideoStatus.GENERATING)
    with journey.database.transaction() as tx:
        video_metadata.keep(tx, video_uuid=uuid, metadata={"order": "42"})
    assert journeys.fail(journey.database, uuid)
    journey.let_pass(0)

    [request] = journey.received
    assert request.payload["data"]["metadata"] == {"order": "42"}


def test_a_killed_process_loses_none_between_the_commit_and_the_queue(journey: Journey, database: Database) -> None:
    """`database` announces nothing, as a process that dies right after its commit."""
    uuid = journeys.video_at(database, VideoStatus.COMPLETED)
    journey.let_pass(60)
    assert journey.received == []

    journey.let_pass(DAY, step=HOUR)

    [request] = journey.received
    assert request.payload["data"]["videoUuid"] == uuid


def test_what_the_queue_lost_is_found_by_the_schedule_in_two_minutes(journey: Journey) -> None:
    journey.is_queue_down = True
    completed(journey)
    journey.is_queue_down = False
    journey.let_pass(240)

    assert [request.at for request in journey.received] == [120]
    assert journey.states() == ["DELIVERED"]


def test_the_schedule_passes_over_what_another_run_is_taking(journey: Journey, database_url: str) -> None:
    """It waits for nobody, so two runs can't wait for each other."""
    for _ in range(2):
        completed(journey)
    with psycopg.connect(database_url) as other:
        other.execute("update clipferry.webhook_deliveries set queued_at = null")
        other.commit()
        [(taken,)] = other.execute("select id from clipferry.webhook_deliveries order by id limit 1 for update")
        found = journey.database.run(webhook_deliveries.take_due, limit=10).all()

    assert [row["id"] for row in found] == [row["id"] for row in books.rows(journey.database, OF, user=None)][1:]
    assert taken not in [row["id"] for row in found]


def test_a_sender_that_dies_after_sending_sends_the_same_again(journey: Journey) -> None:
    class KilledError(BaseException):
        pass

    def kill(_: Received) -> int:
        raise KilledError

    journey.answer = kill
    completed(journey)
    with pytest.raises(KilledError):
        journey.run_queue()
    journey.answer = 200
    journey.let_pass(DAY, step=60 * 5)

    assert len(journey.received) == 2
    assert [len(bodies) for bodies in bodies_of_ids(journey.received).values()] == [1]
    assert journey.states() == ["DELIVERED"]


def test_a_result_that_cannot_be_written_down_is_sent_again_under_the_same_id(journey: Journey) -> None:
    completed(journey)
    [(_, delivery_id)] = journey.messages

    class Lost(Database):
        """Loses its connection when the result is to be written."""

        def __init__(self, url: str) -> None:
            super().__init__(url)
            self.used = 0

        def connect(self) -> None:
            raise AssertionError

        def _open_cursor(self):
            self.used += 1
            if self.used > 1:
                raise DatabaseUnavailableError("gone")
            return super()._open_cursor()

    with closing(Lost(journey.database._url)) as lost, pytest.raises(DatabaseUnavailableError):
        journey.deliver(delivery_id, database=lost)
    journey.let_pass(HOUR)

    assert len(journey.received) == 2
    assert len(bodies_of_ids(journey.received)) == 1
    assert journey.states() == ["DELIVERED"]


@pytest.mark.parametrize("broken", [500, 302, 404, NoAnswerError("slow"), RequestNotSentError("refused")])
def test_an_endpoint_that_is_broken_for_an_hour_gets_it_once_it_works(
    journey: Journey, broken: int | NoAnswerError
) -> None:
    journey.answer = lambda request: broken if request.at < HOUR else 200
    completed(journey)
    journey.let_pass(4 * HOUR, step=300)

    assert [request.at for request in journey.received] == [0, 6, 306, 2106, 9306]
    assert [len(bodies) for bodies in bodies_of_ids(journey.received).values()] == [1]
    assert [Webhook(SECRET).verify(r.body, r.headers)["type"] for r in journey.received] == ["video.completed"] * 5
    assert journey.attempts.count(Attempt.DELIVERED) == 1
    assert journey.states() == ["DELIVERED"]
    assert books.value(journey.database, "select failing_since from clipferry.webhook_endpoints") is None


def test_a_webhook_is_given_up_after_ten_attempts_in_three_days(journey: Journey) -> None:
    journey.answer = 500
    completed(journey)
    with captured() as log:
        journey.let_pass(6 * DAY, step=HOUR / 2)

    assert len(journey.received) == 1 + len(PAUSES) == 10
    assert 3 * DAY < journey.received[-1].at < 4 * DAY
    assert journey.states() == ["GIVEN_UP"]
    assert ("OwnerWebhooksUndelivered", 1, {}) in metrics(log())


def test_410_switches_the_endpoint_off_until_the_settings_name_another(journey: Journey) -> None:
    journey.answer = 410
    completed(journey)
    journeys.video_at(journey.database, VideoStatus.FAILED)
    with captured() as log:
        journey.let_pass(DAY, step=HOUR)
    completed(journey)
    journey.let_pass(DAY, step=HOUR)

    assert len(journey.received) == 1
    assert journey.switched_off() == "GONE"
    assert journey.states() == ["SWITCHED_OFF"] * 3
    assert ("OwnerWebhooksUndelivered", 1, {}) in metrics(log())

    journey.answer, journey.url = 200, "https://app.example.com/other"
    journey.run_schedule()
    with journey.database.transaction() as tx:
        webhook_deliveries.replay(tx, [], undelivered=True)
    journey.let_pass(HOUR)

    assert journey.states() == ["DELIVERED"] * 3
    assert len(journey.received) == 4


def test_an_endpoint_that_fails_for_five_days_is_switched_off(journey: Journey) -> None:
    journey.answer = 500
    with captured() as log:
        for _ in range(7):
            completed(journey)
            journey.let_pass(DAY, step=HOUR)

    assert journey.switched_off() == "FAILING"
    assert set(journey.states()) == {"GIVEN_UP", "SWITCHED_OFF"}
    assert max(request.at for request in journey.received) < 6 * DAY
    given_up = journey.states().count("GIVEN_UP")
    assert [name for name, _, _ in metrics(log())].count("OwnerWebhooksUndelivered") == given_up + 1


def test_an_endpoint_that_takes_one_now_and_then_stays_on(journey: Journey) -> None:
    for day in range(9):
        completed(journey)
        journey.answer = 200 if day % 3 == 0 else 500
        journey.let_pass(DAY, step=HOUR)

    assert journey.switched_off() is None


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_for_time_gets_it(journey: Journey, status: int) -> None:
    journey.answer = lambda request: PostAnswer(status, "3600") if request.at == 0 else 200
    completed(journey)
    journey.let_pass(2 * HOUR, step=300)

    assert [request.at for request in journey.received] == [0, 3600]


@pytest.mark.parametrize(
    ("attempts", "status", "retry_after", "pause"),
    [
        (1, 500, None, 5),
        (1, None, None, 5),
        (1, 500, "3600", 5),  # only 429 and 503 ask for time
        (1, 429, "1", 5),
        (1, 429, "Wed, 21 Oct 2026 07:28:00 GMT", 5),
        (1, 429, "-1", 5),
        (1, 429, "١٢٣٤", 5),
        (1, 429, " 7200 ", 7200),
        (3, 503, "99999999999999999999", 95_040),
        (9, 500, None, 86_400),
        (10, 500, None, None),
        (10, 429, "5", None),
    ],
)
def test_the_pause_after_an_attempt(
    attempts: int, status: int | None, retry_after: str | None, pause: float | None
) -> None:
    assert pause_seconds(attempts, status=status, retry_after=retry_after, jitter=0.0) == pause


def test_jitter_lengthens_a_pause_by_a_tenth_at_the_most() -> None:
    assert pause_seconds(2, status=500, retry_after=None, jitter=1.0) == pytest.approx(330)


def test_one_of_many_senders_sends_it(journey: Journey, database_url: str) -> None:
    """A message may come twice, and the schedule may queue what is on the queue already."""
    completed(journey)
    [(_, delivery_id)] = journey.messages
    together, is_sent = threading.Barrier(8), threading.Event()
    journey.answer = lambda _: 200 if is_sent.wait(30) else 500

    def attempt(_: int) -> Attempt:
        with closing(Database(database_url)) as own:
            own.connect()
            together.wait()
            outcome = journey.deliver(delivery_id, database=own)
            if outcome is Attempt.NOT_DUE:
                is_sent.set()
            return outcome

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(attempt, range(8)))

    assert sorted(outcomes) == [Attempt.DELIVERED, *[Attempt.NOT_DUE] * 7]
    assert len(journey.received) == 1


def test_a_requests_own_address_is_told_too_under_the_users_own_secret(journey: Journey) -> None:
    uuid = journeys.held_video(journey.database)
    journey.name(uuid)
    assert journeys.fail(journey.database, uuid)
    journey.let_pass(0)

    by_url = {request.url: request for request in journey.received}
    assert set(by_url) == {OWNERS, USERS}
    assert len(bodies_of_ids(journey.received)) == 1
    own = webhook_signature.user_secret(SECRET, "ann")
    Webhook(own).verify(by_url[USERS].body, by_url[USERS].headers)
    for secret in (SECRET, webhook_signature.user_secret(SECRET, "bob")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(by_url[USERS].body, by_url[USERS].headers)


def test_a_users_broken_address_is_the_users_affair(journey: Journey) -> None:
    journey.answer = lambda request: 410 if request.url == USERS else 200
    with captured() as log:
        for _ in range(2):
            uuid = journeys.held_video(journey.database)
            journey.name(uuid)
            assert journeys.fail(journey.database, uuid)
            journey.let_pass(HOUR)

    assert [name for name, _, _ in metrics(log()) if name.startswith("Owner")] == []
    assert (journey.switched_off(), journey.switched_off(USERS)) == (None, "GONE")
    assert [request.url for request in journey.received].count(USERS) == 2, "a later order means it"


def test_a_user_whose_address_fails_takes_one_sender_and_not_the_owners(journey: Journey) -> None:
    """Every order names another address that never answers."""
    journey.answer = lambda request: 200 if request.url == OWNERS else NoAnswerError("15 seconds are over")
    for number in range(4):
        journey.name(uuid := journeys.held_video(journey.database), f"{USERS}/{number}")
        assert journeys.fail(journey.database, uuid)
    first, *others = [row["id"] for row in books.rows(journey.database, OF, user="ann")]
    owners = [row["id"] for row in books.rows(journey.database, OF, user=None)]
    assert journey.deliver(first) is Attempt.FAILED

    def claimed(ids: list[int]) -> list[int]:
        found = (journey.database.run(webhook_deliveries.claim, number).first() for number in ids)
        return [delivery.id for delivery in found if delivery is not None]

    assert claimed(others) == others[:1]
    assert claimed(owners) == owners

    journey.let_pass(webhook_deliveries.LEASE_SECONDS + webhook_deliveries.LOST_SECONDS, step=HOUR)
    waiting = {message[1] for message in journey.messages} - {first}
    assert len(waiting) <= 1, "the schedule gives a turn to one"


def test_what_has_waited_for_a_users_address_comes_as_soon_as_it_works(journey: Journey) -> None:
    journey.answer = lambda request: 200 if request.url == OWNERS or journey.seconds > HOUR else 500
    for _ in range(5):
        journey.name(uuid := journeys.held_video(journey.database))
        assert journeys.fail(journey.database, uuid)
    journey.let_pass(DAY, step=300)

    assert journey.states() == ["DELIVERED"] * 10
    assert all(len(bodies) == 1 for bodies in bodies_of_ids(journey.received).values())


def test_without_the_owners_endpoint_only_the_request_is_heard(journey: Journey) -> None:
    journey.url = None
    journey.run_schedule()
    completed(journey)
    assert kinds(journey) == []

    uuid = journeys.held_video(journey.database)
    journey.name(uuid)
    assert journeys.fail(journey.database, uuid)
    journey.let_pass(DAY, step=HOUR)

    assert [request.url for request in journey.received] == [USERS]


def test_both_secrets_sign_while_they_are_rotated(journey: Journey) -> None:
    journey.secrets = (SECRET, OLD_SECRET)
    completed(journey)
    journey.let_pass(0)

    [request] = journey.received
    for secret in (SECRET, OLD_SECRET):
        assert Webhook(secret).verify(request.body, request.headers)["type"] == "video.completed"


def test_nothing_is_sent_unsigned(journey: Journey) -> None:
    journey.secrets = ()
    completed(journey)
    journey.let_pass(60)
    assert journey.received == []

    journey.secrets = (SECRET,)
    journey.let_pass(HOUR, step=300)

    assert journey.states() == ["DELIVERED"]


def test_the_history_of_a_video_says_who_was_told(journey: Journey) -> None:
    uuid = completed(journey)
    journey.let_pass(0)

    with journey.database.transaction() as tx:
        entries = timeline.read(tx, uuid)
    [entry] = [entry for entry in entries.all() if entry.source == "webhook"]
    assert entry.what == "video.completed"
    assert entry.detail.items() >= {"to": "the owner", "state": "DELIVERED", "attempts": 1, "answer": 200}.items()


def test_what_ends_no_video_tells_nothing(journey: Journey) -> None:
    uuid = journeys.video_at(journey.database, VideoStatus.UPLOADING)
    assert not journeys.complete(journey.database, uuid, fence=99)
    ended = completed(journey)
    assert not journeys.fail(journey.database, ended)
    with suppress(ZeroDivisionError), journey.database.transaction() as tx:
        finish_video.fail(
            tx, video_uuid=uuid, code=FailureCode.TIMED_OUT, detail="rolled back", from_states=(VideoStatus.UPLOADING,)
        )
        assert tx.query_dicts("select 1 as sent", {}).first() == {"sent": 1}
        raise ZeroDivisionError

    assert kinds(journey) == ["video.completed"]


def test_a_video_that_is_retried_tells_of_each_end_under_an_id_of_its_own(journey: Journey) -> None:
    uuid = journeys.video_at(journey.database, VideoStatus.FAILED)
    assert journeys.reopen(journey.database, uuid) == "REOPENED"
    assert journeys.complete(journey.database, uuid, fence=journeys.lease(journey.database, uuid))
    journey.let_pass(0)

    assert [request.payload["type"] for request in journey.received] == ["video.failed", "video.completed"]
    assert len(bodies_of_ids(journey.received)) == 2


def test_the_owner_is_told_of_low_credits_once_until_they_are_filled_up(journey: Journey) -> None:
    journey.credits_low = 985
    journey.run_schedule()
    for _ in range(4):  # 990, 980, 970, 960
        completed(journey)
    assert kinds(journey).count("credits.low") == 1
    books.add_package(journey.database, 20)
    for _ in range(3):  # 970, 960, 950
        completed(journey)
    journey.let_pass(0)

    told = [request.payload["data"] for request in journey.received if request.payload["type"] == "credits.low"]
    assert told == [
        {"userId": "ann", "availableCredits": 980, "threshold": 985},
        {"userId": "ann", "availableCredits": 970, "threshold": 985},
    ]


def test_no_threshold_and_no_word_of_low_credits(journey: Journey) -> None:
    completed(journey)

    assert kinds(journey) == ["video.completed"]


def test_an_endpoint_that_was_removed_and_comes_back_is_on(journey: Journey) -> None:
    for url in (None, OWNERS):
        set_owners_endpoint(database=journey.database, url=url, credits_low=None)
    completed(journey)
    journey.let_pass(0)

    assert journey.states() == ["DELIVERED"]


def told_by_request(journey: Journey) -> str:
    """A failed video whose request named an address."""
    uuid = journeys.held_video(journey.database)
    journey.name(uuid)
    assert journeys.fail(journey.database, uuid)
    return uuid


def endpoints(journey: Journey) -> list[str]:
    return [
        row["url"] for row in books.rows(journey.database, "select url from clipferry.webhook_endpoints order by id")
    ]


def test_events_go_after_a_month_and_with_them_addresses_that_nothing_is_left_for(journey: Journey) -> None:
    told_by_request(journey)
    with journey.database.transaction() as tx:
        retention.apply_retention(tx)
    assert (len(kinds(journey)), endpoints(journey)) == (1, [OWNERS, USERS])

    books.execute(journey.database, "update clipferry.webhook_events set created_at = now() - interval '31 days'")
    waiting = journeys.held_video(journey.database)
    journey.name(waiting, "https://user.example.com/waiting")
    with journey.database.transaction() as tx:
        retention.apply_retention(tx)

    assert (kinds(journey), endpoints(journey)) == ([], [OWNERS, "https://user.example.com/waiting"])


def test_an_erased_users_events_and_addresses_go(journey: Journey) -> None:
    told_by_request(journey)
    with journey.database.transaction() as tx:
        erasure.erase(tx, "ann")

    assert (kinds(journey), endpoints(journey)) == ([], [OWNERS])
