"""Two transactions of one user or one video meet half-way: the second waits, and then sees what the first has done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any, TypeVar

import pytest

from clipferry.db import create_video, expiry, finish_video, leases, submissions
from clipferry.db import credits as credit_books
from clipferry.db.connection import Database, Rows, Transaction
from clipferry.models import VideoStatus
from clipferry.usecases.move_credits import take_back
from clipferry.verdicts import FailureCode
from tests import books, journeys

PATIENCE_SECONDS = 20

Answer = TypeVar("Answer")
Meet = Callable[[Callable[[Transaction], Rows[Any]], Callable[[Database], Any]], Any]


@pytest.fixture(autouse=True)
def _ann(database: Database) -> Iterator[None]:
    """A user, whose books are right when the test is over."""
    books.add_user(database)
    books.add_package(database, 100)
    yield
    assert books.breaches(database) == []


@pytest.fixture
def meet(database_url: str) -> Iterator[Meet]:
    """Does the first thing, begins the second on another connection, commits the first when the second waits for it."""
    with ExitStack() as stack:
        one, other, watching = (stack.enter_context(closing(Database(database_url))) for _ in range(3))
        thread = stack.enter_context(ThreadPoolExecutor(1))

        def run(first: Callable[[Transaction], Rows[Any]], second: Callable[[Database], Answer]) -> Answer:
            backend = books.value(other, "select pg_backend_pid()")
            with one.transaction() as tx:
                assert first(tx).all()
                answer = thread.submit(second, other)
                _wait_until_blocked(watching, backend, answer)
            return answer.result()

        yield run


def _wait_until_blocked(watching: Database, backend: int, answer: Future[Any]) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not books.value(watching, "select cardinality(pg_blocking_pids(%(pid)s)) > 0", pid=backend):
        assert not answer.done(), "it didn't wait"
        assert time.monotonic() < give_up


@pytest.fixture
def uploading(database: Database) -> str:
    """A video of 10 credits whose lease has run out."""
    uuid = journeys.video_at(database, VideoStatus.UPLOADING)
    books.execute(database, "update clipferry.jobs set lease_until = now() - interval '1 second'")
    return uuid


def fail(tx: Transaction, uuid: str) -> Rows[Any]:
    return finish_video.fail(
        tx, video_uuid=uuid, code=FailureCode.TIMED_OUT, detail="", from_states=(VideoStatus.UPLOADING,)
    )


def test_a_settle_that_meets_a_change_of_state_is_all_or_nothing(
    database: Database, meet: Meet, uploading: str
) -> None:
    """The submit's own answer names another task: what was mirrored is not this video's file."""
    fence = journeys.fence(database, uploading)

    def record(tx: Transaction) -> Rows[Any]:
        return submissions.record_task(
            tx,
            video_uuid=uploading,
            provider="evolink",
            task_id="another",
            estimated_seconds=None,
            deadline_seconds=60,
            first_check_seconds=60,
        )

    assert not meet(record, lambda other: journeys.complete(other, uploading, fence=fence))
    assert journeys.status_of(database, uploading) == "GENERATING"
    assert journeys.hold_of(database, uploading) == ("HOLDING", 10)


def test_a_settle_that_meets_a_new_lease_is_too_late(database: Database, meet: Meet, uploading: str) -> None:
    old = journeys.fence(database, uploading)

    assert not meet(
        lambda tx: leases.lease(tx, uuid=uploading, worker="worker", seconds=300),
        lambda other: journeys.complete(other, uploading, fence=old),
    )
    assert journeys.complete(database, uploading, fence=journeys.fence(database, uploading))


def test_a_lease_that_meets_the_settle_is_not_given(database: Database, meet: Meet, uploading: str) -> None:
    """The statement that waits for the job's row has read the video as it was before."""
    fence = journeys.fence(database, uploading)

    def lease(other: Database) -> object:
        with other.transaction() as tx:
            leasing = leases.lease(tx, uuid=uploading, worker="worker", seconds=300)
        return leasing.first()

    assert meet(lambda tx: journeys.completing(tx, uploading, fence), lease) is None
    assert journeys.status_of(database, uploading) == "COMPLETED"


def test_a_release_that_meets_the_settle_is_too_late(database: Database, meet: Meet, uploading: str) -> None:
    fence = journeys.fence(database, uploading)

    assert not meet(lambda tx: journeys.completing(tx, uploading, fence), lambda other: journeys.fail(other, uploading))
    assert books.balance(database).available == 90


def test_a_settle_that_meets_the_release_is_too_late(database: Database, meet: Meet, uploading: str) -> None:
    fence = journeys.fence(database, uploading)

    assert not meet(lambda tx: fail(tx, uploading), lambda other: journeys.complete(other, uploading, fence=fence))
    assert books.balance(database).available == 100


def test_a_settle_that_meets_a_recharge_books_the_balance_after_both(
    database: Database, meet: Meet, uploading: str
) -> None:
    fence = journeys.fence(database, uploading)

    assert meet(_enter, lambda other: journeys.complete(other, uploading, fence=fence))
    assert books.ledger(database)[1:] == [("ORDER_PAY", 50, 140), ("VIDEO_CONSUME", -10, 140)]


def test_a_create_that_meets_a_recharge_can_spend_it(database: Database, meet: Meet) -> None:
    assert meet(_enter, lambda other: journeys.create(other, journeys.new_video(150)).verdict) == "CREATED"


def _enter(tx: Transaction) -> Rows[Any]:
    return credit_books.add(
        tx, user_id="ann", credits=50, order_no="creem_1", trans_type="ORDER_PAY", expires_in_days=None
    )


def test_a_create_that_meets_another_can_not_spend_the_same(database: Database, meet: Meet) -> None:
    verdict = meet(_create, lambda other: journeys.create(other, journeys.new_video(60)).verdict)

    assert verdict == "INSUFFICIENT_CREDITS"
    assert books.balance(database).frozen == 60


def test_a_refund_that_meets_a_create_takes_what_is_left(database: Database, meet: Meet) -> None:
    def refund(other: Database) -> int:
        return take_back(user_id="ann", amount=100, order_no="refund_1", database=other)

    assert meet(_create, refund) == 40
    assert books.balance(database).available == 0


def test_an_expiry_that_meets_a_create_takes_what_is_left(database: Database, meet: Meet) -> None:
    """The create saw the package alive; its hundred credits are over when the expiry comes to them."""

    def expire(other: Database) -> list[dict[str, Any]]:
        with other.transaction() as tx:
            expired = expiry.expire(tx, "ann")
        return expired.all()

    def create_and_lapse(tx: Transaction) -> Rows[Any]:
        created = _create(tx)
        tx.execute("update public.credit_packages set expired_at = timezone('utc', now()) - interval '1 second'", {})
        return created

    [expired] = meet(create_and_lapse, expire)
    assert expired["credits"] == 40
    assert books.balance(database).frozen == 60


def _create(tx: Transaction) -> Rows[Any]:
    return create_video.create(tx, books.credential(), journeys.new_video(60))
