"""What a user may create at any concurrency: as much as can be paid, is allowed in flight, and a minute allows."""

from __future__ import annotations

from collections import Counter

import pytest

from clipferry.db.connection import Database
from clipferry.errors import (
    ClipferryError,
    InsufficientCreditsError,
    RateLimitedError,
    TooManyJobsError,
)
from clipferry.models import VideoStatus
from clipferry.settings import Settings
from clipferry.usecases.create_video import CreatedVideo
from tests import books, journeys
from tests.creating import at_once, create

DEFAULT_LIMIT: int = Settings.model_fields["video_max_concurrent"].default

pytestmark = pytest.mark.usefixtures("ann_with_seven")


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


def test_of_many_creates_at_once_exactly_as_many_happen_as_a_minute_allows(
    database: Database, database_url: str
) -> None:
    answers = at_once(database_url, 30, lambda own: create(own, rate=5))
    allowed = books.value(database, "select sum(least(requests, 5)) from clipferry.rate_windows")

    assert 5 <= allowed <= 10  # a minute may have begun meanwhile
    paid = min(allowed, 7)
    assert Counter(type(answer) for answer in answers)[CreatedVideo] == paid
    assert Counter(type(answer) for answer in answers)[RateLimitedError] == 30 - allowed
    assert books.balance(database).frozen == paid * 10


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


def test_one_users_limits_are_not_anothers(database: Database) -> None:
    bob = books.add_user(database, "bob")
    books.add_package(database, 10, user_id="bob")
    create(database, limit=1)

    assert create(database, credential=bob, limit=1).status is VideoStatus.PENDING
