"""The load that a video puts on each function: assumptions for both cost and simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VCPU_MB: Final = 1769
"""MB of a function's memory that get one whole vCPU (AWS, "Configure Lambda function memory")."""
MIRROR_CPU_PER_GB: Final = 1.75
"""Seconds, measured (docs/performance-mirror.md): TLS in, sha256, TLS out."""
THUMBNAIL_CPU: Final = 0.12
"""Seconds of CPU, measured: the worker process, with its imports."""
OUR_SECONDS: Final = 0.1
"""Seconds that an order or a callback takes beside the provider's answer: the database's round trips."""
READ_SECONDS: Final = 0.04
"""Seconds of a request that only reads."""
STATUS_REFRESH_SECONDS: Final = 15
"""The setting of this name: status requests in between don't ask the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The assumptions about the videos and their surroundings. MB are 10^6 bytes."""

    video_mb: float = 20.0
    seconds: float = 90
    """How long a provider takes."""
    polls: float = 12
    """Status requests for a video."""
    callbacks: float = 2
    views: float = 3
    """How often a video is played, two requests each."""
    months_kept: float = 12
    per_month: float = 10_000
    """Videos a month, by which monthly prices are divided."""
    provider_seconds: float = 0.5
    """A provider's answer to one question; a submit takes twice as long."""
    mirror_mb_per_second: float = 40
    """The network speed of a mirror, over all connections."""
    memory_mb: int = 512
    mirror_memory_mb: int = 1024
    arm: bool = False
    nat: bool = False
    snapstart: bool = False
    cold_starts: float = 3_000
    """In a month, of the functions behind the API."""
    instances: float = 5
    """Instances that are warm all the time and read the secret every five minutes."""
    metrics: int = 22
    """Metric series that get values in an ordinary hour."""
    postgres_gb: float = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """The load of one video on a function: `calls` of `seconds` each, on average."""

    calls: float
    seconds: float
    memory_mb: int

    @property
    def busy_seconds(self) -> float:
        return self.calls * self.seconds


def demands(work: Workload) -> dict[str, Demand]:
    """The demand by function, without the scheduled ones, which run whether there are videos or not."""
    questions = min(work.polls, work.seconds / STATUS_REFRESH_SECONDS)
    reads = work.polls + 2
    read = READ_SECONDS + questions * work.provider_seconds / reads
    api = work.memory_mb
    return {
        "create_video": Demand(calls=1, seconds=2 * work.provider_seconds + OUR_SECONDS, memory_mb=api),
        "receive_callback": Demand(calls=work.callbacks, seconds=work.provider_seconds + OUR_SECONDS, memory_mb=api),
        "query_videos": Demand(calls=reads, seconds=read, memory_mb=api),
        "mirror_video": Demand(calls=1, seconds=mirror_seconds(work), memory_mb=work.mirror_memory_mb),
    }


def requests(work: Workload) -> float:
    """Requests to the API for one video: the order, its callbacks, status requests, two lists."""
    return sum(demand.calls for name, demand in demands(work).items() if name != "mirror_video")


def invocations(work: Workload) -> float:
    """Invocations of all functions for one video."""
    return sum(demand.calls for demand in demands(work).values())


def gb_seconds(work: Workload) -> float:
    """GB-seconds of all functions for one video."""
    return sum(demand.busy_seconds * demand.memory_mb / 1024 for demand in demands(work).values())


def mirror_seconds(work: Workload) -> float:
    """Seconds of one mirror: the slower of network and CPU, the thumbnail, and half a second of round trips."""
    cpus = work.mirror_memory_mb / VCPU_MB
    network = work.video_mb / work.mirror_mb_per_second
    return max(network, work.video_mb / 1000 * MIRROR_CPU_PER_GB / cpus) + THUMBNAIL_CPU / min(cpus, 1) + 0.5
