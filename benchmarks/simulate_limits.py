"""Where each limit sits: Little's law over what a video asks, against what account, template and database give."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.cost_workload import Workload, demands, requests
from clipferry.usecases.reconcile import SECONDS_FOR_ONE, WORKERS
from local.sam_template.intrinsics import parse

TEMPLATE: Final = Path(__file__).parents[1] / "template.yaml"
DATABASE_SECONDS: Final = 0.03
"""Of one core's time for one video: `make bench-db`'s medians near the server of create, record, upload, lease and
completion (13 ms) and fourteen reads; the client's own share is in it."""
FIRST_LOOK_SECONDS: Final = 45.0
"""When reconcile may ask about a task for the first time (Polling.first_check_seconds); then about once a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """What there is. Defaults: an established AWS account, the template's, a small PostgreSQL."""

    account_concurrency: float = 1000
    """Lambda, per region; a new account may have 10."""
    requests_per_instance: float = 10
    """A second; Lambda takes no more synchronous calls than this times the account's concurrency."""
    api_requests: float
    """A second: the template's throttle."""
    account_api_requests: float = 10_000
    """API Gateway, per account and region; 2,500 in the newer regions."""
    mirror_concurrency: float
    """The template's MirrorConcurrency."""
    mapping_concurrency: float = 1000
    """The largest MaximumConcurrency of an event source mapping."""
    connections: float = 85
    """A db.t4g.micro: max_connections there is DBInstanceClassMemory/9531392, less what RDS keeps for itself."""
    cores: float = 2
    provider_submits: float = 2
    """A second: KIE's 20 new tasks in 10 s, which only resellers write of; ask your provider."""
    sqs_in_flight: float = 120_000
    reconcile_seconds: float
    """Of each minute that it looks after videos: it begins none when the next might end after its time-out."""
    reconcile_workers: float = WORKERS
    scaling: float = 100
    """New instances of one function a second: 1,000 every 10 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """`demand` is what one video a second needs of `ceiling`."""

    name: str
    ceiling: float
    demand: float
    remedy: str
    is_soft: bool = False
    """Past it videos only come later."""
    is_instances: bool = False
    """What counts is the worst moment, not the average."""

    @property
    def rate(self) -> float:
        """Videos a second at which it is reached."""
        return self.ceiling / self.demand if self.demand else float("inf")


def ceilings(template: Path = TEMPLATE, **changes: float) -> Ceilings:
    """The defaults, with the template's own numbers and `changes` in them."""
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
    """A number, or the default of the parameter that is referred to."""
    return float(document["Parameters"][value["Ref"]]["Default"] if isinstance(value, dict) else value)


def little(calls_per_second: float, seconds: float) -> float:
    """Little's law: the calls that are at work at a time, on average."""
    return calls_per_second * seconds


def limits(work: Workload, has: Ceilings) -> list[Limit]:
    """All of them, the first to be reached in front."""
    asked = demands(work)
    mirror = asked["mirror_video"]
    api = sum(little(demand.calls, demand.seconds) for name, demand in asked.items() if name != "mirror_video")
    mirroring = little(mirror.calls, mirror.seconds)
    per_second = requests(work)
    looks = max(0.0, work.seconds - FIRST_LOOK_SECONDS) / 60
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
            demand=looks * (work.provider_seconds + 0.05),
            remedy="more runs at a time, connections with them: schedules, its reserved concurrency",
            is_soft=True,
        ),
        Limit(
            name="database connections",
            ceiling=has.connections,
            demand=api + mirroring,
            remedy="a pooler (PgBouncer, RDS Proxy, Neon's); then a larger instance",
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
