"""The callback inbox: what rang, when, for which video, and what came of it. Secrets were redacted before."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

_RECEIVE: Final = """
insert into clipferry.callback_inbox (provider, video_uuid, task_id, signed_at, body_sha256, body_size, body)
values (%(provider)s, %(video_uuid)s, %(task_id)s, %(signed_at)s, %(body_sha256)s, %(body_size)s, %(body)s)
returning id
"""

_JUDGE: Final = """
with callback as (
    update clipferry.callback_inbox set verdict = %(verdict)s where id = %(id)s returning video_uuid, provider
)
insert into clipferry.video_events (video_uuid, kind, detail)
select video_uuid, 'callback', jsonb_build_object('provider', provider, 'verdict', %(verdict)s::text) from callback
"""


def receive(
    tx: Transaction,
    *,
    provider: str,
    video_uuid: str,
    task_id: str | None,
    signed_at: datetime,
    body_sha256: bytes,
    body_size: int,
    body: str,
) -> Rows[dict[str, Any]]:
    """Keeps a callback whose signature is valid; returns its `id`."""
    parameters = {
        "provider": provider,
        "video_uuid": video_uuid,
        "task_id": task_id,
        "signed_at": signed_at,
        "body_sha256": body_sha256,
        "body_size": body_size,
        "body": body,
    }
    return tx.records(_RECEIVE, parameters)


def judge(tx: Transaction, *, callback_id: int, verdict: str) -> None:
    """Writes what came of a callback."""
    tx.send(_JUDGE, {"id": callback_id, "verdict": verdict})
