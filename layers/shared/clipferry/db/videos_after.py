"""A user's videos by pages that begin behind a video: how OpenAI's SDKs page."""

from __future__ import annotations

from typing import Any, Final

from clipferry.db.connection import Rows, Transaction
from clipferry.db.videos import SELECT
from clipferry.models import Video

# One that was deleted meanwhile still says where the page before ended.
_POSITION: Final = """
select id from public.videos
where uuid = %(uuid)s and user_id = current_setting('clipferry.user_id', true)
"""

_AFTER: Final = """
with position as (
    select date_trunc('milliseconds', created_at) as at, id from public.videos
    where uuid = %(after)s and user_id = current_setting('clipferry.user_id', true)
)
"""

_NEWEST_FIRST: Final = f"""{_AFTER}{SELECT}
where v.user_id = current_setting('clipferry.user_id', true) and not v.is_deleted
    and (date_trunc('milliseconds', v.created_at), v.id)
        < (coalesce((select at from position), 'infinity'), coalesce((select id from position), 2147483647))
order by date_trunc('milliseconds', v.created_at) desc, v.id desc limit %(limit)s
"""

_OLDEST_FIRST: Final = f"""{_AFTER}{SELECT}
where v.user_id = current_setting('clipferry.user_id', true) and not v.is_deleted
    and (date_trunc('milliseconds', v.created_at), v.id)
        > (coalesce((select at from position), '-infinity'), coalesce((select id from position), 0))
order by date_trunc('milliseconds', v.created_at), v.id limit %(limit)s
"""


def position(tx: Transaction, uuid: str) -> Rows[dict[str, Any]]:
    """Returns a row if the video is or was the caller's."""
    return tx.query_dicts(_POSITION, {"uuid": uuid})


def list_after(tx: Transaction, *, after: str | None, oldest_first: bool, limit: int) -> Rows[Video]:
    """Returns the caller's videos behind the video `after`, or from the first one on."""
    return tx.query(_OLDEST_FIRST if oldest_first else _NEWEST_FIRST, {"after": after, "limit": limit}, Video)
