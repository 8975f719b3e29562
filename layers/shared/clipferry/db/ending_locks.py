"""The locks that a video's end takes before its one statement: the user's, the packages', the video's and the job's."""

from __future__ import annotations

from typing import Final

from clipferry.db import sign_in
from clipferry.db.connection import Transaction

_LOCK_PACKAGES: Final = """
select p.id from public.credit_packages p
where p.id in (
    select s.package_id from public.credit_holds h, clipferry.shares(h.package_allocation) s
    where h.video_uuid = %(video_uuid)s
)
order by p.id for update
"""

# Locked before a video's last statement takes its snapshot: a state that changes under it would settle a hold without
# completing its video.
_LOCK_VIDEO: Final = "select id from public.videos where uuid = %(video_uuid)s for update"
_LOCK_JOB: Final = "select video_uuid from clipferry.jobs where video_uuid = %(video_uuid)s for update"


def lock(tx: Transaction, video_uuid: str) -> None:
    """Locks in the order of every money transaction: the user, the packages by id, the video, the job."""
    sign_in.lock_owner(tx, video_uuid)
    for statement in (_LOCK_PACKAGES, _LOCK_VIDEO, _LOCK_JOB):
        tx.execute(statement, {"video_uuid": video_uuid})
