"""Calculates what 1,000 videos cost, part by part."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import cost_prices as prices
from benchmarks.cost_prices import HOURS, Price
from benchmarks.cost_workload import Workload, gb_seconds, invocations, requests

TEMPLATE: Final = Path(__file__).parents[1] / "template.yaml"
_ALARM: Final = re.compile(r"^\s+Type: AWS::CloudWatch::Alarm$", re.MULTILINE)
_ALARM_SERIES: Final = re.compile(r"^\s+(?:MetricStat|Statistic): *|Expression: .*\bSELECT ", re.MULTILINE)
"""The metric series that an alarm reads. A query reads one for each provider or reason; it is counted as one."""
PART_MB: Final = 8.388608
"""MB of a part of a multipart upload; a file up to this size is sent in a single PUT (transfer's PART)."""
VIDEO_LOG_KB: Final = 2.9
"""KB of log lines and metrics for one video without failures, measured on the local stack."""
CALLS_LOG_KB: Final = 8 * 0.21
"""KB of metrics for the calls to a provider: the submit, a query for a callback, and six for status requests."""
INVOCATION_LOG_KB: Final = 0.35
"""KB of Lambda's own lines START, END and REPORT."""
ACCESS_LOG_KB: Final = 0.25
"""KB of a line in the API's access log."""
ANSWER_KB: Final = 1.0
"""KB of an answer of the API; as much again is counted for the database and the queue."""
HTTP_FUNCTIONS: Final = 4
"""The functions behind the API, which alone can start from a snapshot."""
EMPTY_RECEIVES: Final = 2 * 5 * 3 * 60
"""Receives an hour from two idle queues: Lambda has five pollers for each, with requests of 20 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the cost: `dollars` for 1,000 videos, and how they are calculated."""

    name: str
    dollars: float
    how: str


def parts(work: Workload, template: Path = TEMPLATE) -> list[Part]:
    """All parts of the cost, the largest first."""
    return sorted([*_by_video(work), *_by_month(work, template)], key=lambda part: -part.dollars)


def total(work: Workload) -> float:
    return sum(part.dollars for part in parts(work))


def _by_video(work: Workload) -> Iterator[Part]:
    gb = work.video_mb  # of a thousand videos
    yield Part(name="Bytes from AWS to R2", dollars=gb * prices.BYTES_OUT.dollars, how=f"{gb:g} GB")
    stored = gb * work.months_kept * prices.R2_STORED.dollars
    yield Part(name="Files kept in R2", dollars=stored, how=f"{gb:g} GB for {work.months_kept:g} months")
    seconds = gb_seconds(work) * 1000
    compute = (prices.LAMBDA_ARM if work.arm else prices.LAMBDA_X86).dollars
    calls = invocations(work) * 1000
    how = f"{seconds:,.0f} GB-s, {calls:,.0f} invocations"
    yield Part(name="Lambda", dollars=seconds * compute + calls * prices.INVOCATION.dollars, how=how)
    asked = requests(work) * 1000
    yield _counted("API Gateway", asked, prices.API_REQUEST)
    out = asked * ANSWER_KB * 2 / 1e6
    yield Part(name="Bytes out for answers", dollars=out * prices.BYTES_OUT.dollars, how=f"{out:.2f} GB")
    ours = VIDEO_LOG_KB + CALLS_LOG_KB
    logged = (ours + invocations(work) * INVOCATION_LOG_KB + requests(work) * ACCESS_LOG_KB) / 1000
    yield Part(name="Logs", dollars=logged * prices.LOG_GB.dollars, how=f"{logged * 1000:.0f} MB")
    yield _counted("R2 writes", 1000 * r2_writes(work.video_mb), prices.R2_WRITE)
    yield _counted("R2 reads", 1000 * (1 + 2 * work.views), prices.R2_READ)


def _by_month(work: Workload, template: Path) -> Iterator[Part]:
    """Yields the parts that are paid by the month, divided by the month's videos."""
    database = HOURS * prices.POSTGRES_HOUR.dollars + work.postgres_gb * prices.POSTGRES_GB.dollars
    alarms, series = watched(template)
    receives = EMPTY_RECEIVES * HOURS + 3 * work.per_month
    reads = work.instances * 12 * HOURS
    metrics = work.metrics * prices.METRIC.dollars + prices.DASHBOARD.dollars
    monthly = {
        "PostgreSQL": (database, f"a db.t4g.micro and {work.postgres_gb:g} GB"),
        "Metrics, dashboard": (metrics, f"{work.metrics} metrics, 1 dashboard"),
        "Alarms": (series * prices.ALARM.dollars, f"{alarms} alarms over {series} series"),
        "Reconcile and webhooks, every minute": (2 * _scheduled(work), f"{2 * 60 * HOURS:,} runs of 0.3 s"),
        "SQS": (receives * prices.SQS_REQUEST.dollars, f"{receives:,.0f} requests, most of them of empty queues"),
        "Secrets Manager": (
            prices.SECRET.dollars + reads * prices.SECRET_READ.dollars,
            f"1 secret, {reads:,.0f} readings",
        ),
    }
    if work.snapstart:
        kept, restored = snapstart(work)
        how = f"{HTTP_FUNCTIONS} snapshots of {work.memory_mb} MB, {work.cold_starts:,.0f} starts from them"
        monthly["SnapStart"] = (HTTP_FUNCTIONS * kept + work.cold_starts * restored, how)
    if work.nat:
        through = 2 * work.video_mb * work.per_month / 1000
        gateway = HOURS * prices.NAT_HOUR.dollars + through * prices.NAT_GB.dollars
        monthly["NAT gateway"] = (gateway, f"1 gateway, {through:,.0f} GB in and out")
    for name, (dollars, how) in monthly.items():
        yield Part(name=name, dollars=dollars * 1000 / work.per_month, how=f"${dollars:.2f} a month: {how}")


def watched(template: Path) -> tuple[int, int]:
    """Returns how many alarms the template has, and how many series they read."""
    text = template.read_text(encoding="utf-8")
    return len(_ALARM.findall(text)), len(_ALARM_SERIES.findall(text))


def snapstart(work: Workload) -> tuple[float, float]:
    """Returns the dollars for one function's snapshot, kept for a month, and for one start from it."""
    gb = work.memory_mb / 1024
    return gb * HOURS * 3600 * prices.SNAPSHOT_KEPT.dollars, gb * prices.SNAPSHOT_RESTORED.dollars


def _counted(name: str, number: float, price: Price) -> Part:
    return Part(name=name, dollars=number * price.dollars, how=f"{number:,.0f}")


def r2_writes(video_mb: float) -> int:
    """The class A operations for a video: one PUT, or create, parts and complete; and one PUT for the thumbnail."""
    return 2 if video_mb <= PART_MB else math.ceil(video_mb / PART_MB) + 3


def _scheduled(work: Workload) -> float:
    compute = (prices.LAMBDA_ARM if work.arm else prices.LAMBDA_X86).dollars
    run = 0.3 * work.memory_mb / 1024 * compute + prices.INVOCATION.dollars
    return 60 * HOURS * (run + INVOCATION_LOG_KB / 1e6 * prices.LOG_GB.dollars)
