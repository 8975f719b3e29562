"""The number of a user's costly requests in this minute, counted by the database for all functions together.

The statement that creates a video counts for itself, in the same windows.
"""

from __future__ import annotations

from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

_COUNT: Final = """
insert into clipferry.rate_windows (user_id, minute, requests) values (%(counter)s, date_trunc('minute', now()), 1)
on conflict (user_id, minute) do update set requests = rate_windows.requests + 1
returning requests
"""


def count_request(tx: Transaction, user_id: str) -> Rows[dict[str, Any]]:
    """Counts one more of the user's requests for videos; returns how many there are in this minute (`requests`)."""
    return tx.query_dicts(_COUNT, {"counter": user_id})


def count_upload(tx: Transaction, user_id: str) -> Rows[dict[str, Any]]:
    """Counts a presigned upload, apart from requests: whoever uploads four images for a video may still order it."""
    return tx.query_dicts(_COUNT, {"counter": f"upload:{user_id}"})
