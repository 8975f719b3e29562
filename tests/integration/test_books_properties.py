"""Random histories of two users, over a real PostgreSQL and beside a model that keeps its books in plain Python."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from clipferry.db.connection import Database
from clipferry.errors import OrderNumberTakenError
from clipferry.models import VideoStatus
from clipferry.usecases.move_credits import expire_credits, give_welcome, grant, take_back
from tests import books, journeys
from tests.books import recharge
from tests.books_model import DAY, FOREVER, HOUR, ModelUser, ModelVideo

USERS = st.integers(0, 1)
AMOUNTS = st.integers(1, 100)
LIFETIMES = st.sampled_from([None, 1, 3, 7, 20, 365])
"""Days; None is for ever."""
PRICES = st.integers(1, 60)
BEFORE_THE_FILE = (VideoStatus.PENDING, VideoStatus.GENERATING)


class Books(RuleBasedStateMachine):
    """Every step is done to both; then the database says what the model says, and `verify` finds nothing."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.users: dict[str, ModelUser] = {}
        self.videos: list[ModelVideo] = []
        self.is_welcomed = False

    @initialize()
    def two_users(self) -> None:
        books.empty(self.database)
        for user_id in ("ann", "bob"):
            books.add_user(self.database, user_id)
            self.users[user_id] = ModelUser()
            for days in (3, 20, 365):
                self._enter(user_id, 40, days)
            for status in journeys.LIVE:
                self._create(user_id, 25, status)

    def _user(self, number: int) -> tuple[str, ModelUser]:
        return list(self.users.items())[number]

    @rule(user=USERS, amount=AMOUNTS, days=LIFETIMES)
    def enter(self, user: int, amount: int, days: int | None) -> None:
        """A recharge; or, without an expiry, an operator's grant."""
        user_id, _ = self._user(user)
        order_no = self._enter(user_id, amount, days)
        assert not recharge(user_id=user_id, amount=amount, order_no=order_no, database=self.database)
        with pytest.raises(OrderNumberTakenError):
            recharge(user_id=user_id, amount=amount + 1, order_no=order_no, database=self.database)

    def _enter(self, user_id: str, amount: int, days: int | None) -> str:
        order_no = books.order_number()
        entry = {"user_id": user_id, "amount": amount, "order_no": order_no, "database": self.database}
        assert grant(**entry) if days is None else recharge(**entry, expires_in_days=days)
        self.users[user_id].enter(amount, FOREVER if days is None else days)
        return order_no

    @precondition(lambda self: not self.is_welcomed)
    @rule()
    def welcome(self) -> None:
        self.is_welcomed = True
        for user_id, model in self.users.items():
            assert give_welcome(user_id=user_id, amount=50, database=self.database)
            assert not give_welcome(user_id=user_id, amount=50, database=self.database)
            model.enter(50, 30)

    @precondition(lambda self: any(user.available for user in self.users.values()))
    @rule(user=USERS, amount=AMOUNTS)
    def refund(self, user: int, amount: int) -> None:
        user_id, model = self._user(user)
        order_no = books.order_number()
        took = take_back(user_id=user_id, amount=amount, order_no=order_no, database=self.database)
        assert took == model.take(amount)
        assert take_back(user_id=user_id, amount=amount, order_no=order_no, database=self.database) == 0

    @rule(user=USERS, price=PRICES, status=st.sampled_from(journeys.LIVE))
    def create(self, user: int, price: int, status: VideoStatus) -> None:
        """A video that goes on to `status`, so that histories get far in few steps."""
        user_id, _ = self._user(user)
        self._create(user_id, price, status)

    def _create(self, user_id: str, price: int, status: VideoStatus) -> None:
        model = self.users[user_id]
        new = journeys.new_video(price)
        created = journeys.create(self.database, new, user_id=user_id)
        assert created.available_credits == model.available
        shares = model.hold(price)
        assert created.verdict == ("INSUFFICIENT_CREDITS" if shares is None else "CREATED")
        if shares is not None:
            video = ModelVideo(user_id=user_id, uuid=new.uuid, shares=shares)
            self.videos.append(video)
            for move in (self._record, self._start_upload)[: journeys.LIVE.index(status)]:
                move(video)

    @precondition(lambda self: self._in(*journeys.LIVE))
    @rule(data=st.data())
    def record_the_submit(self, data: st.DataObject) -> None:
        self._record(data.draw(st.sampled_from(self._in(*journeys.LIVE))))

    @precondition(lambda self: self._in(*BEFORE_THE_FILE))
    @rule(data=st.data())
    def start_the_upload(self, data: st.DataObject) -> None:
        self._start_upload(data.draw(st.sampled_from(self._in(*BEFORE_THE_FILE))))

    @precondition(lambda self: self._in(VideoStatus.UPLOADING))
    @rule(data=st.data())
    def complete(self, data: st.DataObject) -> None:
        video = data.draw(st.sampled_from(self._in(VideoStatus.UPLOADING)))
        assert journeys.complete(self.database, video.uuid, fence=journeys.fence(self.database, video.uuid))
        video.status = VideoStatus.COMPLETED
        self.users[video.user_id].settle(video.shares)

    @precondition(lambda self: self._in(*journeys.LIVE))
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        video = data.draw(st.sampled_from(self._in(*journeys.LIVE)))
        assert journeys.fail(self.database, video.uuid)
        video.status = VideoStatus.FAILED
        self.users[video.user_id].release(video.shares)

    @precondition(lambda self: self._in(VideoStatus.FAILED))
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        video = data.draw(st.sampled_from(self._in(VideoStatus.FAILED)))
        shares = self.users[video.user_id].hold(sum(taken for _, taken in video.shares))
        verdict = journeys.reopen(self.database, video.uuid)
        assert verdict == ("INSUFFICIENT_CREDITS" if shares is None else "REOPENED")
        if shares is not None:
            journeys.lease(self.database, video.uuid)
            video.shares, video.status = shares, VideoStatus.UPLOADING

    @precondition(lambda self: self._in(VideoStatus.COMPLETED, VideoStatus.FAILED))
    @rule(data=st.data())
    def come_too_late(self, data: st.DataObject) -> None:
        video = data.draw(st.sampled_from(self._in(VideoStatus.COMPLETED, VideoStatus.FAILED)))
        assert not journeys.record(self.database, video.uuid)
        assert not journeys.start_upload(self.database, video.uuid)
        assert not journeys.complete(self.database, video.uuid, fence=journeys.fence(self.database, video.uuid))
        assert not journeys.fail(self.database, video.uuid)
        self.videos.remove(video)

    def _in(self, *states: VideoStatus) -> list[ModelVideo]:
        return [video for video in self.videos if video.status in states]

    def _record(self, video: ModelVideo) -> None:
        assert journeys.record(self.database, video.uuid)
        if video.status is VideoStatus.PENDING:
            video.status = VideoStatus.GENERATING

    def _start_upload(self, video: ModelVideo) -> None:
        assert journeys.start_upload(self.database, video.uuid)
        journeys.lease(self.database, video.uuid)
        video.status = VideoStatus.UPLOADING

    @precondition(lambda self: any(package.remaining for user in self.users.values() for package in user.live))
    @rule(days=st.sampled_from([1, 3, 30]))
    def time_passes(self, days: int) -> None:
        """Instead of the clock going forward, every expiry comes nearer; the hour keeps it off the exact moment."""
        seconds = days * DAY + HOUR
        books.execute(
            self.database,
            "update public.credit_packages set expired_at = expired_at - make_interval(secs => %(seconds)s) "
            "where user_id = any(%(users)s)",
            seconds=seconds,
            users=list(self.users),
        )
        for package in itertools.chain.from_iterable(user.packages for user in self.users.values()):
            package.seconds_left -= seconds

    @precondition(lambda self: any(user.doomed for user in self.users.values()))
    @rule()
    def expire(self) -> None:
        assert expire_credits(database=self.database) == sum(user.expire() for user in self.users.values())

    @invariant()
    def books_and_model_agree(self) -> None:
        breaches, accounts = books.audit(self.database, *self.users)
        assert breaches == []
        for account, model in zip(accounts, self.users.values(), strict=True):
            assert account.balance == model.balance()
            assert [(p.remaining, p.frozen) for p in account.packages] == [
                (p.remaining, p.frozen) for p in model.packages
            ]
            assert sorted(entry.credits for entry in account.ledger) == sorted(model.ledger)
            assert not account.ledger or account.ledger[-1].balance_after >= 0


def test_no_history_breaks_the_books(database: Database) -> None:
    bounds = settings(
        max_examples=25,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow],
    )

    class OwnBooks(Books):
        def __init__(self) -> None:
            super().__init__(database)

    run_state_machine_as_test(OwnBooks, settings=bounds)
