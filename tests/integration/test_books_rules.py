"""The life of a held credit: what a hold takes, what is settled, what comes back, what expires."""

from __future__ import annotations

import pytest

from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from clipferry.usecases.move_credits import expire_credits
from tests import books, journeys
from tests.books import Package

PENDING, GENERATING, UPLOADING, COMPLETED, FAILED = VideoStatus


pytestmark = pytest.mark.usefixtures("ann")


def allocation(database: Database, uuid: str) -> list[tuple[int, int]]:
    """Package and credits of each share of the video's hold, by package."""
    shares = books.value(
        database, "select package_allocation from public.credit_holds where video_uuid = %(uuid)s", uuid=uuid
    )
    return [(share["packageId"], share["credits"]) for share in shares]


def test_a_hold_takes_what_expires_first_and_what_never_expires_last(database: Database) -> None:
    never = books.add_package(database, 10)
    late = books.add_package(database, 10, days=90)
    soon = books.add_package(database, 10, days=5)
    uuid = journeys.held_video(database, 24)

    assert allocation(database, uuid) == [(never, 4), (late, 10), (soon, 10)]
    assert [(p.remaining, p.frozen) for p in books.packages(database)] == [(6, 4), (0, 10), (0, 10)]
    assert journeys.hold_of(database, uuid) == ("HOLDING", 24)


def test_of_two_packages_that_expire_together_the_older_goes_first(database: Database) -> None:
    older = books.add_package(database, 10)
    books.add_package(database, 10)

    assert allocation(database, journeys.held_video(database, 3)) == [(older, 3)]


def test_a_hold_books_nothing_in_the_ledger(database: Database) -> None:
    books.add_package(database, 10)
    journeys.held_video(database, 10)

    assert books.ledger(database) == [("SYSTEM_ADJUST", 10, 10)]


def test_one_credit_too_few_is_refused_and_nothing_is_written(database: Database) -> None:
    books.add_package(database, 5)
    books.add_package(database, 4, days=9)
    before = books.everything(database)
    refused = journeys.create(database, journeys.new_video(10))

    assert (refused.verdict, refused.available_credits) == ("INSUFFICIENT_CREDITS", 9)
    assert books.everything(database) == before


def test_held_and_expired_credits_can_not_be_held_again(database: Database) -> None:
    books.add_package(database, 10)
    journeys.held_video(database, 10)
    books.lapse(database, books.add_package(database, 10))

    assert journeys.create(database, journeys.new_video(1)).verdict == "INSUFFICIENT_CREDITS"
    expire_credits(database=database)


def test_settle_consumes_and_books_one_row_with_the_balance_after(database: Database) -> None:
    books.add_package(database, 8, days=30)
    books.add_package(database, 12)
    other = journeys.held_video(database, 3)
    uuid = journeys.video_at(database, UPLOADING, 10)

    assert journeys.complete(database, uuid, fence=journeys.fence(database, uuid))
    assert books.packages(database) == [
        Package(initial=8, remaining=0, frozen=3, status="ACTIVE"),
        Package(initial=12, remaining=7, frozen=0, status="ACTIVE"),
    ]
    assert books.ledger(database)[2:] == [("VIDEO_CONSUME", -10, 7)]
    assert journeys.hold_of(database, uuid) == ("SETTLED", 10)
    assert journeys.hold_of(database, other) == ("HOLDING", 3)
    assert books.value(
        database,
        "select hold_id = h.id and video_uuid = h.video_uuid from public.credit_transactions t "
        "join public.credit_holds h using (video_uuid) where video_uuid = %(uuid)s",
        uuid=uuid,
    )


def test_a_package_that_is_used_up_is_depleted(database: Database) -> None:
    books.add_package(database, 10, days=30)
    journeys.video_at(database, COMPLETED, 10)

    assert books.packages(database) == [Package(initial=10, remaining=0, frozen=0, status="DEPLETED")]


def test_a_video_is_done_with_what_its_file_says(database: Database) -> None:
    books.add_package(database, 10)
    uuid = journeys.video_at(database, UPLOADING)
    books.execute(database, "update public.videos set created_at = timezone('utc', now()) - interval '1 hour'")
    assert journeys.complete(database, uuid, fence=journeys.fence(database, uuid))

    video = journeys.read(database, uuid)
    assert (video.duration, video.resolution, video.aspect_ratio, video.file_size) == (5, "720p", "16:9", 1_000_000)
    assert video.video_url == f"https://cdn.example.com/videos/{uuid}.mp4"
    assert video.completed_at is not None
    assert video.generation_time is not None
    assert 3600 <= video.generation_time < 3660


def test_release_gives_back_to_the_packages_and_books_nothing(database: Database) -> None:
    books.add_package(database, 6, days=30)
    books.add_package(database, 10)
    before = books.packages(database)
    uuid = journeys.held_video(database, 10)

    assert journeys.fail(database, uuid)
    assert books.packages(database) == before
    assert [row[0] for row in books.ledger(database)] == ["SYSTEM_ADJUST", "SYSTEM_ADJUST"]
    assert journeys.hold_of(database, uuid) == ("RELEASED", 10)


def test_what_comes_back_to_an_expired_package_is_a_new_one_for_seven_days_from_the_expiry(database: Database) -> None:
    lapsing = books.add_package(database, 10, days=1)
    books.add_package(database, 10)
    uuid = journeys.held_video(database, 15)
    books.lapse(database, lapsing)

    assert journeys.fail(database, uuid)
    assert books.packages(database) == [
        Package(initial=10, remaining=0, frozen=0, status="EXPIRED"),
        Package(initial=10, remaining=10, frozen=0, status="ACTIVE"),
        Package(initial=10, remaining=10, frozen=0, status="ACTIVE"),
    ]
    assert books.value(
        database,
        "select r.expired_at = p.expired_at + interval '7 days' "
        "from public.credit_packages r, public.credit_packages p where r.trans_type = 'REFUND' and p.id = %(lapsing)s",
        lapsing=lapsing,
    )
    assert books.balance(database).available == 20
    assert len(books.ledger(database)) == 2


def test_credits_that_came_back_once_expire_for_good(database: Database) -> None:
    """An order that fails after the expiry gives seven days once, not again and again."""
    books.lapse(database, books.add_package(database, 4, days=1))
    lapsing = books.add_package(database, 10, days=1)
    first = journeys.held_video(database, 10)
    books.lapse(database, lapsing)
    assert journeys.fail(database, first)
    second = journeys.held_video(database, 10)
    books.lapse(database, books.value(database, "select max(id) from public.credit_packages"))

    assert journeys.fail(database, second)
    assert books.balance(database).available == 0
    assert expire_credits(database=database) == 2
    assert [row[:2] for row in books.ledger(database)[2:]] == [("EXPIRED", -4), ("EXPIRED", -10)]
    assert {package.status for package in books.packages(database)} == {"EXPIRED"}


def test_what_comes_back_more_than_seven_days_after_the_expiry_has_expired(database: Database) -> None:
    lapsing = books.add_package(database, 10, days=1)
    uuid = journeys.held_video(database, 10)
    books.lapse(database, lapsing)
    books.execute(database, "update public.credit_packages set expired_at = expired_at - interval '7 days'")

    assert journeys.fail(database, uuid)
    assert books.balance(database).available == 0
    assert expire_credits(database=database) == 1
    assert [row[:2] for row in books.ledger(database)] == [("SYSTEM_ADJUST", 10), ("EXPIRED", -10)]


def test_each_expired_package_comes_back_by_itself(database: Database) -> None:
    lapsing = [books.add_package(database, 10, days=days) for days in (1, 2)]
    uuid = journeys.held_video(database, 20)
    for package in lapsing:
        books.lapse(database, package)
    expire_credits(database=database)

    assert journeys.fail(database, uuid)
    assert books.packages(database)[2:] == [Package(initial=10, remaining=10, frozen=0, status="ACTIVE")] * 2


def test_a_retry_holds_the_price_again_from_what_there_is_now(database: Database) -> None:
    lapsing = books.add_package(database, 10, days=1)
    uuid = journeys.video_at(database, FAILED)
    books.lapse(database, lapsing)
    books.add_package(database, 4, days=9)
    books.add_package(database, 8)

    assert journeys.reopen(database, uuid) == "REOPENED"
    assert journeys.hold_of(database, uuid) == ("HOLDING", 10)
    assert [(p.remaining, p.frozen) for p in books.packages(database)] == [(10, 0), (0, 4), (2, 6)]
    assert journeys.complete(database, uuid, fence=journeys.lease(database, uuid))
    assert books.ledger(database)[3:] == [("VIDEO_CONSUME", -10, 2)]
    expire_credits(database=database)


def test_a_retry_that_can_not_be_paid_changes_nothing(database: Database) -> None:
    books.add_package(database, 10)
    uuid = journeys.video_at(database, FAILED)
    journeys.held_video(database, 1)
    before = books.everything(database)

    assert journeys.reopen(database, uuid) == "INSUFFICIENT_CREDITS"
    assert books.everything(database) == before


def test_a_retry_that_fails_gives_the_credits_back_again(database: Database) -> None:
    books.add_package(database, 10)
    uuid = journeys.video_at(database, FAILED)
    for _ in range(2):
        assert journeys.reopen(database, uuid) == "REOPENED"
        assert journeys.fail(database, uuid)

    assert books.balance(database).available == 10


def test_expiry_empties_the_package_with_a_ledger_row(database: Database) -> None:
    lapsing = books.add_package(database, 10, days=1)
    books.add_package(database, 3)
    books.lapse(database, lapsing)

    assert expire_credits(database=database) == 1
    assert books.packages(database)[0] == Package(initial=10, remaining=0, frozen=0, status="EXPIRED")
    assert books.ledger(database)[2:] == [("EXPIRED", -10, 3)]
    assert expire_credits(database=database) == 0


def test_held_credits_do_not_expire_under_their_hold(database: Database) -> None:
    lapsing = books.add_package(database, 10, days=1)
    uuid = journeys.video_at(database, UPLOADING, 4)
    books.lapse(database, lapsing)
    expire_credits(database=database)

    assert books.packages(database) == [Package(initial=10, remaining=0, frozen=4, status="ACTIVE")]
    assert books.balance(database).frozen == 4
    assert journeys.complete(database, uuid, fence=journeys.fence(database, uuid))
    assert books.packages(database) == [Package(initial=10, remaining=0, frozen=0, status="EXPIRED")]
    assert books.ledger(database)[1:] == [("EXPIRED", -6, 0), ("VIDEO_CONSUME", -4, 0)]


def test_a_remainder_that_a_release_found_expired_still_gets_its_ledger_row(database: Database) -> None:
    lapsing = books.add_package(database, 10, days=1)
    uuid = journeys.held_video(database, 4)
    books.lapse(database, lapsing)
    journeys.fail(database, uuid)

    assert expire_credits(database=database) == 1
    assert books.packages(database) == [
        Package(initial=10, remaining=0, frozen=0, status="EXPIRED"),
        Package(initial=4, remaining=4, frozen=0, status="ACTIVE"),
    ]


def test_expiry_goes_through_every_user(database: Database) -> None:
    users = [f"user-{number:03}" for number in range(101)]
    for user_id in users:
        books.add_user(database, user_id)
        books.lapse(database, books.add_package(database, 2, user_id=user_id))

    assert expire_credits(database=database) == len(users)
