"""An operator's queries: everybody's videos, and those that are stuck."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction
from clipferry.models import VideoStatus

_LINE: Final = """
select v.uuid, v.user_id, v.status::text as status, v.model, v.provider, v.created_at,
       round(extract(epoch from coalesce(v.completed_at, timezone('utc', now())) - v.created_at))::integer as seconds,
       v.credits_used as credits, j.failure_code
from public.videos v left join clipferry.jobs j on j.video_uuid = v.uuid
"""

# Two statements, because each of the two orders has an index: Prisma's on created_at, and ours for a user's list.
_LATEST: Final = f"""{_LINE}
where not v.is_deleted and (%(status)s::text is null or v.status = %(status)s::public."VideoStatus")
order by v.created_at desc, v.id desc limit %(limit)s
"""

_LATEST_OF_USER: Final = f"""{_LINE}
where v.user_id = %(user_id)s and not v.is_deleted
    and (%(status)s::text is null or v.status = %(status)s::public."VideoStatus")
order by date_trunc('milliseconds', v.created_at) desc, v.id desc limit %(limit)s
"""

# Reconcile pushes next_check_at forward as it takes a video, so one that is long past was taken by nobody.
_STUCK: Final = """
select v.uuid, v.status::text as status, v.provider,
       case
           when j.video_uuid is null then 'nobody looks after it'
           when j.deadline is null then 'its job has ended'
           when j.deadline < now() then 'deadline passed'
           else 'not asked when due'
       end as why,
       coalesce(j.state_since, v.created_at at time zone 'utc') as since, j.deadline,
       j.next_check_at as next_question, j.lease_until as leased_until, j.mirror_attempts,
       last.kind as last_event, last.at as last_event_at
from public.videos v
left join clipferry.jobs j on j.video_uuid = v.uuid
left join lateral (
    select kind, at from clipferry.video_events e where e.video_uuid = v.uuid order by e.id desc limit 1
) last on true
where v.status in ('PENDING', 'GENERATING', 'UPLOADING')
    and case
            when j.video_uuid is null then
                v.created_at < timezone('utc', now()) - make_interval(secs => %(late_seconds)s)
            else j.deadline is null or j.deadline < now()
                or j.next_check_at < now() - make_interval(secs => %(late_seconds)s)
                    and (j.lease_until is null or j.lease_until < now())
        end
order by j.deadline nulls first, v.id limit %(limit)s
"""

_STATES: Final = """
select uuid, status::text as status from public.videos where uuid = any(%(uuids)s)
"""

_OPEN: Final = """
select v.status::text as status, count(*)::integer as videos, min(j.state_since) as oldest
from clipferry.jobs j join public.videos v on v.uuid = j.video_uuid
where j.next_check_at is not null group by v.status
"""

_ENDED: Final = """
select status::text as status, count(*)::integer as videos from public.videos
where created_at > timezone('utc', now()) - interval '1 day' and status in ('COMPLETED', 'FAILED') group by status
"""

_CLOCK: Final = "select clock_timestamp() as now"


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSummary:
    """A video in a list. `seconds` is how long it took, or how old it is while it hasn't been completed."""

    uuid: str
    user_id: str
    status: str
    model: str
    provider: str | None
    created_at: datetime
    seconds: int
    credits: int
    failure_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckVideo:
    """An unfinished video that is overdue, and what its job says."""

    uuid: str
    status: str
    provider: str | None
    why: str
    since: datetime
    deadline: datetime | None
    next_question: datetime | None
    leased_until: datetime | None
    mirror_attempts: int | None
    last_event: str | None
    last_event_at: datetime | None


def latest(tx: Transaction, *, user_id: str | None, status: VideoStatus | None, limit: int) -> Rows[VideoSummary]:
    """Returns videos that aren't deleted, newest first: one user's, or everybody's."""
    parameters = {"user_id": user_id, "status": status, "limit": limit}
    return tx.query(_LATEST if user_id is None else _LATEST_OF_USER, parameters, VideoSummary)


def stuck(tx: Transaction, *, late_seconds: float, limit: int) -> Rows[StuckVideo]:
    """Returns unfinished videos past their deadline, or due for `late_seconds` without a check: the oldest first."""
    return tx.query(_STUCK, {"late_seconds": late_seconds, "limit": limit}, StuckVideo)


def states(tx: Transaction, uuids: list[str]) -> Rows[dict[str, Any]]:
    """Returns `uuid` and `status` of those that exist."""
    return tx.query_dicts(_STATES, {"uuids": uuids})


def unfinished(tx: Transaction) -> Rows[dict[str, Any]]:
    """Returns `status`, `videos` (a count) and `oldest` (since when the oldest is in it) of each open state."""
    return tx.query_dicts(_OPEN, {})


def ended_today(tx: Transaction) -> Rows[dict[str, Any]]:
    """Returns `status` and `videos` of those that were created within a day, and have ended."""
    return tx.query_dicts(_ENDED, {})


def clock(tx: Transaction) -> Rows[dict[str, Any]]:
    """Returns the database's time (`now`), which decides every deadline."""
    return tx.query_dicts(_CLOCK, {})
