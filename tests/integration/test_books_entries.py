"""How credits enter and leave by order number, and what users read of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from clipferry.db.connection import Database
from clipferry.errors import (
    InvalidRequestError,
    NotFoundError,
    OrderNumberTakenError,
    UnauthorizedError,
)
from clipferry.models import Credential, VideoStatus
from clipferry.usecases.move_credits import give_welcome, grant, take_back
from clipferry.usecases.read_credits import get_balance, get_history
from tests import books, journeys
from tests.books import Package, recharge
from tests.log_lines import captured, events

THREADS = 16


pytestmark = pytest.mark.usefixtures("ann")


def test_a_recharge_is_a_package_of_a_year(database: Database) -> None:
    assert recharge(user_id="ann", amount=100, order_no="creem_1", database=database)
    assert books.ledger(database) == [("ORDER_PAY", 100, 100)]
    assert books.value(
        database,
        "select expired_at - created_at = interval '365 days' and order_no = 'creem_1' from public.credit_packages",
    )


def test_one_order_recharges_once_at_any_concurrency(database: Database, database_url: str) -> None:
    def pay(_: int) -> bool:
        own = Database(database_url)
        try:
            return recharge(user_id="ann", amount=100, order_no="creem_1", database=own)
        finally:
            own.close()

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(pay, range(THREADS)))

    assert sorted(answers) == [False] * (THREADS - 1) + [True]
    assert books.packages(database) == [Package(initial=100, remaining=100, frozen=0, status="ACTIVE")]


def test_one_order_number_is_one_users_at_any_concurrency(database: Database, database_url: str) -> None:
    users = [f"user-{number}" for number in range(THREADS)]
    for user_id in users:
        books.add_user(database, user_id)

    def pay(user_id: str) -> str:
        own = Database(database_url)
        try:
            return str(recharge(user_id=user_id, amount=100, order_no="creem_1", database=own))
        except OrderNumberTakenError:
            return "taken"
        finally:
            own.close()

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(pay, users))

    assert sorted(answers) == ["True"] + ["taken"] * (THREADS - 1)
    assert books.value(database, "select count(*) from public.credit_packages") == 1


@pytest.mark.parametrize(("user_id", "amount"), [("bob", 100), ("ann", 99), ("bob", 99)])
def test_an_order_number_belongs_to_one_user_and_one_amount(database: Database, user_id: str, amount: int) -> None:
    books.add_user(database, "bob")
    recharge(user_id="ann", amount=100, order_no="creem_1", database=database)
    before = books.everything(database)

    with pytest.raises(OrderNumberTakenError) as taken:
        recharge(user_id=user_id, amount=amount, order_no="creem_1", database=database)
    assert (taken.value.status, taken.value.code) == (409, "ORDER_NUMBER_TAKEN")
    assert books.everything(database) == before


def test_the_log_names_the_admin_of_a_grant_and_has_no_line_of_a_refused_one(database: Database) -> None:
    order: dict[str, Any] = {"order_no": "gift_1", "granted_by": "user root", "database": database}
    with captured() as log:
        grant(user_id="ann", amount=10, **order)
        with suppress(OrderNumberTakenError):
            grant(user_id="ann", amount=11, **order)
        with suppress(NotFoundError):
            grant(user_id="nobody", amount=10, **order)

    [line] = [line for line in events(log()) if line.get("granted_by")]
    assert (line["message"], line["verdict"], line["granted_by"]) == ("credits moved", "DONE", "user root")


def test_an_order_that_the_original_application_booked_is_not_booked_again(database: Database) -> None:
    """The row was written after our migration, so only the application's own table knows the number."""
    books.execute(
        database,
        """
        with package as (
            insert into public.credit_packages (user_id, initial_credits, remaining_credits, trans_type, order_no,
                                                updated_at)
            values ('ann', 100, 100, 'ORDER_PAY', 'creem_1', timezone('utc', now())) returning id
        )
        insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, package_id)
        select 'TXN1', 'ann', 'ORDER_PAY', 100, 100, id from package
        """,
    )

    assert not recharge(user_id="ann", amount=100, order_no="creem_1", database=database)
    assert len(books.packages(database)) == 1


def test_the_welcome_is_given_once(database: Database) -> None:
    assert give_welcome(user_id="ann", amount=50, database=database)
    assert not give_welcome(user_id="ann", amount=50, database=database)
    assert books.ledger(database) == [("NEW_USER", 50, 50)]


@pytest.mark.parametrize("amount", [0, -1, 100_000_001])
def test_no_movement_is_empty_negative_or_absurd(database: Database, amount: int) -> None:
    with pytest.raises(InvalidRequestError):
        grant(user_id="ann", amount=amount, order_no="1", database=database)
    with pytest.raises(InvalidRequestError):
        take_back(user_id="ann", amount=amount, order_no="1", database=database)
    assert books.everything(database) == []


def test_an_unknown_user_gets_no_credits(database: Database) -> None:
    with pytest.raises(NotFoundError):
        grant(user_id="nobody", amount=1, order_no="1", database=database)
    with pytest.raises(NotFoundError):
        take_back(user_id="nobody", amount=1, order_no="1", database=database)
    assert books.everything(database) == []


def test_a_refund_takes_the_newest_packages_first(database: Database) -> None:
    for amount in (10, 20, 30):
        books.add_package(database, amount)

    assert take_back(user_id="ann", amount=45, order_no="refund_1", database=database) == 45
    assert [(p.remaining, p.status) for p in books.packages(database)] == [
        (10, "ACTIVE"),
        (5, "ACTIVE"),
        (0, "DEPLETED"),
    ]
    assert books.ledger(database)[3:] == [("REFUND", -45, 15)]


def test_a_refund_never_takes_held_credits_and_says_what_it_took(database: Database) -> None:
    books.add_package(database, 10)
    uuid = journeys.video_at(database, VideoStatus.UPLOADING, 7)

    assert take_back(user_id="ann", amount=10, order_no="refund_1", database=database) == 3
    assert books.packages(database) == [Package(initial=10, remaining=0, frozen=7, status="ACTIVE")]
    assert journeys.complete(database, uuid, fence=journeys.fence(database, uuid))
    assert books.packages(database) == [Package(initial=10, remaining=0, frozen=0, status="DEPLETED")]


def test_a_refund_happens_once(database: Database) -> None:
    books.add_package(database, 10)
    taken = [take_back(user_id="ann", amount=4, order_no="refund_1", database=database) for _ in range(2)]

    assert taken == [4, 0]
    assert books.balance(database).available == 6


def test_a_refund_can_not_use_the_number_of_its_recharge(database: Database) -> None:
    recharge(user_id="ann", amount=10, order_no="creem_1", database=database)

    with pytest.raises(OrderNumberTakenError):
        take_back(user_id="ann", amount=10, order_no="creem_1", database=database)


def test_a_refund_of_nothing_books_no_empty_row(database: Database) -> None:
    assert take_back(user_id="ann", amount=10, order_no="refund_1", database=database) == 0
    assert books.ledger(database) == []


def test_the_balance_counts_what_can_be_spent_and_what_is_held(database: Database) -> None:
    soon = books.add_package(database, 10, days=5)
    books.add_package(database, 100, days=60)
    journeys.video_at(database, VideoStatus.COMPLETED, 4)
    journeys.held_video(database, 26)
    gone = books.add_package(database, 30, days=1)

    balance = books.balance(database)
    assert (balance.total, balance.used, balance.frozen) == (140, 4, 26)
    assert (balance.available, balance.expiring_soon) == (110, 30)
    for package in (soon, gone):
        books.lapse(database, package)
    balance = books.balance(database)
    assert (balance.total, balance.used, balance.frozen) == (100, 0, 26)
    assert (balance.available, balance.expiring_soon) == (80, 0)


def test_a_user_sees_only_the_own_balance(database: Database) -> None:
    books.add_package(database, 10)

    assert get_balance(credential=books.credential(), database=database).available == 10
    bob = books.add_user(database, "bob")
    assert get_balance(credential=bob, database=database).available == 0
    for nobody in (Credential(), Credential(session_token="guessed")):
        with pytest.raises(UnauthorizedError):
            get_balance(credential=nobody, database=database)
        with pytest.raises(UnauthorizedError):
            get_history(credential=nobody, database=database, limit=1, offset=0, trans_type=None)


def test_an_expired_session_is_refused(database: Database) -> None:
    books.execute(database, "update public.session set \"expiresAt\" = timezone('utc', now()) - interval '1 ms'")

    with pytest.raises(UnauthorizedError):
        get_balance(credential=books.credential(), database=database)
    assert books.rows(database, "select 1 from public.videos") == []


def test_the_history_comes_newest_first_by_pages_and_by_type(database: Database) -> None:
    for amount in range(1, 6):
        books.add_package(database, amount)
    recharge(user_id="ann", amount=7, order_no="creem_1", database=database)
    books.add_user(database, "bob")
    books.add_package(database, 99, user_id="bob")

    def page(*, limit: int, offset: int, trans_type: str | None = None) -> tuple[list[int], int]:
        found = get_history(
            credential=books.credential(), database=database, limit=limit, offset=offset, trans_type=trans_type
        )
        return [row.credits for row in found.rows], found.total

    assert page(limit=2, offset=0) == ([7, 5], 6)
    assert page(limit=3, offset=2) == ([4, 3, 2], 6)
    assert page(limit=3, offset=6) == ([], 6)
    assert page(limit=9, offset=0, trans_type="ORDER_PAY") == ([7], 1)
    assert page(limit=1, offset=4, trans_type="SYSTEM_ADJUST") == ([1], 5)
    assert page(limit=9, offset=0, trans_type="REFUND") == ([], 0)
