"""Whom webhooks are sent to: the owner's address, and those that users' requests name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from clipferry.db.connection import Rows, Transaction

_SET_OWNERS: Final = """
insert into clipferry.webhook_endpoints as e (user_id, url, credits_low) values (null, %(url)s, %(credits_low)s)
on conflict ((true)) where user_id is null do update
set url = excluded.url, credits_low = excluded.credits_low,
    failing_since = case when e.url = excluded.url then e.failing_since end,
    switched_off = case when e.url = excluded.url and e.switched_off <> 'REMOVED' then e.switched_off end,
    switched_off_at = case when e.url = excluded.url and e.switched_off <> 'REMOVED' then e.switched_off_at end
where (e.url, e.credits_low) is distinct from (excluded.url, excluded.credits_low) or e.switched_off = 'REMOVED'
"""

_REMOVE_OWNERS: Final = """
update clipferry.webhook_endpoints set switched_off = 'REMOVED', switched_off_at = now()
where user_id is null and switched_off is distinct from 'REMOVED'
"""

# An order that names an endpoint which is switched off switches it on: the caller means it.
_NAME_IN_REQUEST: Final = """
with endpoint as (
    insert into clipferry.webhook_endpoints as e (user_id, url)
    select v.user_id, %(url)s from public.videos v where v.uuid = %(video_uuid)s
    on conflict (user_id, url) where user_id is not null do update
    set failing_since = case when e.switched_off is null then e.failing_since end,
        switched_off = null, switched_off_at = null
    returning id
)
update clipferry.jobs j set webhook_endpoint_id = endpoint.id from endpoint where j.video_uuid = %(video_uuid)s
"""

_SWITCH_ON: Final = """
update clipferry.webhook_endpoints set failing_since = null, switched_off = null, switched_off_at = null
where user_id is null and url = %(url)s
"""

_LIST: Final = """
select e.user_id, e.url, e.failing_since, e.switched_off, e.switched_off_at,
       (select count(*) from clipferry.webhook_deliveries d
        where d.endpoint_id = e.id and d.state = 'PENDING') as pending
from clipferry.webhook_endpoints e order by e.user_id nulls first, e.id limit %(limit)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One address. `user_id` is None for the owner's; `pending` counts what is still to be delivered."""

    user_id: str | None
    url: str
    failing_since: datetime | None
    switched_off: str | None
    """A `SwitchedOff`, or None."""
    switched_off_at: datetime | None
    pending: int


def set_owners(tx: Transaction, *, url: str | None, credits_low: int | None) -> None:
    """Takes over what the settings say: another URL switches it on, none at all switches it off."""
    if url is None:
        tx.execute(_REMOVE_OWNERS, {})
    else:
        tx.execute(_SET_OWNERS, {"url": url, "credits_low": credits_low})


def name_in_request(tx: Transaction, *, video_uuid: str, url: str) -> None:
    """Has `url` told of the video's end too; does nothing when there is no such video."""
    tx.execute(_NAME_IN_REQUEST, {"video_uuid": video_uuid, "url": url})


def switch_on(tx: Transaction, url: str) -> None:
    """Switches the owner's endpoint on again, if that is its URL."""
    tx.execute(_SWITCH_ON, {"url": url})


def list_all(tx: Transaction, *, limit: int) -> Rows[Endpoint]:
    """Returns the owner's endpoint first, then those of users."""
    return tx.query(_LIST, {"limit": limit}, Endpoint)
