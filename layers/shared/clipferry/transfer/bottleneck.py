"""Finds out whether the processor or the network is the limit; only against the network do more workers help."""

from __future__ import annotations

import time
from collections.abc import Mapping

BUSY = 0.6
"""Share of the CPUs that are ours. Above it, more connections would only cost more CPU."""
WINDOW_SECONDS = 0.15
WINDOWS_PER_PART = 8
"""Often enough that other workers can start within the first part."""
_LAMBDA_MB_PER_CPU = 1769
_SCHEDULER_STATISTICS = "/proc/thread-self/schedstat"


def owned_cpus(environ: Mapping[str, str]) -> float:
    """Returns the CPUs that a Lambda's memory size gives it, at most the one that Python can use; 1 outside of Lambda.

    Source: AWS Lambda Developer Guide, "Configure Lambda function memory": 1,769 MB have one vCPU.
    """
    memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return min(int(memory) / _LAMBDA_MB_PER_CPU, 1.0) if memory.isdecimal() else 1.0


def waited_seconds() -> float:
    """Returns how long this thread was ready to run and had no processor: others had it, or its share was used up.

    0 where the kernel doesn't count it. Source: Linux's documentation, "Scheduler Statistics".
    """
    try:
        with open(_SCHEDULER_STATISTICS, "rb") as file:  # noqa: PTH123 (pathlib costs 5 ms)
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


class BottleneckDetector:
    """Measures CPU use in windows of an eighth of a part, and of a whole one: answers to parts come once in a part.

    Made and used by one thread.
    """

    def __init__(self, cpus: float, part_size: int) -> None:
        self._windows = (_Window(cpus, part_size // WINDOWS_PER_PART), _Window(cpus, part_size))

    def network_is_the_limit(self, moved: int) -> bool:
        """Takes the bytes moved since the last call; returns False, too, while no window is over."""
        idle = [window.was_idle(moved) for window in self._windows]
        return any(idle)


class _Window:
    """Measures CPU use while so many bytes move, or in 150 ms, whichever ends first.

    One short window may be idle by chance, so it takes two of them, or one of 150 ms.
    """

    def __init__(self, cpus: float, window_bytes: int) -> None:
        self._cpus = cpus
        self._window_bytes = window_bytes
        self._moved = 0
        self._was_idle = False
        self._since = time.monotonic()
        self._cpu_since = time.process_time()
        self._waited_since = waited_seconds()

    def was_idle(self, moved: int) -> bool:
        self._moved += moved
        elapsed = time.monotonic() - self._since
        if self._moved < self._window_bytes and elapsed < WINDOW_SECONDS:
            return False
        used = time.process_time() - self._cpu_since
        self._moved, self._since, self._cpu_since = 0, time.monotonic(), time.process_time()
        was_idle, self._was_idle = self._was_idle, used < BUSY * self._cpus * elapsed and self._had_a_cpu(used, elapsed)
        return self._was_idle and (was_idle or elapsed >= WINDOW_SECONDS)

    def _had_a_cpu(self, used: float, elapsed: float) -> bool:
        """Whether the rest of a window with little CPU use wasn't spent waiting for the processor."""
        before, self._waited_since = self._waited_since, waited_seconds()
        return used + self._waited_since - before < BUSY * max(self._cpus, 1.0) * elapsed
