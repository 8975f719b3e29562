"""Whose turn it is among the videos that are due: many at a time, and no provider takes the turns of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from clipferry.db.jobs import Due

LONG_SECONDS: Final = 3.0
"""A look that takes so long was spent waiting for the provider."""
PATIENCE: Final = 3
"""Long looks at one provider's videos in one run: then the rest of them wait for the next, and others get a turn."""


class ProviderThrottle:
    """Of one run, which looks at `most` videos at a time. Not for several threads: one gives the turns to all.

    A provider begins with `PATIENCE` looks at a time, and each answer allows one more. When one doesn't come, or takes
    long, there is one look at a time until the next: whoever says 429 or is down isn't pressed by all at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()
        self._waiting: list[Due] = []
        self._again: list[Due] = []
        self._under_way = Counter[str]()
        self._at_a_time: dict[str, int] = {}
        self._long = Counter[str]()

    @property
    def waiting(self) -> tuple[Due, ...]:
        """Who hasn't had a turn."""
        return tuple(self._waiting)

    @property
    def excluded_providers(self) -> list[str]:
        """The providers that have as many looks under way as they may have."""
        return [provider for provider, looks in self._under_way.items() if looks >= self._room_of(provider)]

    @property
    def unseen(self) -> tuple[Due, ...]:
        """Who was claimed for nothing: those that wait, and those that were due once more in this run."""
        return (*self._waiting, *self._again)

    def add(self, claimed: Iterable[Due]) -> None:
        """A video that has had its turn in this run has no other."""
        for due in claimed:
            (self._again if due.uuid in self._known else self._waiting).append(due)
            self._known.add(due.uuid)

    def take(self) -> Due | None:
        """The video to look at now; None while those that wait have to go on waiting."""
        for place, due in enumerate(self._waiting):
            if self._under_way[due.provider] < self._room_of(due.provider):
                self._under_way[due.provider] += 1
                return self._waiting.pop(place)
        return None

    def end(self, due: Due, *, seconds: float, is_answered: bool) -> None:
        """A look has ended, after so many seconds."""
        provider, is_long = due.provider, seconds > LONG_SECONDS
        self._under_way[provider] -= 1
        self._long[provider] += is_long
        self._at_a_time[provider] = self._room_of(provider) + 1 if is_answered and not is_long else 1

    def _room_of(self, provider: str) -> int:
        """How many of its videos may be looked at at a time."""
        if self._long[provider] >= PATIENCE:
            return 0
        return min(self._at_a_time.get(provider, PATIENCE), self._most)
