"""What providers charged: kept with each video's job, and added up beside the credits that were taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction
from clipferry.provider_cost import ProviderCost

# Only for the video's own task: a callback may have claimed another's. The same cost said twice is one event.
_NOTE: Final = """
with job as (
    update clipferry.jobs j
    set provider_cost = %(amount)s, provider_cost_currency = %(currency)s
    from public.videos v
    where j.video_uuid = %(uuid)s and v.uuid = j.video_uuid and v.external_task_id = %(task_id)s
        and (j.provider_cost, j.provider_cost_currency) is distinct from (%(amount)s::numeric, %(currency)s::text)
    returning j.video_uuid, j.provider_cost, j.provider_cost_currency
)
insert into clipferry.video_events (video_uuid, kind, detail)
select video_uuid, 'provider_cost',
       jsonb_build_object('amount', provider_cost::text, 'currency', provider_cost_currency) from job
"""

_OF: Final = """
select video_uuid, provider_cost::float8 as provider_cost, provider_cost_currency
from clipferry.jobs where video_uuid = any(%(uuids)s) and provider_cost is not null
"""

_BY_MODEL: Final = """
select v.model, v.provider, count(*)::integer as videos,
       (count(*) filter (where v.status = 'COMPLETED'))::integer as completed,
       coalesce(sum(v.credits_used) filter (where v.status = 'COMPLETED'), 0)::bigint as credits_taken,
       sum(j.provider_cost)::float8 as provider_cost, j.provider_cost_currency as currency,
       (count(*) filter (where j.provider_cost is null))::integer as unknown
from public.videos v left join clipferry.jobs j on j.video_uuid = v.uuid
where v.created_at >= timezone('utc', now()) - make_interval(days => %(days)s) and v.external_task_id is not null
group by v.model, v.provider, j.provider_cost_currency
order by v.model, v.provider, j.provider_cost_currency nulls last
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """A model at a provider: credits that users paid for its completed videos, and what the provider charged for all.

    `unknown` counts the videos whose cost the provider didn't say.
    """

    model: str
    provider: str | None
    videos: int
    completed: int
    credits_taken: int
    provider_cost: float | None
    currency: str | None
    unknown: int


def note(tx: Transaction, *, uuid: str, task_id: str, cost: ProviderCost | None) -> None:
    """Writes what the task cost, and an event, if the task is the video's; nothing without a cost."""
    if cost is not None:
        parameters = {"uuid": uuid, "task_id": task_id, "amount": cost.amount, "currency": cost.currency.value}
        tx.execute(_NOTE, parameters)


def of(tx: Transaction, uuids: list[str]) -> Rows[dict[str, Any]]:
    """Returns `video_uuid`, `provider_cost` and `provider_cost_currency` of those that have a cost."""
    return tx.query_dicts(_OF, {"uuids": uuids})


def by_model(tx: Transaction, *, days: int) -> Rows[ModelCost]:
    """Returns the costs of videos that a provider took in the last `days`, deleted ones too."""
    return tx.query(_BY_MODEL, {"days": days}, ModelCost)
