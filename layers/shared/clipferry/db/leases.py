"""The mirror's lease: one worker at a time, with a fencing number; and how far the file has got in all deliveries.

The database's clock decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction
from clipferry.db.rows import storable
from clipferry.errors import ClipferryError, SourceInvalidError
from clipferry.observability import quote

_TAKE_LEASE: Final = """
with job as (
    update clipferry.jobs j
    set lease_fence = j.lease_fence + 1, lease_until = now() + make_interval(secs => %(seconds)s),
        mirror_attempts = j.mirror_attempts + 1
    from public.videos v
    where j.video_uuid = %(uuid)s and v.uuid = j.video_uuid and v.status = 'UPLOADING'
        and v.original_video_url is not null and j.deadline is not null
        and (j.lease_until is null or j.lease_until < now())
    returning j.video_uuid, j.mirror_attempts
)
insert into clipferry.video_events (video_uuid, kind, detail)
select video_uuid, 'mirror_started', jsonb_build_object('attempt', mirror_attempts, 'worker', %(worker)s::text)
from job
"""

# Taken just now, or by a commit whose answer the worker didn't get.
_READ_LEASE: Final = """
select j.lease_fence as fence, j.mirror_attempts as attempts, j.source_refreshed, v.original_video_url as source_url,
       v.provider, v.external_task_id as task_id, v.parameters as ordered,
       (select count(*) from clipferry.video_events e
        where e.video_uuid = j.video_uuid and e.kind = 'mirror_interrupted' and e.at >= j.state_since
            and e.detail ->> 'code' = %(invalid_code)s) as invalid_answers
from clipferry.jobs j join public.videos v on v.uuid = j.video_uuid
where j.video_uuid = %(uuid)s and j.lease_until >= now() and j.deadline is not null
    and exists (select from clipferry.video_events e
                where e.video_uuid = j.video_uuid and e.kind = 'mirror_started'
                    and e.detail ->> 'worker' = %(worker)s and (e.detail ->> 'attempt')::integer = j.mirror_attempts)
"""

_RELEASE_LEASE: Final = """
with job as (
    update clipferry.jobs
    set lease_until = null, next_check_at = least(deadline, now() + make_interval(secs => %(again_seconds)s))
    where video_uuid = %(uuid)s and lease_fence = %(fence)s and lease_until is not null and deadline is not null
    returning video_uuid
)
insert into clipferry.video_events (video_uuid, kind, detail)
select video_uuid, 'mirror_interrupted', jsonb_build_object('code', %(code)s::text, 'detail', %(detail)s::text,
       'reached', %(reached)s::bigint, 'standstill', %(standstill)s::boolean) from job
"""

_IS_LEASED: Final = """
select coalesce(lease_until > now(), false) as is_leased from clipferry.jobs where video_uuid = %(uuid)s
"""

# An event without the mark is a delivery's that got further, or that the bucket ended, or one from before the marks.
_FIND_STANDSTILL: Final = """
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
class Lease:
    """The right to mirror one video until it runs out or a newer fence is given."""

    fence: int
    attempts: int
    """This one included."""
    source_refreshed: bool
    source_url: str
    provider: str | None
    task_id: str | None
    invalid_answers: int
    """How often the source has sent something else than a video, since the upload began."""
    ordered: dict[str, Any] | None
    """What the video's row keeps of its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """`reached` is the furthest byte of all deliveries; `deliveries` haven't got further since, for `seconds`."""

    reached: int
    deliveries: int
    seconds: float


def lease(tx: Transaction, *, uuid: str, worker: str, seconds: float) -> Rows[Lease]:
    """Leases an UPLOADING video; no row when another worker has it, or there is nothing to mirror any more.

    `worker` is a name that no other worker has: one that has the lease already gets the same again.
    """
    tx.execute(_TAKE_LEASE, {"uuid": uuid, "worker": worker, "seconds": seconds})
    return tx.query(_READ_LEASE, {"uuid": uuid, "worker": worker, "invalid_code": SourceInvalidError.code}, Lease)


def release_lease(
    tx: Transaction,
    *,
    uuid: str,
    fence: int,
    again_seconds: float,
    error: ClipferryError,
    reached: int = 0,
    standstill: bool = False,
) -> None:
    """Releases the lease because of `error`; reconcile sends the video again after `again_seconds`.

    `reached` is how many bytes have come, `standstill` says that the source's fault has kept it from getting further
    than before. A lease that was released already stays as it is.
    """
    parameters = {
        "uuid": uuid,
        "fence": fence,
        "again_seconds": again_seconds,
        "code": error.code,
        "detail": storable(quote(str(error))),
        "reached": reached,
        "standstill": standstill,
    }
    tx.execute(_RELEASE_LEASE, parameters)


def is_leased(tx: Transaction, uuid: str) -> Rows[dict[str, Any]]:
    """Says whether a worker is mirroring the video right now (`is_leased`)."""
    return tx.query_dicts(_IS_LEASED, {"uuid": uuid})


def find_standstill(tx: Transaction, uuid: str) -> Rows[Standstill]:
    """Returns one row, about the deliveries that have ended since the upload began."""
    return tx.query(_FIND_STANDSTILL, {"uuid": uuid}, Standstill)
