"""What lies behind a video's timeline: callbacks' bodies, the provider's own answer, deliveries, the mirror's parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clipferry.db.connection import Database
from local.providers.base import FakeProvider

_READ: Final = """
select
    (select jsonb_build_object('provider', provider, 'task', external_task_id) from public.videos
     where uuid = %(uuid)s) as video,
    (select coalesce(jsonb_agg(found), '[]') from (
        select id, received_at, provider, verdict, body_size, body from clipferry.callback_inbox
        where video_uuid = %(uuid)s order by id
    ) found) as callbacks,
    (select coalesce(jsonb_agg(found), '[]') from (
        select e.id, e.kind, p.url, d.state, d.attempts, d.attempted_at, d.next_attempt_at, d.last_status, d.last_error,
               e.body
        from clipferry.webhook_events e
        join clipferry.webhook_deliveries d on d.event_id = e.id
        join clipferry.webhook_endpoints p on p.id = d.endpoint_id
        where e.video_uuid = %(uuid)s order by d.id
    ) found) as deliveries,
    (select to_jsonb(found) from (
        select key, size, sha256, source_etag, part_size, parts, updated_at from clipferry.mirrored_files
        where video_uuid = %(uuid)s
    ) found) as file
"""


def read(database: Database, uuid: str, fakes: Mapping[str, FakeProvider]) -> dict[str, Any]:
    """Returns all that is known of the video. `answer` is what a fake would say now; None for a real provider."""
    with database.transaction() as tx:
        found = tx.query_dicts(_READ, {"uuid": uuid})
    [records] = found.all()
    return {"answer": _answer(records.pop("video"), fakes), **records}


def _answer(video: dict[str, Any] | None, fakes: Mapping[str, FakeProvider]) -> dict[str, Any] | None:
    fake = fakes.get(video["provider"] or "") if video else None
    task = fake.tasks.get(video["task"] or "") if video and fake else None
    return fake.report(task) if fake and task else None
