"""Collects what one request learns of its providers' health, for the circuits that later requests read."""

from __future__ import annotations

from typing import Any

from clipferry.db import circuits
from clipferry.db.connection import Rows, Transaction
from clipferry.observability import count, logger


class ProviderHealth:
    """Which providers have answered, and which are down; written in the transaction that comes next anyway."""

    def __init__(self) -> None:
        self._observed: list[tuple[str, bool]] = []
        self._openings: list[tuple[str, Rows[dict[str, Any]]]] = []

    def add(self, provider: str, *, is_down: bool) -> None:
        self._observed.append((provider, is_down))

    def write(self, tx: Transaction) -> None:
        """Writes to the circuits. Must come last in its transaction: all requests share these few rows."""
        for provider, is_down in self._observed:
            if is_down:
                self._openings.append((provider, circuits.note_failure(tx, provider)))
            else:
                circuits.note_success(tx, provider)
        self._observed.clear()

    def announce(self) -> None:
        """Logs and counts the circuits that have opened. Call it after the transaction."""
        for provider, noted in self._openings:
            row = noted.first()
            if row is not None and row["has_opened"]:
                logger.error("circuit opened", provider=provider, open_seconds=circuits.OPEN_SECONDS)
                count("CircuitOpened", provider=provider)
        self._openings.clear()
