"""What a create may cost a user at any concurrency: credits, jobs in flight, and a key that makes a repeat harmless."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from clipferry.db.connection import Database
from clipferry.errors import (
    ClipferryError,
    IdempotencyKeyReusedError,
    InsufficientCreditsError,
    ProviderError,
    ProviderRefusedError,
    ReplayedError,
    TooManyJobsError,
    UnauthorizedError,
)
from clipferry.models import Credential, FailureCode, Order, Submission, Submitted, VideoStatus
from clipferry.settings import Settings
from clipferry.usecases.create_video import CreatedVideo, VideoRequest, create_video
from clipferry.usecases.submit_video import submit_video

from tests import books, journeys

THREADS = 24
DEFAULT_LIMIT: int = Settings.model_fields["video_max_concurrent"].default

Submit = Callable[[list[Order]], Submitted]


@pytest.fixture(autouse=True)
def _ann(database: Database) -> Iterator[None]:
    """A user who can pay for seven, and whose books are right when the test is over."""
    books.add_user(database)
    books.add_package(database, 45, days=30)
    books.add_package(database, 30)
    yield
    assert books.breaches(database) == []


def unanswered(orders: list[Order]) -> Submitted:
    """A submit of which nobody knows the outcome: the video stays PENDING."""
    return Submitted(provider=orders[0].provider, status=VideoStatus.PENDING)


def create(
    database: Database,
    *,
    request: VideoRequest | None = None,
    credential: Credential | None = None,
    key: str | None = None,
    limit: int = journeys.MANY,
    submit: Submit = unanswered,
) -> CreatedVideo:
    return create_video(
        request or journeys.request(10),
        credential=credential or books.credential(),
        idempotency_key=key,
        database=database,
        providers={"evolink"},
        preferred_provider="evolink",
        submit=submit,
        max_concurrent=limit,
        timing=journeys.TIMING,
    )


def at_once(url: str, times: int, attempt: Callable[[Database], CreatedVideo]) -> list[CreatedVideo | ClipferryError]:
    """What each of `times` attempts came to, from as many connections as there are threads."""
    own, opened = threading.local(), []

    def connect() -> None:
        own.database = Database(url, lock_timeout=60, statement_timeout=60)
        opened.append(own.database)

    def answer(_: int) -> CreatedVideo | ClipferryError:
        try:
            return attempt(own.database)
        except ClipferryError as error:
            return error

    with ThreadPoolExecutor(THREADS, initializer=connect) as threads:
        answers = list(threads.map(answer, range(times)))
    for database in opened:
        database.close()
    return answers


def test_of_200_creates_at_once_exactly_those_happen_that_can_be_paid(database: Database, database_url: str) -> None:
    answers = at_once(database_url, 200, create)

    assert Counter(type(answer) for answer in answers) == {CreatedVideo: 7, InsufficientCreditsError: 193}
    assert {answer.status for answer in answers if isinstance(answer, ClipferryError)} == {402}
    assert books.value(database, "select count(*) from public.videos") == 7
    assert (books.balance(database).available, books.balance(database).frozen) == (5, 70)


def test_of_200_creates_at_once_exactly_as_many_happen_as_may_be_in_flight(
    database: Database, database_url: str
) -> None:
    answers = at_once(database_url, 200, lambda own: create(own, limit=DEFAULT_LIMIT))

    assert DEFAULT_LIMIT == 3
    assert Counter(type(answer) for answer in answers) == {CreatedVideo: 3, TooManyJobsError: 197}
    assert {answer.status for answer in answers if isinstance(answer, ClipferryError)} == {429}
    assert books.balance(database).frozen == 30


@pytest.mark.parametrize("end", [VideoStatus.COMPLETED, VideoStatus.FAILED])
def test_a_video_that_has_ended_makes_room_for_another(database: Database, end: VideoStatus) -> None:
    first = create(database, limit=1).video_uuid
    with pytest.raises(TooManyJobsError) as refused:
        create(database, limit=1)
    assert refused.value.details == {"inFlight": 1}
    assert journeys.record(database, first)
    assert journeys.start_upload(database, first)
    if end is VideoStatus.COMPLETED:
        assert journeys.complete(database, first, fence=journeys.lease(database, first))
    else:
        assert journeys.fail(database, first)

    assert create(database, limit=1).video_uuid != first


def test_a_refusal_says_what_is_needed_and_what_there_is(database: Database) -> None:
    with pytest.raises(InsufficientCreditsError) as refused:
        create(database, request=journeys.request(76))
    assert refused.value.details == {"requiredCredits": 76, "availableCredits": 75}


def test_nobody_creates_nothing(database: Database) -> None:
    for nobody in (Credential(), Credential(session_token="guessed"), Credential(key_sha256=b"\1" * 32)):
        with pytest.raises(UnauthorizedError):
            create(database, credential=nobody, key="k")
    assert books.value(database, "select count(*) from public.videos") == 0


def test_one_users_limits_are_not_anothers(database: Database) -> None:
    bob = books.add_user(database, "bob")
    books.add_package(database, 10, user_id="bob")
    create(database, limit=1)

    assert create(database, credential=bob, limit=1).status is VideoStatus.PENDING


# The Idempotency-Key


def test_one_key_at_once_makes_one_video_and_everybody_hears_of_it(database: Database, database_url: str) -> None:
    answers = at_once(database_url, 16, lambda own: create(own, key="k"))
    videos = [answer for answer in answers if isinstance(answer, CreatedVideo)]

    assert len(videos) == 16
    assert Counter(video.replayed for video in videos) == {False: 1, True: 15}
    assert {dataclasses.replace(video, replayed=False) for video in videos} == {
        CreatedVideo(
            video_uuid=videos[0].video_uuid,
            task_id=None,
            provider="evolink",
            status=VideoStatus.PENDING,
            estimated_time=None,
            credits_used=10,
        )
    }
    assert books.balance(database).frozen == 10


def test_a_replay_tells_what_has_become_of_the_video(database: Database) -> None:
    uuid = create(database, key="k").video_uuid
    assert journeys.record(database, uuid)
    replay = create(database, key="k")

    assert (replay.video_uuid, replay.replayed) == (uuid, True)
    assert (replay.task_id, replay.status, replay.estimated_time) == (f"task-{uuid}", VideoStatus.GENERATING, 60)


def test_a_replay_comes_before_every_limit(database: Database) -> None:
    first = create(database, request=journeys.request(75), key="k", limit=1)

    assert create(database, request=journeys.request(75), key="k", limit=1).video_uuid == first.video_uuid


def test_a_key_with_another_body_is_a_conflict(database: Database) -> None:
    create(database, key="k")
    before = books.everything(database)
    with pytest.raises(IdempotencyKeyReusedError) as conflict:
        create(database, request=journeys.request(10, prompt="A ferry at dawn"), key="k")

    assert conflict.value.status == 409
    assert books.everything(database) == before


def test_a_key_is_its_users(database: Database) -> None:
    bob = books.add_user(database, "bob")
    books.add_package(database, 10, user_id="bob")
    first = create(database, key="k")
    second = create(database, request=journeys.request(10, prompt="Bob's"), credential=bob, key="k")

    assert not second.replayed
    assert second.video_uuid != first.video_uuid


@pytest.mark.parametrize(("age", "is_free"), [("23 hours 59 minutes", False), ("24 hours 1 minute", True)])
def test_a_key_is_kept_for_24_hours(database: Database, age: str, is_free: bool) -> None:
    first = create(database, key="k")
    books.execute(database, "update clipferry.idempotency_keys set created_at = now() - %(age)s::interval", age=age)
    second = create(database, key="k")

    assert (second.video_uuid != first.video_uuid) == is_free
    assert second.replayed != is_free
    assert create(database, key="k").video_uuid == second.video_uuid


def test_a_create_that_was_refused_leaves_its_key_free(database: Database) -> None:
    with pytest.raises(InsufficientCreditsError):
        create(database, request=journeys.request(80), key="k")
    books.add_package(database, 5)

    assert not create(database, request=journeys.request(80), key="k").replayed


class RefusingProvider:
    """A provider that takes nothing."""

    name = "evolink"

    def submit(self, order: Order, *, callback_url: str, timeout: float) -> Submission:
        raise ProviderRefusedError("blocked words", failure=FailureCode.CONTENT_POLICY.value)


def test_an_answer_that_was_an_error_is_replayed_as_it_was(database: Database) -> None:
    def submit(orders: list[Order]) -> Submitted:
        return submit_video(
            orders,
            database=database,
            providers={"evolink": RefusingProvider()},  # pyright: ignore[reportArgumentType]
            sign_callback=lambda provider, uuid: f"https://api.example.com/{provider}/{uuid}",
            timing=journeys.TIMING,
        )

    with pytest.raises(ProviderError) as refused:
        create(database, key="k", submit=submit)
    answer = refused.value.as_answer()
    with pytest.raises(ReplayedError) as replayed:
        create(database, key="k", submit=submit)

    assert answer["status"] == 502
    assert answer["error"]["details"]["errorCode"] == "CONTENT_POLICY"
    assert replayed.value.as_answer() == answer
    assert books.balance(database).available == 75
    assert journeys.status_of(database, answer["error"]["details"]["videoUuid"]) == "FAILED"
