"""Measures one user's balance with ten ledger rows, and again with 100,000 more."""

from __future__ import annotations

import statistics
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import psycopg

from benchmarks import dataset
from benchmarks.plans import ExplainingDatabase
from benchmarks.product import Product
from benchmarks.rounds import Operation, PlanBook, Stopwatch
from clipferry.db.connection import Database

ROWS_BEFORE: Final = 10

_LENGTHEN: Final = """
insert into public.credit_transactions (trans_no, user_id, trans_type, credits, balance_after, created_at)
select 'TXN-growth-' || n, %(user_id)s, 'SYSTEM_ADJUST', case when mod(n, 2) = 0 then 10 else -10 end, 1000,
       timezone('utc', now())
from generate_series(1, %(rows)s::integer) n
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceCost:
    """The cost of reading a balance: ledger rows, the median in seconds, and the rows that were read."""

    ledger_rows: int
    median: float
    rows_read: int


def measure_growth(url: str, *, user: int, more_rows: int, rounds: int) -> tuple[BalanceCost, BalanceCost]:
    """Measures the balance of a new user with ten recharges, and again with `more_rows` more ledger rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        dataset.add_users(connection, user, user)
        with closing(Database(url)) as database:
            for _ in range(ROWS_BEFORE):
                Product(database).recharge(user)
        connection.execute("analyze public.credit_packages, public.credit_transactions")
        before = _measure_balance(url, user, ROWS_BEFORE, rounds)
        connection.execute(_LENGTHEN, {"user_id": dataset.user_id(user), "rows": more_rows})
        connection.execute("analyze public.credit_transactions")
        return before, _measure_balance(url, user, ROWS_BEFORE + more_rows, rounds)


def _measure_balance(url: str, user: int, ledger_rows: int, rounds: int) -> BalanceCost:
    watch = Stopwatch()
    with closing(Database(url)) as database:
        for _ in range(rounds):
            with watch.measure(Operation.BALANCE):
                Product(database).balance(user)
    with closing(ExplainingDatabase(url)) as explaining:
        book = PlanBook(explaining)
        with book.measure(Operation.BALANCE):
            Product(explaining).balance(user)
    median = statistics.median(watch.seconds[Operation.BALANCE])
    return BalanceCost(ledger_rows=ledger_rows, median=median, rows_read=book.rows_read(Operation.BALANCE))
