"""A template's functions, their events and environment, and its queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from local.lambda_runtime.routes import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSource:
    """A function's event source mapping; `queue` is the queue's logical id."""

    queue: str
    batch_size: int
    reports_batch_failures: bool
    maximum_concurrency: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`seconds` is its period; a cron expression is taken for a daily one."""

    expression: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function. `environment` is what could be resolved; `unresolved` says why other variables couldn't."""

    name: str
    """The logical id."""
    module: str
    attribute: str
    timeout_seconds: int
    memory_mb: int
    environment: Mapping[str, str]
    unresolved: Mapping[str, str]
    routes: tuple[Route, ...] = ()
    queues: tuple[QueueSource, ...] = ()
    schedules: tuple[Schedule, ...] = ()

    @property
    def has_events(self) -> bool:
        """False for one that only a deployment or a person calls; the local stack leaves it alone."""
        return bool(self.routes or self.queues or self.schedules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue; without `dead_letters` (a logical id), a message is received for ever."""

    name: str
    visibility_seconds: int
    retention_seconds: int | None
    dead_letters: str | None
    max_receive_count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """The HTTP API's own CORS configuration, which answers preflights that no route takes."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    credentials: bool = False
    max_age_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The resources that running the functions needs."""

    functions: tuple[Function, ...]
    queues: tuple[Queue, ...]
    cors: Cors | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables of every function that has events, in one."""
    unresolved: Mapping[str, str] = field(default_factory=dict)
    """The variables that have no local value, each with the reason; the local stack has to give them one."""

    @property
    def routes(self) -> tuple[Route, ...]:
        return tuple(route for function in self.functions for route in function.routes)

    def function(self, name: str) -> Function:
        """The function with this logical id; raises KeyError."""
        return {function.name: function for function in self.functions}[name]
