"""Sixteen connections do everything at once to the books of three users, and nothing is lost or spent twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from clipferry.db import leases
from clipferry.db.connection import Database
from clipferry.errors import DatabaseBusyError
from clipferry.usecases.move_credits import expire_credits, give_welcome, take_back
from tests import books, journeys
from tests.books import recharge

CONNECTIONS = 16
STEPS = 150
USERS = ("ann", "bob", "eve")
LAPSE = """
update public.credit_packages set expired_at = timezone('utc', now()) - interval '1 hour'
where id = (select id from public.credit_packages where user_id = %(user_id)s and expired_at > timezone('utc', now())
            order by id limit 1)
"""


class Worker:
    """One connection and its own dice; the videos and the order numbers are everybody's."""

    def __init__(self, database: Database, seed: int, videos: list[str]) -> None:
        self.database = database
        self.dice = Random(seed)
        self.videos = videos
        self.done: Counter[str] = Counter()
        self.ended: list[str] = []
        self.reopened: list[str] = []
        self.moved = 0

    def work(self) -> None:
        steps: list[Callable[[], object]] = [
            self.recharge,
            self.welcome,
            self.refund,
            self.lapse,
            self.expire,
            *[self.create] * 4,
            *[self.record] * 2,
            *[self.start_upload] * 3,
            *[self.complete] * 3,
            *[self.fail] * 2,
            self.retry,
        ]
        for _ in range(STEPS):
            step = self.dice.choice(steps)
            if self._patiently(step):
                self.done[step.__name__] += 1

    def _patiently(self, step: Callable[[], object]) -> object:
        """A lock that took too long may be tried again; a deadlock must not happen: all lock in one order."""
        while True:
            try:
                return step()
            except DatabaseBusyError as busy:
                if "Deadlock" in str(busy):
                    raise

    def _user(self) -> str:
        return self.dice.choice(USERS)

    def _video(self) -> str:
        """Rather a young one: the old ones have ended."""
        return self.dice.choice(self.videos[-8:])

    def recharge(self) -> bool:
        user_id = self._user()
        order_no = f"{user_id}-{self.dice.randrange(40)}"
        done = recharge(user_id=user_id, amount=70, order_no=order_no, database=self.database, expires_in_days=9)
        self.moved += 70 if done else 0
        return done

    def welcome(self) -> bool:
        done = give_welcome(user_id=self._user(), amount=50, database=self.database)
        self.moved += 50 if done else 0
        return done

    def refund(self) -> int:
        amount = self.dice.randrange(1, 30)
        number = books.order_number()
        took = take_back(user_id=self._user(), amount=amount, order_no=number, database=self.database)
        self.moved -= took
        return took

    def lapse(self) -> bool:
        books.execute(self.database, LAPSE, user_id=self._user())
        return True

    def expire(self) -> int:
        return expire_credits(database=self.database)

    def create(self) -> bool:
        video = journeys.new_video(self.dice.randrange(1, 40), limit=5)
        created = journeys.create(self.database, video, user_id=self._user()).verdict == "CREATED"
        if created:
            self.videos.append(video.uuid)
        return created

    def record(self) -> bool:
        return journeys.record(self.database, self._video())

    def start_upload(self) -> bool:
        return journeys.start_upload(self.database, self._video())

    def complete(self) -> bool:
        """Takes the lease, if it is free, and completes."""
        uuid = self._video()
        with self.database.transaction() as tx:
            leasing = leases.lease(tx, uuid=uuid, worker="worker", seconds=self.dice.choice((0, 300)))
        lease = leasing.first()
        if lease is None or not journeys.complete(self.database, uuid, fence=lease.fence):
            return False
        self.ended.append(uuid)
        return True

    def fail(self) -> bool:
        uuid = self._video()
        if not journeys.fail(self.database, uuid):
            return False
        self.ended.append(uuid)
        return True

    def retry(self) -> bool:
        uuid = self._video()
        reopened = journeys.reopen(self.database, uuid) == "REOPENED"
        if reopened:
            self.reopened.append(uuid)
        return reopened


@pytest.mark.parametrize("seed", [1, 2])
def test_sixteen_connections_at_once_leave_the_books_right(database: Database, database_url: str, seed: int) -> None:
    for user_id in USERS:
        books.add_user(database, user_id)
        books.add_package(database, 200, user_id=user_id)
    videos = [journeys.held_video(database, user_id=user_id) for user_id in USERS]
    workers = [Worker(Database(database_url), CONNECTIONS * seed + n, videos) for n in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        for working in [threads.submit(worker.work) for worker in workers]:
            working.result()
    for worker in workers:
        worker.database.close()

    assert books.breaches(database) == []
    done = sum((worker.done for worker in workers), Counter[str]())
    assert all(done[step] for step in ("recharge", "refund", "expire", "create", "complete", "fail", "retry"))
    ended = Counter(uuid for worker in workers for uuid in worker.ended)
    reopened = Counter(uuid for worker in workers for uuid in worker.reopened)
    assert all(count - reopened[uuid] in (0, 1) for uuid, count in ended.items())
    assert done["welcome"] == len(USERS)
    spent = books.value(
        database,
        "select coalesce(sum(credits), 0) from public.credit_transactions "
        "where trans_type in ('VIDEO_CONSUME', 'EXPIRED')",
    )
    owned = books.value(database, "select sum(remaining_credits + frozen_credits) from public.credit_packages")
    assert owned == 200 * len(USERS) + sum(worker.moved for worker in workers) + spent
