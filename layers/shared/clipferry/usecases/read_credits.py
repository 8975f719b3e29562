"""Reads a user's credits: the balance, and the ledger by pages."""

from __future__ import annotations

from dataclasses import dataclass

from clipferry.db import ledger, sign_in
from clipferry.db.connection import Database
from clipferry.db.ledger import Balance, LedgerRow
from clipferry.models import Credential


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of the ledger, newest first. `total` counts at most 10,000 rows; the last page has no `next_offset`."""

    rows: list[LedgerRow]
    total: int
    next_offset: int | None


def get_balance(*, credential: Credential, database: Database) -> Balance:
    with database.transaction() as tx:
        caller = sign_in.authenticate(tx, credential)
        found = ledger.balance(tx)
    sign_in.signed_in(caller)
    balance = found.first()
    assert balance is not None
    return balance


def get_history(
    *, credential: Credential, database: Database, limit: int, offset: int, trans_type: str | None
) -> HistoryPage:
    with database.transaction() as tx:
        caller = sign_in.authenticate(tx, credential)
        found = ledger.history(tx, limit=limit + 1, offset=offset, trans_type=trans_type)
        total = ledger.history_total(tx, trans_type=trans_type)
    sign_in.signed_in(caller)
    counted = total.first()
    assert counted is not None
    rows = found.all()
    return HistoryPage(rows[:limit], counted["total"], offset + limit if len(rows) > limit else None)
