"""The callback inbox: which callback came, when, for which video, with which result. Secrets were redacted before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction
from clipferry.verdicts import Verdict

# A video without a task isn't due before its deadline: should this function die, a task that was named is asked about.
_STORE: Final = """
with soon as (
    update clipferry.jobs j set next_check_at = least(j.next_check_at, now() + interval '1 minute')
    from public.videos v
    where j.video_uuid = %(video_uuid)s and j.next_check_at is not null and %(task_id)s::text is not null
        and v.uuid = j.video_uuid and v.external_task_id is null
)
insert into clipferry.callback_inbox (provider, video_uuid, task_id, signed_at, body_sha256, body_size, body,
                                      verdict)
values (%(provider)s, %(video_uuid)s, %(task_id)s, %(signed_at)s, %(body_sha256)s, %(body_size)s, %(body)s,
        %(verdict)s)
returning id
"""

_SET_VERDICT: Final = """
with callback as (
    update clipferry.callback_inbox set verdict = %(verdict)s where id = %(id)s returning video_uuid, provider
)
insert into clipferry.video_events (video_uuid, kind, detail)
select video_uuid, 'callback', jsonb_build_object('provider', provider, 'verdict', %(verdict)s::text) from callback
"""

_UNANSWERED_TASK: Final = """
select c.task_id
from clipferry.callback_inbox c join public.videos v on v.uuid = c.video_uuid and v.provider = c.provider
where c.video_uuid = %(video_uuid)s and c.task_id is not null and c.verdict = %(verdict)s
order by c.id desc limit 1
"""

_COLUMNS: Final = """
    id, received_at, provider, video_uuid, task_id, signed_at, encode(body_sha256, 'hex') as body_sha256, body_size,
    body, verdict
"""

_FIND: Final = "select" + _COLUMNS + "from clipferry.callback_inbox where id = %(id)s"

_LATEST: Final = "select" + _COLUMNS + "from clipferry.callback_inbox order by id desc limit %(limit)s"

_LATEST_OF_VIDEO: Final = (
    "select"
    + _COLUMNS
    + "from clipferry.callback_inbox where video_uuid = %(video_uuid)s order by id desc limit %(limit)s"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCallback:
    """A callback whose signature was valid. `body` is its beginning, `body_sha256` (hex) the hash of the whole body."""

    id: int
    received_at: datetime
    provider: str
    video_uuid: str
    task_id: str | None
    signed_at: datetime
    body_sha256: str
    body_size: int
    """Bytes."""
    body: str | None
    verdict: str | None
    """A `Verdict`; None while there is no result."""


def store(
    tx: Transaction,
    *,
    provider: str,
    video_uuid: str,
    task_id: str | None,
    signed_at: datetime,
    body_sha256: bytes,
    body_size: int,
    body: str,
    verdict: Verdict | None,
) -> Rows[dict[str, Any]]:
    """Stores a callback whose signature is valid; returns its `id`. `verdict` stays until `set_verdict`."""
    parameters = {
        "provider": provider,
        "video_uuid": video_uuid,
        "task_id": task_id,
        "signed_at": signed_at,
        "body_sha256": body_sha256,
        "body_size": body_size,
        "body": body,
        "verdict": verdict,
    }
    return tx.query_dicts(_STORE, parameters)


def set_verdict(tx: Transaction, *, callback_id: int, verdict: Verdict) -> None:
    """Stores the result of a callback, and tells it among the video's events."""
    tx.execute(_SET_VERDICT, {"id": callback_id, "verdict": verdict})


def unanswered_task(tx: Transaction, video_uuid: str) -> Rows[dict[str, Any]]:
    """Returns the last `task_id` that a callback named while the provider couldn't be asked about it."""
    return tx.query_dicts(_UNANSWERED_TASK, {"video_uuid": video_uuid, "verdict": Verdict.NO_ANSWER})


def find(tx: Transaction, callback_id: int) -> Rows[StoredCallback]:
    return tx.query(_FIND, {"id": callback_id}, StoredCallback)


def latest(tx: Transaction, *, video_uuid: str | None, limit: int) -> Rows[StoredCallback]:
    """Returns the latest callbacks of one video, or of all, newest first."""
    statement = _LATEST_OF_VIDEO if video_uuid else _LATEST
    return tx.query(statement, {"video_uuid": video_uuid, "limit": limit}, StoredCallback)
