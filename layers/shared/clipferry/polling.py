"""When to check a video again, and how long a state may last. Everything in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """The deadlines of the settings, and the rhythm in which the provider is asked."""

    submit_deadline_seconds: int
    generation_deadline_seconds: int
    upload_deadline_seconds: int
    reconcile_interval_seconds: float
    status_refresh_seconds: int

    def first_check_seconds(self, estimated_seconds: int | None) -> float:
        """Seconds until the provider is asked for the first time: half of its own estimate, at most two minutes."""
        halfway = (estimated_seconds or 0) / 2
        return min(max(self.check_seconds, halfway), 120)

    @property
    def check_seconds(self) -> float:
        """Seconds to the next check: less than the schedule's interval, so that each run checks every video."""
        return self.reconcile_interval_seconds * 0.75

    def mirror_again_seconds(self, attempts: int) -> float:
        """Seconds to wait after a mirror that failed: doubling, at most a quarter of an hour."""
        return min(self.check_seconds * 2 ** min(max(0, attempts - 1), 16), 900)
