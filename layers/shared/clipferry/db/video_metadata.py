"""A request's own words about its video: kept with the job, and found by a pair of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from psycopg.types.json import Jsonb

from clipferry.db.connection import Rows, Transaction
from clipferry.db.videos import SELECT
from clipferry.models import Video, VideoStatus

# Behind the statement that creates the video. One that wasn't created has no job.
_KEEP: Final = """
with job as (
    update clipferry.jobs set metadata = %(metadata)s where video_uuid = %(video_uuid)s
    returning video_uuid, metadata
)
insert into clipferry.metadata_pairs (user_id, pair_sha256, created_at, video_id)
select v.user_id, sha256(convert_to(jsonb_build_array(pair.key, pair.value)::text, 'UTF8')),
       date_trunc('milliseconds', v.created_at), v.id
from job join public.videos v on v.uuid = job.video_uuid, jsonb_each_text(job.metadata) pair
"""

_LIST_OWN: Final = f"""{SELECT}
join clipferry.metadata_pairs m on m.video_id = v.id
where m.user_id = current_setting('clipferry.user_id', true)
    and m.pair_sha256 = sha256(convert_to(jsonb_build_array(%(name)s::text, %(value)s::text)::text, 'UTF8'))
    and (m.created_at, m.video_id) < (%(before_at)s, %(before_id)s)
    and v.user_id = m.user_id and not v.is_deleted
    and (%(status)s::text is null or v.status::text = %(status)s)
order by m.created_at desc, m.video_id desc limit %(limit)s
"""


def keep(tx: Transaction, *, video_uuid: str, metadata: Mapping[str, str]) -> None:
    """Keeps it with the video that this transaction has created, if it has."""
    tx.execute(_KEEP, {"video_uuid": video_uuid, "metadata": Jsonb(dict(metadata))})


def list_own(
    tx: Transaction,
    *,
    pair: tuple[str, str],
    before_at: datetime,
    before_id: int,
    status: VideoStatus | None,
    limit: int,
) -> Rows[Video]:
    """Returns the caller's videos with the pair, as `videos.list_own` returns all of them."""
    name, value = pair
    return tx.query(
        _LIST_OWN,
        {
            "name": name,
            "value": value,
            "before_at": before_at,
            "before_id": before_id,
            "limit": limit,
            "status": status,
        },
        Video,
    )
