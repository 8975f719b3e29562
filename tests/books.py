"""What the tests of the books build on: SQL of their own, users with packages, and what the tables say then."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from typing import Any, LiteralString

from clipferry.db import ledger as ledger_of_user
from clipferry.db import users, verification
from clipferry.db.connection import Database, Rows, Transaction
from clipferry.db.ledger import Balance
from clipferry.db.verification import Breach
from clipferry.models import Credential
from clipferry.usecases import move_credits

_numbers = itertools.count(1)

_PACKAGES = """
select initial_credits as initial, remaining_credits as remaining, frozen_credits as frozen, status::text as status
from public.credit_packages where user_id = %(user_id)s order by id
"""

_LEDGER = """
select trans_type::text as trans_type, credits, balance_after
from public.credit_transactions where user_id = %(user_id)s order by id
"""

_EVERYTHING = """
select 'package' as source, to_jsonb(t) as record from public.credit_packages t
union all select 'hold', to_jsonb(t) from public.credit_holds t
union all select 'ledger', to_jsonb(t) from public.credit_transactions t
union all select 'video', to_jsonb(t) from public.videos t
union all select 'job', to_jsonb(t) from clipferry.jobs t
union all select 'event', to_jsonb(t) from clipferry.video_events t
union all select 'order number', to_jsonb(t) from clipferry.order_numbers t
union all select 'idempotency key', to_jsonb(t) from clipferry.idempotency_keys t
union all select 'file', to_jsonb(t) from clipferry.mirrored_files t
order by 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One package as the tables have it."""

    initial: int
    remaining: int
    frozen: int
    status: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of the ledger."""

    trans_type: str
    credits: int
    balance_after: int


@dataclass(frozen=True, kw_only=True)
class Account:
    """All that the tables have of one user; packages and ledger in the order in which they came."""

    balance: Balance
    packages: list[Package]
    ledger: list[Entry]


def execute(database: Database, sql: LiteralString, **parameters: Any) -> None:
    """Runs one statement whose rows don't matter."""
    with database.transaction() as tx:
        tx.execute(sql, parameters)


def execute_all(database: Database, *statements: LiteralString) -> None:
    """Runs them in one transaction."""
    with database.transaction() as tx:
        for statement in statements:
            tx.execute(statement, {})


def empty(database: Database) -> None:
    """Deletes what a test may have written: quicker than the fixture's truncate, for a test that begins many times."""
    execute_all(
        database,
        "delete from public.credit_transactions",
        "delete from public.credit_holds",
        "delete from public.credit_packages",
        "delete from public.videos",
        "delete from clipferry.video_events",
        "delete from clipferry.mirrored_files",
        "delete from clipferry.idempotency_keys",
        "delete from clipferry.order_numbers",
        "delete from clipferry.opening_balances",
        'delete from public."user"',
    )


def rows(database: Database, sql: LiteralString, **parameters: Any) -> list[dict[str, Any]]:
    with database.transaction() as tx:
        found = tx.query_dicts(sql, parameters)
    return found.all()


def value(database: Database, sql: LiteralString, **parameters: Any) -> Any:
    """The only column of the only row."""
    [row] = rows(database, sql, **parameters)
    [only] = row.values()
    return only


def everything(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """Every row that a money transaction could write, to compare before with after."""
    return [(row["source"], row["record"]) for row in rows(database, _EVERYTHING)]


def add_user(database: Database, user_id: str = "ann", *, is_admin: bool = False) -> Credential:
    """A user with a session that lasts; returns what its requests show."""
    with database.transaction() as tx:
        tx.execute(
            'insert into public."user" (id, email, "isAdmin") values (%(id)s, %(email)s, %(is_admin)s)',
            {"id": user_id, "email": f"{user_id}@example.com", "is_admin": is_admin},
        )
        tx.execute(
            'insert into public.session ("userId", token, "expiresAt") '
            "values (%(id)s, %(token)s, timezone('utc', now()) + interval '1 day')",
            {"id": user_id, "token": _token(user_id)},
        )
    return credential(user_id)


def credential(user_id: str = "ann") -> Credential:
    return Credential(session_token=_token(user_id))


def key_credential(key: str) -> Credential:
    """What a request with this API key is signed in by."""
    return Credential(key_sha256=hashlib.sha256(key.encode()).digest())


def _token(user_id: str) -> str:
    return f"session-of-{user_id}"


def order_number() -> str:
    return f"order_{next(_numbers)}"


def add_package(database: Database, amount: int, *, user_id: str = "ann", days: int | None = None) -> int:
    """A package of `amount` credits that expires after `days`, or never; returns its id."""
    number = order_number()
    assert move_credits.grant(user_id=user_id, amount=amount, order_no=number, database=database, expires_in_days=days)
    return value(database, "select id from public.credit_packages where order_no = %(number)s", number=number)


def lapse(database: Database, package_id: int) -> None:
    """The package's time is over."""
    execute(
        database,
        "update public.credit_packages set expired_at = timezone('utc', now()) - interval '1 hour' where id = %(id)s",
        id=package_id,
    )


def audit(database: Database, *user_ids: str) -> tuple[list[Breach], list[Account]]:
    """Returns what `verify` finds, and each user's account, in one round trip."""
    with database.transaction() as tx:
        found = verification.breaches(tx)
        reading = [_read_account(tx, user_id) for user_id in user_ids]
    return found.all(), [_account(*parts) for parts in reading]


def account(database: Database, user_id: str = "ann") -> Account:
    with database.transaction() as tx:
        reading = _read_account(tx, user_id)
    return _account(*reading)


def _read_account(tx: Transaction, user_id: str) -> tuple[Rows[Balance], Rows[Package], Rows[Entry]]:
    users.lock(tx, user_id)
    return (
        ledger_of_user.balance(tx),
        tx.query(_PACKAGES, {"user_id": user_id}, Package),
        tx.query(_LEDGER, {"user_id": user_id}, Entry),
    )


def _account(balance: Rows[Balance], packages: Rows[Package], ledger: Rows[Entry]) -> Account:
    [only] = balance.all()
    return Account(balance=only, packages=packages.all(), ledger=ledger.all())


def packages(database: Database, user_id: str = "ann") -> list[Package]:
    return account(database, user_id).packages


def balance(database: Database, user_id: str = "ann") -> Balance:
    return account(database, user_id).balance


def ledger(database: Database, user_id: str = "ann") -> list[tuple[str, int, int]]:
    """Type, credits and balance after, oldest first."""
    return [(entry.trans_type, entry.credits, entry.balance_after) for entry in account(database, user_id).ledger]


def breaches(database: Database) -> list[Breach]:
    found, _ = audit(database)
    return found


def recharge(*, user_id: str, amount: int, order_no: str, database: Database, expires_in_days: int = 365) -> bool:
    """What a paid order buys."""
    return move_credits.grant(
        user_id=user_id,
        amount=amount,
        order_no=order_no,
        database=database,
        trans_type="ORDER_PAY",
        expires_in_days=expires_in_days,
    )
