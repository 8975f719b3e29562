"""Jobs: which video is due, and which was claimed. The database's clock decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

# Jobs of the original application, created while both serve the same database, have no row of ours yet.
_CREATE_MISSING_JOBS: Final = """
insert into clipferry.jobs (video_uuid, state_since, deadline, next_check_at, task_source)
select v.uuid, timezone('utc', v.created_at), now() + make_interval(secs => %(deadline_seconds)s),
       now() - interval '1 second', case when v.external_task_id is not null then 'submit' end
from public.videos v
where v.status in ('PENDING', 'GENERATING', 'UPLOADING')
    and v.created_at < timezone('utc', now()) - interval '1 minute'
    and not exists (select from clipferry.jobs j where j.video_uuid = v.uuid)
on conflict (video_uuid) do nothing
"""

# The original application, or somebody by hand, may end a video without knowing of our row.
_CLEAR_FINISHED_JOBS: Final = """
update clipferry.jobs j set deadline = null, next_check_at = null, lease_until = null
from public.videos v
where j.next_check_at <= now() and v.uuid = j.video_uuid and v.status in ('COMPLETED', 'FAILED')
"""

# Pushing next_check_at forward in the same statement is the claim: a second reconciler takes other rows, and a video
# that always fails doesn't come first for ever. Young videos are asked about once an interval, old ones less often.
# The provider is read by subselects, because a join might read all videos.
_CLAIM_DUE: Final = """
update clipferry.jobs j
set checks = j.checks + 1,
    next_check_at = least(
        greatest(j.deadline, now() + make_interval(secs => %(interval_seconds)s)),
        now() + greatest(make_interval(secs => %(interval_seconds)s), (now() - j.state_since) / 20))
from (
    select o.video_uuid from clipferry.jobs o
    where o.next_check_at <= now() and (o.lease_until is null or o.lease_until < now())
        and coalesce((select v.provider from public.videos v where v.uuid = o.video_uuid), '')
            <> all(%(excluded_providers)s::text[])
    order by deadline limit %(limit)s for update skip locked
) due
where j.video_uuid = due.video_uuid
returning j.video_uuid as uuid, j.next_check_at,
          coalesce((select v.provider from public.videos v where v.uuid = j.video_uuid), '') as provider
"""

# Whoever has moved a video meanwhile has also said when it is due.
_RELEASE_CLAIMS: Final = """
update clipferry.jobs j set checks = j.checks - 1, next_check_at = now()
from unnest(%(uuids)s::text[], %(moments)s::timestamptz[]) as claimed (video_uuid, next_check_at)
where j.video_uuid = claimed.video_uuid and j.next_check_at = claimed.next_check_at
"""

# The reader who finds the answer old asks the provider; everyone else reads what is there.
_CLAIM_STALE: Final = """
update clipferry.jobs j set asked_at = now()
from public.videos v
where j.video_uuid = %(uuid)s and v.uuid = j.video_uuid
    and v.user_id = current_setting('clipferry.user_id', true) and not v.is_deleted
    and v.status in ('PENDING', 'GENERATING') and v.external_task_id is not null
    and coalesce(j.asked_at, j.state_since) <= now() - make_interval(secs => %(stale_seconds)s)
returning j.video_uuid
"""

# Never backwards, whoever was asked first. 100 is left for the file that is there.
_NOTE_PROGRESS: Final = """
update clipferry.jobs set progress = least(%(progress)s, 99)
where video_uuid = %(uuid)s and coalesce(progress, -1) < least(%(progress)s, 99)
"""

_CHECK_SOON: Final = """
update clipferry.jobs set next_check_at = least(next_check_at, now() + make_interval(secs => %(seconds)s))
where video_uuid = %(uuid)s and next_check_at is not null
"""

# A queue that is behind isn't helped by one more message a minute for each video in it.
_BACK_OFF: Final = """
update clipferry.jobs
set next_check_at = least(deadline, now() + greatest(make_interval(secs => %(seconds)s), now() - state_since))
where video_uuid = %(uuid)s and next_check_at is not null
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueVideo:
    """A video that was claimed, to be checked now."""

    uuid: str
    provider: str
    """Empty when there is none yet."""
    next_check_at: datetime
    """As the claim has set it."""


def create_missing_jobs(tx: Transaction, *, deadline_seconds: int) -> None:
    """Gives every unfinished video without a job row one, due at once."""
    tx.execute(_CREATE_MISSING_JOBS, {"deadline_seconds": deadline_seconds})


def clear_finished_jobs(tx: Transaction) -> None:
    """Clears the job of every video that the original application, or somebody by hand, has ended."""
    tx.execute(_CLEAR_FINISHED_JOBS, {})


def claim_due(
    tx: Transaction, *, limit: int, interval_seconds: float, excluded_providers: Sequence[str] = ()
) -> Rows[DueVideo]:
    """Claims videos to check now, those with the earliest deadline first.

    None whose provider is among the `excluded_providers`.
    """
    return tx.query(
        _CLAIM_DUE,
        {"limit": limit, "interval_seconds": interval_seconds, "excluded_providers": [*excluded_providers]},
        DueVideo,
    )


def release_claims(tx: Transaction, unseen: Sequence[DueVideo]) -> None:
    """Makes claimed videos that nobody has checked due again at once."""
    tx.execute(
        _RELEASE_CLAIMS,
        {"uuids": [due.uuid for due in unseen], "moments": [due.next_check_at for due in unseen]},
    )


def claim_stale(tx: Transaction, *, uuid: str, stale_seconds: int) -> Rows[dict[str, Any]]:
    """Returns a row to the one reader who should ask the provider about the caller's video now."""
    return tx.query_dicts(_CLAIM_STALE, {"uuid": uuid, "stale_seconds": stale_seconds})


def note_progress(tx: Transaction, *, uuid: str, progress: int) -> None:
    """Stores how far the task is, if that is further than before."""
    tx.execute(_NOTE_PROGRESS, {"uuid": uuid, "progress": progress})


def check_soon(tx: Transaction, *, uuid: str, seconds: float) -> None:
    """Makes the video due in `seconds` at the latest."""
    tx.execute(_CHECK_SOON, {"uuid": uuid, "seconds": seconds})


def back_off(tx: Transaction, *, uuid: str, seconds: float) -> None:
    """Makes the video due after as long as its state has lasted so far, in `seconds` at the earliest."""
    tx.execute(_BACK_OFF, {"uuid": uuid, "seconds": seconds})
