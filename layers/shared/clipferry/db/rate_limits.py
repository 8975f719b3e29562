"""The number of a user's costly requests in this minute, counted by the database for all functions together."""

from __future__ import annotations

from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

_COUNT_REQUEST: Final = """
insert into clipferry.rate_windows (user_id, minute, requests)
select user_id, date_trunc('minute', now()), 1
from (select nullif(current_setting('clipferry.user_id', true), '') as user_id) caller where user_id is not null
on conflict (user_id, minute) do update set requests = rate_windows.requests + 1
returning requests
"""

# Apart from requests for videos: whoever uploads four images for a video may still order it.
_COUNT_UPLOAD: Final = """
insert into clipferry.rate_windows (user_id, minute, requests)
values ('upload:' || %(user_id)s, date_trunc('minute', now()), 1)
on conflict (user_id, minute) do update set requests = rate_windows.requests + 1
returning requests
"""


def count_upload(tx: Transaction, user_id: str) -> Rows[dict[str, Any]]:
    """Counts one more presigned upload of the user; returns how many there are in this minute (`requests`)."""
    return tx.query_dicts(_COUNT_UPLOAD, {"user_id": user_id})


def count_request(tx: Transaction) -> Rows[dict[str, Any]]:
    """Counts one more of the transaction's user; returns how many there are now (`requests`), no row for nobody."""
    return tx.query_dicts(_COUNT_REQUEST, {})
