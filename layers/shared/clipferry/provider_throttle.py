"""Decides which due video is checked next: many at a time, and a slow provider doesn't hold up the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from clipferry.db.jobs import DueVideo

FIRST_LIMIT: Final = 3
"""Checks at a time with which a provider begins a run."""
SLOW_SECONDS: Final = 3.0
"""A check that takes longer was spent waiting for the provider."""
MOST_SLOW_CHECKS: Final = 3
"""After so many slow checks in one run the rest of the provider's videos wait for the next run."""


class ProviderThrottle:
    """Limits the concurrent checks of one run to `limit`, and those of each provider by how it answers.

    A provider begins with FIRST_LIMIT checks at a time, and each answer allows one more. After a question without an
    answer, or a slow one, there is one check at a time until the next answer: a provider that says 429 or is down isn't
    asked by all workers at once. Not thread-safe: one thread acquires and releases for all workers.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._claimed: set[str] = set()
        self._waiting: list[DueVideo] = []
        self._claimed_again: list[DueVideo] = []
        self._running = Counter[str]()
        self._limits: dict[str, int] = {}
        self._slow = Counter[str]()

    @property
    def waiting(self) -> tuple[DueVideo, ...]:
        """Videos that haven't been checked yet."""
        return tuple(self._waiting)

    @property
    def excluded_providers(self) -> list[str]:
        """Providers that have as many checks running as they may have."""
        return [provider for provider, running in self._running.items() if running >= self._limit_of(provider)]

    @property
    def unchecked(self) -> tuple[DueVideo, ...]:
        """Videos that were claimed and not checked: those that wait, and those that this run had checked before."""
        return (*self._waiting, *self._claimed_again)

    def add(self, claimed: Iterable[DueVideo]) -> None:
        """Adds what was claimed; a video is checked once in a run."""
        for due in claimed:
            (self._claimed_again if due.uuid in self._claimed else self._waiting).append(due)
            self._claimed.add(due.uuid)

    def acquire(self) -> DueVideo | None:
        """The video to check now; None while those that wait have to go on waiting."""
        for place, due in enumerate(self._waiting):
            if self._running[due.provider] < self._limit_of(due.provider):
                self._running[due.provider] += 1
                return self._waiting.pop(place)
        return None

    def release(self, due: DueVideo, *, seconds: float, is_answered: bool) -> None:
        """Ends a check that took `seconds`; `is_answered` is False when the provider gave no answer."""
        provider, is_slow = due.provider, seconds > SLOW_SECONDS
        self._running[provider] -= 1
        self._slow[provider] += is_slow
        self._limits[provider] = self._limit_of(provider) + 1 if is_answered and not is_slow else 1

    def _limit_of(self, provider: str) -> int:
        if self._slow[provider] >= MOST_SLOW_CHECKS:
            return 0
        return min(self._limits.get(provider, FIRST_LIMIT), self._limit)
