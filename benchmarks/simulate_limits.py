"""Calculates the rate at which each limit is reached: Little's law, applied to the load of one video a second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.cost_workload import Workload, demands, requests
from clipferry.usecases.reconcile import SECONDS_FOR_ONE, WORKERS
from local.sam_template.intrinsics import parse

TEMPLATE: Final = Path(__file__).parents[1] / "template.yaml"
DATABASE_SECONDS: Final = 0.03
"""Seconds of one core for one video: `make bench-db`'s medians near the server for create, record, upload, lease and
completion (13 ms) and for fourteen reads; the client's share is included."""
FIRST_CHECK_SECONDS: Final = 45.0
"""When reconcile may check a task for the first time (Polling.first_check_seconds); then about once a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """The available capacity. Defaults: an established AWS account, the template's values, a small PostgreSQL."""

    account_concurrency: float = 1000
    """Lambda, per region; a new account may have 10."""
    requests_per_instance: float = 10
    """A second. Lambda accepts this times the account's concurrency in synchronous calls."""
    api_requests: float
    """A second: the template's throttle."""
    account_api_requests: float = 10_000
    """API Gateway, per account and region; 2,500 in the newer regions."""
    mirror_concurrency: float
    """The template's MirrorConcurrency."""
    mapping_concurrency: float = 1000
    """The largest MaximumConcurrency of an event source mapping."""
    connections: float = 85
    """Connections of a db.t4g.micro: max_connections is DBInstanceClassMemory/9531392, less what RDS reserves."""
    cores: float = 2
    provider_submits: float = 2
    """A second: KIE's 20 new tasks in 10 s, which only resellers document; ask your provider."""
    sqs_in_flight: float = 120_000
    reconcile_seconds: float
    """Seconds of each minute in which reconcile starts checks: it starts none that might end after its time-out."""
    reconcile_workers: float = WORKERS
    scaling: float = 100
    """New instances of one function a second: 1,000 every 10 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit: `demand` is the share of `ceiling` that one video a second needs."""

    name: str
    ceiling: float
    demand: float
    remedy: str
    is_soft: bool = False
    """Whether exceeding it only delays videos."""
    is_instances: bool = False
    """Whether the busiest moment counts, and not the average."""

    @property
    def rate(self) -> float:
        """The videos a second at which the limit is reached."""
        return self.ceiling / self.demand if self.demand else float("inf")


def ceilings(template: Path = TEMPLATE, **changes: float) -> Ceilings:
    """The defaults, overridden by the template's numbers and by `changes`."""
    document = parse(template.read_text(encoding="utf-8"))
    throttle = document["Resources"]["Api"]["Properties"]["DefaultRouteSettings"]["ThrottlingRateLimit"]
    reconcile = document["Resources"]["ReconcileFunction"]["Properties"]["Timeout"]
    own = {
        "api_requests": _number(throttle, document),
        "mirror_concurrency": _number({"Ref": "MirrorConcurrency"}, document),
        "reconcile_seconds": _number(reconcile, document) - SECONDS_FOR_ONE,
    }
    return Ceilings(**(own | changes))


def _number(value: Any, document: dict[str, Any]) -> float:
    """The value as a number; a reference stands for its parameter's default."""
    return float(document["Parameters"][value["Ref"]]["Default"] if isinstance(value, dict) else value)


def little(calls_per_second: float, seconds: float) -> float:
    """Little's law: the average number of calls in progress."""
    return calls_per_second * seconds


def limits(work: Workload, has: Ceilings) -> list[Limit]:
    """All limits, the first to be reached first."""
    asked = demands(work)
    mirror = asked["mirror_video"]
    api = sum(little(demand.calls, demand.seconds) for name, demand in asked.items() if name != "mirror_video")
    mirroring = little(mirror.calls, mirror.seconds)
    per_second = requests(work)
    checks = max(0.0, work.seconds - FIRST_CHECK_SECONDS) / 60
    found = [
        Limit(
            name="mirrors at a time",
            ceiling=has.mirror_concurrency,
            demand=mirroring,
            remedy="MirrorConcurrency, and connections with it",
            is_soft=True,
        ),
        Limit(
            name="requests of the API",
            ceiling=has.api_requests,
            demand=per_second,
            remedy="the throttle in template.yaml; poll less often",
        ),
        Limit(
            name="provider's new tasks",
            ceiling=has.provider_submits,
            demand=1,
            remedy="a larger plan, another key, a second provider for the model",
        ),
        Limit(
            name="reconcile",
            ceiling=has.reconcile_workers * has.reconcile_seconds / 60,
            demand=checks * (work.provider_seconds + 0.05),
            remedy="more runs at a time, connections with them: schedules, its reserved concurrency",
            is_soft=True,
        ),
        Limit(
            name="database connections",
            ceiling=has.connections,
            demand=api + mirroring,
            remedy="a pooler (PgBouncer, Neon's, Supabase's); then a larger instance",
            is_instances=True,
        ),
        Limit(
            name="database processors",
            ceiling=has.cores,
            demand=DATABASE_SECONDS,
            remedy="a larger instance",
        ),
        Limit(
            name="Lambda, instances",
            ceiling=has.account_concurrency,
            demand=api + mirroring,
            remedy="Service Quotas: concurrent executions",
            is_instances=True,
        ),
        Limit(
            name="Lambda, calls a second",
            ceiling=has.account_concurrency * has.requests_per_instance,
            demand=per_second,
            remedy="the same quota",
        ),
        Limit(
            name="API Gateway's account",
            ceiling=has.account_api_requests,
            demand=per_second,
            remedy="Service Quotas: throttle rate",
        ),
        Limit(
            name="one queue's mapping",
            ceiling=has.mapping_concurrency,
            demand=mirroring,
            remedy="a second queue with its own mapping",
        ),
        Limit(
            name="SQS, messages in flight",
            ceiling=has.sqs_in_flight,
            demand=mirroring,
            remedy="nothing: the mapping ends sooner",
        ),
    ]
    return sorted(found, key=lambda limit: limit.rate)
