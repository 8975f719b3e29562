"""Moves credits: payment, gift, admin grant and adjustment, refund deduction, and the daily expiry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clipferry.db import expiry
from clipferry.db.connection import Database
from clipferry.db.credits import EntryResult, add, deduct
from clipferry.errors import (
    ClipferryError,
    DatabaseUnavailableError,
    InvalidRequestError,
    NotFoundError,
    OrderNumberTakenError,
)
from clipferry.models import MOST_CREDITS
from clipferry.observability import count, logger
from clipferry.verdicts import CreditVerdict

ENTRY_TYPES: Final = ("NEW_USER", "ORDER_PAY", "SUBSCRIPTION", "SYSTEM_ADJUST", "REFUND")
GIFT_DAYS: Final = 30
MOST_DAYS: Final = 36_500
EXPIRY_BATCH: Final = 100


def grant(
    *,
    user_id: str,
    amount: int,
    order_no: str,
    database: Database,
    trans_type: str = "SYSTEM_ADJUST",
    expires_in_days: int | None = None,
    remark: str | None = None,
    granted_by: str | None = None,
) -> bool:
    """Adds a package, once an order number; returns whether it was now (False: it had been already).

    `granted_by` stands in the ledger's remark and in the log: an admin's name for a grant that nobody paid.
    """
    _check(amount, order_no)
    if expires_in_days is not None and not 1 <= expires_in_days <= MOST_DAYS:
        raise InvalidRequestError.for_field("expiresInDays", "out_of_range", f"must be from 1 to {MOST_DAYS}")
    if trans_type not in ENTRY_TYPES:
        raise InvalidRequestError.for_field("transType", "invalid", f"must be one of {', '.join(ENTRY_TYPES)}")
    entered = database.run(
        add,
        user_id=user_id,
        credits=amount,
        order_no=order_no,
        trans_type=trans_type,
        expires_in_days=expires_in_days,
        remark=_signed(remark, granted_by),
    )
    return _done(entered.first(), user_id, order_no, granted_by).verdict is CreditVerdict.DONE


def give_welcome(*, user_id: str, amount: int, database: Database) -> bool:
    """The gift to a new user, once a user: its order number is the original application's, `NEW_USER_{userId}`."""
    return grant(
        user_id=user_id,
        amount=amount,
        order_no=f"NEW_USER_{user_id}",
        database=database,
        trans_type="NEW_USER",
        expires_in_days=GIFT_DAYS,
        remark="Welcome",
    )


def take_back(*, user_id: str, amount: int, order_no: str, database: Database) -> int:
    """Takes up to `amount` from the newest packages, once an order number; returns how many credits that were.

    For a refunded order. What is held for a video isn't touched, so the shortfall is `amount` minus what this returns;
    repeated, it takes and returns 0.
    """
    _check(amount, order_no)
    deducted = database.run(deduct, user_id=user_id, credits=amount, order_no=order_no)
    return _done(deducted.first(), user_id, order_no).credits


def expire_credits(*, database: Database) -> int:
    """Zeroes every package whose time is over, user by user; returns how many packages that were.

    A user whose ledger is broken, by the original application or by hand, doesn't stop the expiry of the others.
    """
    return sum(_expire(user_id, database) for user_id in _with_expired(database))


def _with_expired(database: Database) -> Iterator[str]:
    last = ""
    while True:
        found = database.run(expiry.users_with_expired, after=last, limit=EXPIRY_BATCH)
        users = [row["user_id"] for row in found.all()]
        yield from users
        if len(users) < EXPIRY_BATCH:
            return
        last = users[-1]


def _expire(user_id: str, database: Database) -> int:
    try:
        return len(database.run(expiry.expire, user_id).all())
    except ClipferryError as error:
        if type(error) is DatabaseUnavailableError:  # not one that is only busy
            raise
        logger.exception("credits not expired", user_id=user_id)
        count("ExpiriesRefused")
        return 0


def _signed(remark: str | None, granted_by: str | None) -> str | None:
    return remark if granted_by is None else f"{remark or 'Granted'} (by {granted_by})"


def _check(amount: int, order_no: str) -> None:
    if not 1 <= amount <= MOST_CREDITS:
        raise InvalidRequestError.for_field("credits", "out_of_range", f"must be from 1 to {MOST_CREDITS}")
    if not (0 < len(order_no) <= 200 and order_no.isprintable()):
        raise InvalidRequestError.for_field("orderNo", "invalid", "must be 1 to 200 printable characters")


def _done(entry: EntryResult | None, user_id: str, order_no: str, granted_by: str | None = None) -> EntryResult:
    if entry is None or entry.verdict is CreditVerdict.NO_SUCH_USER:
        raise NotFoundError(f"no user {user_id}")
    if entry.verdict is CreditVerdict.ORDER_NUMBER_TAKEN:
        raise OrderNumberTakenError(order_no)
    logger.info(
        "credits moved",
        order_no=order_no,
        user_id=user_id,
        verdict=entry.verdict,
        credits=entry.credits,
        granted_by=granted_by,
    )
    return entry
