"""Deliveries of webhooks: which are due, who sends one, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction
from clipferry.db.rows import storable
from clipferry.observability import quote

LEASE_SECONDS: Final = 60
"""How long nobody else sends it: longer than the function lives."""
LOST_SECONDS: Final = 120
"""A message on the queue that has come to nothing for so long is taken for lost."""
FAILING_DAYS: Final = 5
"""An endpoint that has taken nothing for so long is switched off."""

# A receiver that never answers takes a sender for 15 seconds, and senders are few: a user with an address that fails
# has one attempt at a time.
_CLAIM: Final = """
update clipferry.webhook_deliveries d
set attempts = d.attempts + 1, attempted_at = now(), lease_until = now() + make_interval(secs => %(lease_seconds)s)
from clipferry.webhook_events e, clipferry.webhook_endpoints p
where d.id = %(id)s and d.state = 'PENDING' and d.next_attempt_at <= now()
    and (d.lease_until is null or d.lease_until <= now())
    and e.id = d.event_id and p.id = d.endpoint_id and p.switched_off is null
    and (not exists (select from clipferry.webhook_deliveries o, clipferry.webhook_endpoints q
                     where o.lease_until > now() and q.id = o.endpoint_id and q.user_id = p.user_id)
         or not exists (select from clipferry.webhook_endpoints f
                        where f.user_id = p.user_id and f.switched_off is null
                            and f.failing_since > now() - make_interval(days => %(failing_days)s)))
returning d.id, d.attempts, d.event_id, e.kind, e.video_uuid, e.body, p.url, p.user_id
"""

_NOTE_DELIVERED: Final = """
with delivery as (
    update clipferry.webhook_deliveries
    set state = 'DELIVERED', next_attempt_at = null, lease_until = null, last_status = %(status)s, last_error = null
    where id = %(id)s and state = 'PENDING'
    returning endpoint_id
)
update clipferry.webhook_endpoints p set failing_since = null
from delivery where p.id = delivery.endpoint_id and p.failing_since is not null
"""

# Only the attempt that was the last one says when the next is: a worker that wakes up late changes nothing.
_NOTE_FAILED: Final = """
with delivery as (
    update clipferry.webhook_deliveries
    set state = case when %(pause_seconds)s::float is null then 'GIVEN_UP' else 'PENDING' end,
        next_attempt_at = now() + make_interval(secs => %(pause_seconds)s::float), lease_until = null,
        queued_at = case when %(is_queued)s then now() + make_interval(secs => %(pause_seconds)s::float) end,
        last_status = %(status)s, last_error = %(error)s
    where id = %(id)s and state = 'PENDING' and attempts = %(attempt)s
    returning endpoint_id
)
update clipferry.webhook_endpoints p
set failing_since = coalesce(p.failing_since, now()),
    switched_off = case when %(is_gone)s then 'GONE'
                        when p.failing_since < now() - make_interval(days => %(failing_days)s) then 'FAILING' end,
    switched_off_at = case when %(is_gone)s or p.failing_since < now() - make_interval(days => %(failing_days)s)
                           then now() end
from delivery where p.id = delivery.endpoint_id and p.switched_off is null
returning p.switched_off, p.user_id
"""

_DROP_OF_SWITCHED_OFF: Final = """
update clipferry.webhook_deliveries d
set state = 'SWITCHED_OFF', next_attempt_at = null, lease_until = null
from clipferry.webhook_endpoints p
where p.id = d.endpoint_id and p.switched_off is not null and d.state = 'PENDING'
    and (d.lease_until is null or d.lease_until <= now())
"""

# Of a user with an address that fails the oldest one alone: the next have their turn when it works, or a minute later.
_TAKE_DUE: Final = """
with failing as (
    select distinct user_id from clipferry.webhook_endpoints
    where user_id is not null and switched_off is null
        and failing_since > now() - make_interval(days => %(failing_days)s)
),
due as (
    select d.id, d.next_attempt_at, f.user_id as failing_user
    from clipferry.webhook_deliveries d join clipferry.webhook_endpoints p on p.id = d.endpoint_id
    left join failing f on f.user_id = p.user_id
    where d.next_attempt_at <= now()
        and (d.queued_at is null or d.queued_at < now() - make_interval(secs => %(lost_seconds)s))
        and (d.lease_until is null or d.lease_until <= now())
),
turn as (
    select distinct on (failing_user, case when failing_user is null then id end) id, next_attempt_at
    from due order by failing_user, case when failing_user is null then id end, next_attempt_at, id
)
update clipferry.webhook_deliveries set queued_at = now()
where id in (
    select d.id from clipferry.webhook_deliveries d
    where d.id in (select id from turn order by next_attempt_at, id limit %(limit)s)
        and (d.queued_at is null or d.queued_at < now() - make_interval(secs => %(lost_seconds)s))
    for update skip locked
)
returning id
"""

_SELECT: Final = """
select e.id as event_id, e.created_at, e.kind, e.video_uuid, p.user_id as endpoint_of, p.url, d.state, d.attempts,
    d.attempted_at, d.next_attempt_at, d.last_status, d.last_error
from clipferry.webhook_deliveries d
join clipferry.webhook_events e on e.id = d.event_id
join clipferry.webhook_endpoints p on p.id = d.endpoint_id
"""

_LATEST: Final = f"""{_SELECT}
where (%(state)s::text is null or d.state = %(state)s)
    and (%(video_uuid)s::text is null or e.video_uuid = %(video_uuid)s)
order by d.id desc limit %(limit)s
"""

_OF_EVENT: Final = _SELECT + "where e.id = %(event_id)s order by d.id"

_EVENT: Final = "select created_at, kind, body from clipferry.webhook_events where id = %(event_id)s"

_REPLAY: Final = """
update clipferry.webhook_deliveries d
set state = 'PENDING', attempts = 0, next_attempt_at = now(), queued_at = null
from clipferry.webhook_endpoints p
where p.id = d.endpoint_id and p.switched_off is null and (d.lease_until is null or d.lease_until <= now())
    and (d.event_id = any(%(event_ids)s) or (%(is_undelivered)s and d.state in ('GIVEN_UP', 'SWITCHED_OFF')))
returning d.event_id, p.url
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What is to be sent now, by whoever has claimed it. `user_id` is the endpoint's; None for the owner's."""

    id: int
    attempts: int
    """Attempts so far, this one included."""
    event_id: str
    kind: str
    video_uuid: str | None
    body: str
    url: str
    user_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one endpoint, as an operator sees it. `endpoint_of` is None for the owner's endpoint."""

    event_id: str
    created_at: datetime
    kind: str
    video_uuid: str | None
    endpoint_of: str | None
    url: str
    state: str
    attempts: int
    attempted_at: datetime | None
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None


def claim(tx: Transaction, delivery_id: int) -> Rows[Claimed]:
    """Returns what to send, for one caller at a time; no row when it isn't due, or its turn hasn't come."""
    return tx.query(_CLAIM, {"id": delivery_id, "lease_seconds": LEASE_SECONDS, "failing_days": FAILING_DAYS}, Claimed)


def note_delivered(tx: Transaction, delivery_id: int, *, status: int) -> None:
    """Ends a delivery that was accepted."""
    tx.execute(_NOTE_DELIVERED, {"id": delivery_id, "status": status})


def note_failed(
    tx: Transaction,
    delivery: Claimed,
    *,
    status: int | None,
    error: str | None,
    pause_seconds: float | None,
    is_queued: bool,
) -> Rows[dict[str, Any]]:
    """Makes the delivery due again in `pause_seconds`, or gives it up without. `is_queued`: a message will be sent.

    Returns the endpoint's `switched_off` (a `SwitchedOff`, or None) and `user_id`: 410 switches it off at once.
    """
    parameters = {
        "id": delivery.id,
        "attempt": delivery.attempts,
        "status": status,
        "error": None if error is None else storable(quote(error)),
        "pause_seconds": pause_seconds,
        "is_queued": is_queued,
        "is_gone": status == 410,
        "failing_days": FAILING_DAYS,
    }
    return tx.query_dicts(_NOTE_FAILED, parameters)


def drop_of_switched_off(tx: Transaction) -> None:
    """Ends what waits for an endpoint that is switched off."""
    tx.execute(_DROP_OF_SWITCHED_OFF, {})


def take_due(tx: Transaction, *, limit: int) -> Rows[dict[str, Any]]:
    """Returns the ids of deliveries that are due and not on the queue, the oldest first, each to one caller."""
    return tx.query_dicts(_TAKE_DUE, {"limit": limit, "lost_seconds": LOST_SECONDS, "failing_days": FAILING_DAYS})


def latest(tx: Transaction, *, state: str | None, video_uuid: str | None, limit: int) -> Rows[Delivery]:
    """Returns the latest deliveries, newest first."""
    return tx.query(_LATEST, {"state": state, "video_uuid": video_uuid, "limit": limit}, Delivery)


def of_event(tx: Transaction, event_id: str) -> Rows[Delivery]:
    return tx.query(_OF_EVENT, {"event_id": event_id}, Delivery)


def event(tx: Transaction, event_id: str) -> Rows[dict[str, Any]]:
    """Returns the event's `created_at`, `kind` and `body`, as it is sent."""
    return tx.query_dicts(_EVENT, {"event_id": event_id})


def replay(tx: Transaction, event_ids: Sequence[str], *, undelivered: bool = False) -> Rows[dict[str, Any]]:
    """Makes these events due again for every endpoint that is on; `undelivered` adds all that were given up."""
    return tx.query_dicts(_REPLAY, {"event_ids": list(event_ids), "is_undelivered": undelivered})
