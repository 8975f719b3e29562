"""How long a file has not got any further, over all deliveries of its mirror. The database's clock decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from clipferry.db.connection import Rows, Transaction

# An event without the mark is a delivery's that got further, or that the bucket ended, or one from before the marks.
_FIND: Final = """
with tries as (
    select e.at, e.kind, (e.detail ->> 'reached')::bigint as reached,
           coalesce((e.detail ->> 'standstill')::boolean, false) as is_standstill
    from clipferry.video_events e join clipferry.jobs j on j.video_uuid = e.video_uuid
    where e.video_uuid = %(uuid)s and e.at >= j.state_since and e.kind in ('mirror_started', 'mirror_interrupted')
),
moved as (
    select max(at) as at from tries where kind = 'mirror_interrupted' and not is_standstill
)
select coalesce(max(t.reached), 0) as reached,
       count(*) filter (where t.is_standstill and t.at > coalesce(moved.at, '-infinity')) as deliveries,
       coalesce(extract(epoch from clock_timestamp() - coalesce(moved.at, min(t.at))), 0)::double precision as seconds
from moved left join tries t on true
group by moved.at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """`reached` is the furthest byte of all deliveries; `deliveries` haven't got further since, for `seconds`."""

    reached: int
    deliveries: int
    seconds: float


def find(tx: Transaction, uuid: str) -> Rows[Standstill]:
    """Returns one row, about the deliveries that have ended since the upload began."""
    return tx.query(_FIND, {"uuid": uuid}, Standstill)
