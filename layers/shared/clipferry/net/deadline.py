"""A moment by which something must be done."""

from __future__ import annotations

import time


class Deadline:
    """A moment, `seconds` from now, on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left; raises TimeoutError when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("out of time")
        return left

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._end

    def ends_within(self, seconds: float) -> bool:
        """Whether less than `seconds` are left."""
        return self._end - time.monotonic() < seconds
