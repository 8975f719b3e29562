"""The callback inbox: which callback came, when, for which video, with which result. Secrets were redacted before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction
from clipferry.verdicts import Verdict

MOST_ROWS: Final = 20
"""The number of different bodies that are kept for one video: a provider sends one or two."""

# A video without a task isn't due before its deadline: should this function die, a task that was named is asked about.
# The same body is kept once, so that whoever holds a URL can't fill the table by posting to it.
_STORE: Final = """
with open as (
    select uuid from public.videos where uuid = %(video_uuid)s and status in ('PENDING', 'GENERATING', 'UPLOADING')
),
soon as (
    update clipferry.jobs j set next_check_at = now() + interval '1 minute'
    from public.videos v
    where j.video_uuid = %(video_uuid)s and j.next_check_at > now() + interval '1 minute'
        and %(task_id)s::text is not null and v.uuid = j.video_uuid and v.external_task_id is null
),
stored as (
    insert into clipferry.callback_inbox (provider, video_uuid, task_id, signed_at, body_sha256, body_size, body,
                                          verdict)
    select %(provider)s, uuid, %(task_id)s, %(signed_at)s, %(body_sha256)s, %(body_size)s, %(body)s, %(verdict)s
    from open
    where (select count(*) from clipferry.callback_inbox c where c.video_uuid = %(video_uuid)s) < %(most_rows)s
    on conflict (video_uuid, provider, body_sha256) do nothing
    returning id
)
select id, true as is_new from stored
union all
select c.id, false from clipferry.callback_inbox c, open
where c.video_uuid = open.uuid and c.provider = %(provider)s and c.body_sha256 = %(body_sha256)s
    and not exists (select from stored)
"""

# Apart from the readers' claim of `jobs`: the first callback never waits because somebody has just read the status.
_CLAIM_QUESTION: Final = """
update clipferry.jobs j set callback_asked_at = now()
from public.videos v
where j.video_uuid = %(video_uuid)s and v.uuid = j.video_uuid and v.provider = %(provider)s
    and v.status in ('PENDING', 'GENERATING', 'FAILED')
    and (j.callback_asked_at is null or j.callback_asked_at <= now() - make_interval(secs => %(stale_seconds)s))
returning j.video_uuid
"""

_SET_VERDICT: Final = """
with callback as (
    update clipferry.callback_inbox set verdict = %(verdict)s where id = %(id)s returning video_uuid, provider
)
insert into clipferry.video_events (video_uuid, kind, detail)
select video_uuid, 'callback', jsonb_build_object('provider', provider, 'verdict', %(verdict)s::text) from callback
"""

_REPLACE_BODY: Final = "update clipferry.callback_inbox set body = %(body)s where id = %(id)s"

_UNANSWERED_TASK: Final = """
select c.task_id
from clipferry.callback_inbox c join public.videos v on v.uuid = c.video_uuid and v.provider = c.provider
where c.video_uuid = %(video_uuid)s and c.task_id is not null and c.verdict = %(verdict)s
order by c.id desc limit 1
"""

_SELECT: Final = """
select id, received_at, provider, video_uuid, task_id, signed_at, encode(body_sha256, 'hex') as body_sha256, body_size,
    body, verdict
from clipferry.callback_inbox
"""

_FIND: Final = _SELECT + "where id = %(id)s"

_LATEST: Final = f"""{_SELECT}
where %(video_uuid)s::text is null or video_uuid = %(video_uuid)s order by id desc limit %(limit)s
"""


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
    """Stores a callback whose signature is valid, while its video is open; `verdict` stays until `set_verdict`.

    Returns its `id`, and whether it `is_new`: the same body is kept once. No row for a video that has ended or that
    there isn't, and none when MOST_ROWS of its callbacks are kept already.
    """
    parameters = {
        "provider": provider,
        "video_uuid": video_uuid,
        "task_id": task_id,
        "signed_at": signed_at,
        "body_sha256": body_sha256,
        "body_size": body_size,
        "body": body,
        "verdict": verdict,
        "most_rows": MOST_ROWS,
    }
    return tx.query_dicts(_STORE, parameters)


def claim_question(tx: Transaction, *, video_uuid: str, provider: str, stale_seconds: int) -> Rows[dict[str, Any]]:
    """Returns a row when a callback may ask `provider` about its video now: one may in every `stale_seconds`."""
    parameters = {"video_uuid": video_uuid, "provider": provider, "stale_seconds": stale_seconds}
    return tx.query_dicts(_CLAIM_QUESTION, parameters)


def set_verdict(tx: Transaction, *, callback_id: int, verdict: Verdict) -> None:
    """Stores the result of a callback, and tells it among the video's events."""
    tx.execute(_SET_VERDICT, {"id": callback_id, "verdict": verdict})


def replace_body(tx: Transaction, *, callback_id: int, body: str) -> None:
    """Stores the body again, when more of it turns out to have to be redacted."""
    tx.execute(_REPLACE_BODY, {"id": callback_id, "body": body})


def unanswered_task(tx: Transaction, video_uuid: str) -> Rows[dict[str, Any]]:
    """Returns the last `task_id` that a callback named while the provider couldn't be asked about it."""
    return tx.query_dicts(_UNANSWERED_TASK, {"video_uuid": video_uuid, "verdict": Verdict.NO_ANSWER})


def find(tx: Transaction, callback_id: int) -> Rows[StoredCallback]:
    return tx.query(_FIND, {"id": callback_id}, StoredCallback)


def latest(tx: Transaction, *, video_uuid: str | None, limit: int) -> Rows[StoredCallback]:
    """Returns the latest callbacks of one video, or of all, newest first."""
    return tx.query(_LATEST, {"video_uuid": video_uuid, "limit": limit}, StoredCallback)
