"""The history of one video in the order in which it happened: events, callbacks, holds, ledger. `explain` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

# A package says how its credits came: a payment by its order number, a grant by the remark, which names the admin. The
# original application doesn't enforce an allocation's form, so nothing is cast.
_READ: Final = """
select at, source, what, detail from (
    select at, 'video' as source, kind as what, detail, id from clipferry.video_events where video_uuid = %(uuid)s
    union all
    select received_at, 'callback', 'from ' || provider,
           jsonb_build_object('inbox', id, 'task', task_id, 'bytes', body_size, 'verdict', verdict), id
    from clipferry.callback_inbox where video_uuid = %(uuid)s
    union all
    select created_at at time zone 'utc', 'hold', 'held',
           jsonb_build_object('hold', id, 'credits', credits, 'packages', (
               select jsonb_agg(share.took || jsonb_strip_nulls(jsonb_build_object(
                   'type', p.trans_type, 'order', p.order_no, 'remark', (
                       select t.remark from public.credit_transactions t
                       where t.user_id = h.user_id and t.package_id = p.id and t.credits > 0 order by t.id limit 1)
               )) order by share.n)
               from jsonb_path_query(h.package_allocation, '$[*]') with ordinality share (took, n)
               left join public.credit_packages p on p.user_id = h.user_id and p.id::text = share.took ->> 'packageId'
           )), id
    from public.credit_holds h where video_uuid = %(uuid)s
    union all
    select settled_at at time zone 'utc', 'hold', lower(status), jsonb_build_object('hold', id, 'credits', credits), id
    from public.credit_holds where video_uuid = %(uuid)s and settled_at is not null
    union all
    select created_at at time zone 'utc', 'ledger', trans_type::text,
           jsonb_build_object('credits', credits, 'balance', balance_after, 'number', trans_no), id
    from public.credit_transactions where video_uuid = %(uuid)s
    union all
    select updated_at, 'file', 'mirrored',
           jsonb_strip_nulls(jsonb_build_object(
               'key', key, 'bytes', size, 'milliseconds', duration_ms, 'width', width, 'height', height,
               'codec', codec, 'audio', has_audio, 'rate', frame_rate)), 0
    from clipferry.mirrored_files where video_uuid = %(uuid)s and sha256 is not null
    union all
    select coalesce(d.attempted_at, e.created_at), 'webhook', e.kind,
           jsonb_strip_nulls(jsonb_build_object(
               'event', e.id, 'to', coalesce(p.user_id, 'the owner'), 'state', d.state, 'attempts', d.attempts,
               'answer', d.last_status)), d.id
    from clipferry.webhook_events e
    join clipferry.webhook_deliveries d on d.event_id = e.id
    join clipferry.webhook_endpoints p on p.id = d.endpoint_id
    where e.video_uuid = %(uuid)s
) entries
order by at::timestamptz(3), source desc, id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One line of the history. `source` is video, callback, hold, ledger, file or webhook."""

    at: datetime
    source: str
    what: str
    detail: dict[str, Any]


def read(tx: Transaction, uuid: str) -> Rows[TimelineEntry]:
    return tx.query(_READ, {"uuid": uuid}, TimelineEntry)
