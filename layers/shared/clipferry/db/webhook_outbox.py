"""The outbox: what webhooks have to tell of a video's end, written in the transaction that ends it.

The row of a video whose end is told has this transaction's number (`xmin`): so a statement behind the one that ends it
sees whether that one did. A body is made once, here, and sent as it is, however often that takes.
"""

from __future__ import annotations

from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

_TELL_OF_END: Final = """
with ended as (
    select v.uuid, v.user_id, j.webhook_endpoint_id,
           case v.status when 'COMPLETED' then 'video.completed' else 'video.failed' end as kind,
           jsonb_strip_nulls(jsonb_build_object(
               'videoUuid', v.uuid, 'userId', v.user_id, 'status', v.status::text, 'model', v.model,
               'videoUrl', case v.status when 'COMPLETED' then v.video_url end,
               'thumbnailUrl', v.thumbnail_url, 'duration', v.duration, 'resolution', v.resolution,
               'aspectRatio', v.aspect_ratio, 'fileSize', v.file_size,
               'creditsUsed', case v.status when 'COMPLETED' then v.credits_used else 0 end,
               'metadata', j.metadata, 'errorCode', j.failure_code, 'error', v.error_message,
               'createdAt', to_char(v.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))) as data
    from public.videos v join clipferry.jobs j on j.video_uuid = v.uuid
    where v.uuid = %(video_uuid)s and v.status in ('COMPLETED', 'FAILED')
        and v.xmin = pg_current_xact_id_if_assigned()::xid
),
endpoint as (
    select e.id, e.switched_off from clipferry.webhook_endpoints e, ended
    where e.id = ended.webhook_endpoint_id or (e.user_id is null and e.switched_off is distinct from 'REMOVED')
),
event as (
    insert into clipferry.webhook_events (id, kind, user_id, video_uuid, body)
    select 'evt_' || replace(gen_random_uuid()::text, '-', ''), kind, user_id, uuid,
           jsonb_build_object('type', kind, 'timestamp', to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                              'data', data)::text
    from ended where exists (select from endpoint)
    returning id
)
insert into clipferry.webhook_deliveries (event_id, endpoint_id, state, next_attempt_at, queued_at)
select event.id, endpoint.id, case when switched_off is null then 'PENDING' else 'SWITCHED_OFF' end,
       case when switched_off is null then now() end, case when switched_off is null then now() end
from event, endpoint
returning case when state = 'PENDING' then id end as delivery_id
"""

_TELL_OF_LOW_CREDITS: Final = """
with account as (
    select e.id as endpoint_id, e.switched_off, e.credits_low, v.user_id,
           clipferry.available_credits(v.user_id) as credits
    from public.videos v, clipferry.webhook_endpoints e
    where v.uuid = %(video_uuid)s and v.status = 'COMPLETED' and v.xmin = pg_current_xact_id_if_assigned()::xid
        and e.user_id is null and e.credits_low is not null and e.switched_off is distinct from 'REMOVED'
),
low as (
    insert into clipferry.low_credits as l (user_id)
    select user_id from account where credits < credits_low
    on conflict (user_id) do update set told_at = now()
    where timezone('utc', l.told_at) < (
        select t.created_at from public.credit_transactions t where t.user_id = l.user_id and t.credits > 0
        order by t.id::bigint desc limit 1)
    returning user_id
),
event as (
    insert into clipferry.webhook_events (id, kind, user_id, body)
    select 'evt_' || replace(gen_random_uuid()::text, '-', ''), 'credits.low', low.user_id,
           jsonb_build_object(
               'type', 'credits.low', 'timestamp', to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'data', jsonb_build_object(
                   'userId', low.user_id, 'availableCredits', account.credits,
                   'threshold', account.credits_low))::text
    from low, account
    returning id
)
insert into clipferry.webhook_deliveries (event_id, endpoint_id, state, next_attempt_at, queued_at)
select event.id, endpoint_id, case when switched_off is null then 'PENDING' else 'SWITCHED_OFF' end,
       case when switched_off is null then now() end, case when switched_off is null then now() end
from event, account
returning case when state = 'PENDING' then id end as delivery_id
"""


def tell_of_end(tx: Transaction, video_uuid: str) -> Rows[dict[str, Any]]:
    """Writes what is to be told of a video that this transaction has ended, for whoever wants to know.

    Returns a row for each endpoint; its `delivery_id` is None where the endpoint is switched off.
    """
    return tx.query_dicts(_TELL_OF_END, {"video_uuid": video_uuid})


def tell_of_low_credits(tx: Transaction, video_uuid: str) -> Rows[dict[str, Any]]:
    """The same for the owner, when this transaction's completed video leaves its user with few credits.

    Once, until credits have come in again.
    """
    return tx.query_dicts(_TELL_OF_LOW_CREDITS, {"video_uuid": video_uuid})
