"""Two gauges for the metrics: the oldest open video, and the credits held. Read through indexes, only open rows."""

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
    """Returns one row: how long the oldest state of an open video has lasted (`oldest_seconds`), and `credits_held`."""
    return tx.query_dicts(_READ, {})
