"""How much is under way at this moment: two numbers for the metrics, read through indexes, as many rows as are open."""

from __future__ import annotations

from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

# Since the state began and not since the video was made: a retry opens a video of last month again.
_READ: Final = """
select coalesce((
    select extract(epoch from now() - min(state_since)) from clipferry.jobs where next_check_at is not null
), 0)::float8 as oldest_seconds,
(select coalesce(sum(credits), 0) from public.credit_holds where status = 'HOLDING')::bigint as credits_held
"""


def read(tx: Transaction) -> Rows[dict[str, Any]]:
    """One row: the longest that an open video's state has lasted (`oldest_seconds`), and `credits_held` for all."""
    return tx.query_dicts(_READ, {})
