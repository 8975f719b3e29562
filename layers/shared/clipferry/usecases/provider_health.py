"""What one request learns of its providers' health, which the circuits keep for the next ones."""

from __future__ import annotations

from typing import Any

from clipferry.db import circuits
from clipferry.db.connection import Rows, Transaction
from clipferry.observability import count, logger


class ProviderHealth:
    """Collects who answered and who is down; it is written along with whatever is written next."""

    def __init__(self) -> None:
        self._news: list[tuple[str, bool]] = []
        self._openings: list[tuple[str, Rows[dict[str, Any]]]] = []

    def add(self, provider: str, *, is_down: bool) -> None:
        self._news.append((provider, is_down))

    def write(self, tx: Transaction) -> None:
        """Last in its transaction: all requests share these few rows."""
        for provider, is_down in self._news:
            if is_down:
                self._openings.append((provider, circuits.note_failure(tx, provider)))
            else:
                circuits.note_success(tx, provider)
        self._news.clear()

    def announce(self) -> None:
        """After the transaction."""
        for provider, noted in self._openings:
            row = noted.first()
            if row is not None and row["has_opened"]:
                logger.error("circuit opened", provider=provider, rest_seconds=circuits.REST_SECONDS)
                count("CircuitOpened", provider=provider)
        self._openings.clear()
