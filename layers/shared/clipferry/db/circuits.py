"""Circuit breakers: a provider that is down isn't asked to submit for a while. All Lambdas see the same ones.

Every statement travels with a transaction that runs anyway. Only a submit heeds a circuit: questions go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from clipferry.db.connection import Rows, Transaction

FAILURES: Final = 5
"""Submits in a row that came to nothing, within `WINDOW_SECONDS`, open a circuit."""
WINDOW_SECONDS: Final = 120
OPEN_SECONDS: Final = 60
"""How long a circuit stays open. Then one request probes; the others wait until it has succeeded."""

_READ_OPEN: Final = """
select provider, open_until <= now() as is_half_open from clipferry.provider_circuits where open_until is not null
"""

_CLAIM_PROBE: Final = """
update clipferry.provider_circuits set open_until = now() + make_interval(secs => %(open_seconds)s)
where provider = %(provider)s and open_until <= now()
returning provider
"""

_NOTE_FAILURE: Final = """
insert into clipferry.provider_circuits as c (provider, failures) values (%(provider)s, 1)
on conflict (provider) do update
set (failures, failing_since, opened_at, open_until) = (
    select run.failures, run.since,
           case when run.is_open then coalesce(c.opened_at, now()) end,
           case when run.is_open then now() + make_interval(secs => %(open_seconds)s) end
    from (
        select begins, case when begins then 1 else c.failures + 1 end as failures,
               case when begins then now() else c.failing_since end as since,
               c.open_until is not null or not begins and c.failures + 1 >= %(limit)s as is_open
        from (select c.failures = 0 or c.open_until is null
                     and c.failing_since < now() - make_interval(secs => %(window)s) as begins) first
    ) run
)
returning coalesce(opened_at = now(), false) as has_opened
"""

_NOTE_SUCCESS: Final = """
update clipferry.provider_circuits set failures = 0, opened_at = null, open_until = null
where provider = %(provider)s and failures > 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCircuit:
    """A provider that was down lately. When the circuit `is_half_open`, one request may probe the provider."""

    provider: str
    is_half_open: bool


def read_open(tx: Transaction) -> Rows[OpenCircuit]:
    """Returns the circuits that are open; usually none."""
    return tx.query(_READ_OPEN, {}, OpenCircuit)


def claim_probe(tx: Transaction, provider: str) -> Rows[dict[str, Any]]:
    """Returns a row to the one request that may probe; all others find the circuit open for `OPEN_SECONDS` more."""
    return tx.query_dicts(_CLAIM_PROBE, {"provider": provider, "open_seconds": OPEN_SECONDS})


def note_failure(tx: Transaction, provider: str) -> Rows[dict[str, Any]]:
    """Counts a submit that failed, not because of its order. `has_opened` says whether that opened the circuit."""
    parameters = {"provider": provider, "limit": FAILURES, "window": WINDOW_SECONDS, "open_seconds": OPEN_SECONDS}
    return tx.query_dicts(_NOTE_FAILURE, parameters)


def note_success(tx: Transaction, provider: str) -> None:
    """Closes the circuit: a submit was answered, even if by refusing the order."""
    tx.execute(_NOTE_SUCCESS, {"provider": provider})
